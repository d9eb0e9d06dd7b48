/** The code of the gradient of a kernel by tiles: see winograd.ts. */
import { f32x4, type Func, i32, integers, type Local, memory, ModuleBuilder, v128 } from '../assembler/index.ts'
import { writeRectangle } from '../gemm/rectangle.ts'
import { add, beginTiles, kernelWords, mul, params, sub, type Vector, writeIn } from './winograd-tiles.ts'

const slopeParams = integers('from', 'row', 'pixel', 'to', 'step', 'bytes', 'rows', 'columns')

/** `E = A e Aᵀ` of 2 × 2 gradients, of which `rows` × `columns` exist, in each filter: 16 rows, `step` apart. */
function writeSlopeIn(module: ModuleBuilder): Func<typeof slopeParams, 'none'> {
  return module.func('slopeIn', { params: slopeParams }, (f, p) => {
    const mix = ([a, b]: readonly Vector[]): Vector[] => [a, f.let(add(a, b)), f.let(sub(a, b)), f.let(f32x4.neg(b))]
    const below = f.let(i32.add(p.from, p.row))
    f.for(0, p.bytes, 16, () => {
      const line = (at: Local<'i32'>): Vector[] => {
        const right = f.let(f32x4.const(0))
        f.if(i32.gtS(p.columns, 1), () => f.set(right, v128.load(i32.add(at, p.pixel), 0, 4)))
        return [f.let(v128.load(at, 0, 4)), right]
      }
      const top = line(p.from)
      const bottom = [f.let(f32x4.const(0)), f.let(f32x4.const(0))]
      f.if(i32.gtS(p.rows, 1), () => line(below).forEach((value, j) => f.set(bottom[j], value)))
      const columns = [0, 1].map((j) => mix([top[j], bottom[j]]))
      const to = f.let(p.to)
      for (let i = 0; i < 4; i++)
        for (const value of mix(columns.map((column) => column[i]))) {
          f.do(v128.store(to, value, 0, 4))
          f.set(to, i32.add(to, p.step))
        }
      for (const at of [p.from, below, p.to]) f.set(at, i32.add(at, 16))
    })
  })
}

/** A task: for some chunks the sums over tiles of what the input and the gradient are transformed to, as 16 matrices at `kernels`. */
export function buildSlopes(shared: boolean, fused: boolean): Uint8Array<ArrayBuffer> {
  const module = new ModuleBuilder({ memory: { shared } })
  const [tileIn, slopeIn] = [writeIn(module), writeSlopeIn(module)]
  const rectangle = writeRectangle(module, { type: 'f32', fused, shared })
  const run = module.func('winogradSlopes', { params }, (f, p) => {
    const { tiles, chunk, turns, v, vStep, m, mStep, kernelStep, each, ...words } = beginTiles(f, p)
    const [rows, columns] = [words.channelBytes, words.outPixel].map((bytes) => f.let(i32.shrU(bytes, 2)))
    f.for(p.begin, p.end, 1, (task) => {
      const all = f.let(i32.shl(kernelStep, 4))
      const sums = f.let(i32.add(words.kernels, i32.mul(task, all)))
      f.do(memory.fill(sums, 0, all))
      f.for(0, turns, 1, (turn) => {
        const first = f.let(i32.mul(i32.add(i32.mul(task, turns), turn), chunk))
        f.if(i32.ltS(first, tiles), () => {
          const count = f.least(i32.sub(tiles, first), chunk)
          // The products are over whole chunks.
          f.if(i32.ltS(count, chunk), () => f.do(memory.fill(v, 0, i32.shl(i32.add(vStep, mStep), 4))))
          const same = { row: words.rowStep, pixel: words.pixelStep, step: vStep, bytes: words.channelBytes }
          const slopes = { row: words.outRow, pixel: words.outPixel, step: mStep, bytes: words.outPixel }
          each(first, count, (tile) => {
            f.do(tileIn.call({ ...same, from: tile.source, to: tile.v }))
            f.do(slopeIn.call({ ...slopes, from: tile.result, to: tile.m, rows: tile.rows, columns: tile.columns }))
          })
          f.for(0, 16, 1, (i) => {
            const [a, b, c] = [[v, vStep], [m, mStep], [sums, kernelStep]].map(([start, step]) => i32.add(start, i32.mul(i, step))) // prettier-ignore
            f.do(rectangle.call({ job: p.job, a, top: 0, b, c, bias: 0, rows, columns, scratch: p.scratch }))
          })
        })
      })
    })
  })
  module.export(run)
  return module.toBytes()
}

/** `Gᵀ S G` of each channel and filter, S being the sum of `parts`: the gradient of a kernel; each task is a channel. */
export function buildSlopesTransform(shared: boolean): Uint8Array<ArrayBuffer> {
  const module = new ModuleBuilder({ memory: { shared } })
  const run = module.func('transformSlopes', { params }, (f, p) => {
    const [from, to, channels, filters, parts] = [...kernelWords, 'parts'].map((_, i) => f.let(i32.load(p.job, 4 * i)))
    const tap = f.let(i32.mul(i32.mul(channels, filters), 4))
    const half = f.let(f32x4.const(0.5))
    const mix = ([a, b, c, d]: readonly Vector[]): Vector[] => {
      const inner = f.let(mul(half, add(b, c)))
      return [f.let(add(a, inner)), f.let(mul(half, sub(b, c))), f.let(add(inner, d))]
    }
    f.for(p.begin, p.end, 1, (channel) => {
      const start = f.let(i32.mul(channel, i32.mul(filters, 4)))
      const [source, target] = [f.let(i32.add(from, start)), f.let(i32.add(to, start))]
      f.for(0, filters, 4, () => {
        const sums = Array.from({ length: 16 }, () => f.let(f32x4.const(0)))
        const at = f.let(source)
        f.repeat(parts, () => {
          for (const sum of sums) {
            f.set(sum, add(sum, v128.load(at, 0, 4)))
            f.set(at, i32.add(at, tap))
          }
        })
        const columns = [0, 1, 2, 3].map((j) => mix([0, 1, 2, 3].map((i) => sums[4 * i + j])))
        const place = f.let(target)
        for (let i = 0; i < 3; i++)
          for (const value of mix(columns.map((column) => column[i]))) {
            f.do(v128.store(place, value, 0, 4))
            f.set(place, i32.add(place, tap))
          }
        f.set(source, i32.add(source, 16))
        f.set(target, i32.add(target, 16))
      })
    })
  })
  module.export(run)
  return module.toBytes()
}
