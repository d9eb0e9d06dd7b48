import { type Func, i32, integers, type ModuleBuilder, v128 } from '../assembler/index.ts'
import { Lanes } from './lanes.ts'
import { copyElement, type Real, reals } from './real.ts'

const panelParams = integers('from', 'lane', 'step', 'lanes', 'depth', 'to')
const params = { ...panelParams, ...integers('panelStep') }

export type Pack = Func<typeof params, 'none'>
type PackPanel = Func<typeof panelParams, 'none'>

/**
 * Copies `lanes` lanes of `depth` elements into panels of `width` lanes, one after the other, each front to back as a tile
 * reads it: `to[panel][k][i] = from[(panel·width + i)·lane + k·step]`.
 *
 * `lane` and `step` are in bytes and may be anything; panels lie `panelStep` bytes apart. A is packed in panels of 4 rows, B in
 * panels of two vectors of columns.
 */
export function writePack(module: ModuleBuilder, type: Real, width: number): Pack {
  const panel = writePackPanel(module, type, width)
  return module.func(`pack${width}`, { params }, (f, { from, lane, step, lanes, depth, to, panelStep }) => {
    const nextLanes = f.let(i32.mul(lane, width))
    f.for(0, lanes, width, (first) => {
      f.do(panel.call({ from, lane, step, lanes: i32.sub(lanes, first), depth, to }))
      f.set(from, i32.add(from, nextLanes))
      f.set(to, i32.add(to, panelStep))
    })
  })
}

/** The same for one panel, of which at least one lane exists. */
function writePackPanel(module: ModuleBuilder, type: Real, width: number): PackPanel {
  const { bytes, lanes: size } = reals[type]
  return module.func(`packPanel${width}`, { params: panelParams }, (f, { from, lane, step, lanes, depth, to }) => {
    const advance = (count: number): void => {
      f.set(from, i32.add(from, count === 1 ? step : i32.const(count * bytes)))
      f.set(to, i32.add(to, count * width * bytes))
      f.set(depth, i32.sub(depth, count))
    }
    // Lanes side by side in memory: copy vectors.
    f.if(i32.and(i32.eq(lane, bytes), i32.geU(lanes, width)), () => {
      f.while(depth, () => {
        for (let at = 0; at < width * bytes; at += 16) f.do(v128.store(to, v128.load(from, at, bytes), at))
        advance(1)
      })
      f.return()
    })
    const source = new Lanes(f, type, width, lane, lanes)
    // Each lane a run in memory: transpose small squares.
    f.if(i32.eq(step, bytes), () => {
      f.while(i32.geU(depth, size), () => {
        source.transposed(from, (vector, k, first) => f.do(v128.store(to, vector, (k * width + first) * bytes)))
        advance(size)
      })
    })
    f.while(depth, () => {
      source.each(from, (address, i) => f.do(copyElement(type, to, address, i * bytes)))
      advance(1)
    })
  })
}
