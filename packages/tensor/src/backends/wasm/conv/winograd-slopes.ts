/** The code of the gradient of a kernel by tiles: see winograd.ts. */
import { f32x4, type Func, i32, integers, memory, ModuleBuilder, v128 } from '../assembler/index.ts'
import { writeRectangle } from '../gemm/rectangle.ts'
import { multiplyBoth, pointsOf, type Tiling, transposed } from './winograd-points.ts'
import { beginTiles, kernelWords, matrixSpare, params, writeIn } from './winograd-tiles.ts'

const slopeParams = integers('from', 'row', 'pixel', 'to', 'step', 'panel', 'bytes', 'rows', 'columns')

/** `E = A e Aᵀ` of gradients, of which `rows` × `columns` exist, in each eight filters, `panel` apart: matrices are `step` apart. */
export function writeSlopeIn(module: ModuleBuilder, tiling: Tiling): Func<typeof slopeParams, 'none'> {
  return module.func('slopeIn', { params: slopeParams }, (f, p) => {
    const { down, across } = tiling
    const multiply = multiplyBoth(f, tiling, ({ results }) => transposed(results))
    const next = f.let(i32.const(16))
    const offsets = [f.let(i32.const(0))]
    for (let j = 1; j < across.outputs; j++) offsets.push(f.let(i32.add(offsets[j - 1], p.pixel)))
    const isWhole = f.let(i32.and(i32.geS(p.rows, down.outputs), i32.geS(p.columns, across.outputs)))
    f.for(0, p.bytes, 16, () => {
      const lines = Array.from({ length: down.outputs }, (_, i) => i)
      const e = offsets.map(() => lines.map(() => f.let(f32x4.const(0))))
      const at = f.let(p.from)
      const load = (i: number, j: number): void => f.set(e[j][i], v128.load(j === 0 ? at : i32.add(at, offsets[j]), 0, 4))
      const eachRow = (read: (i: number) => void): void =>
        lines.forEach((i) => {
          read(i)
          f.set(at, i32.add(at, p.row))
        })
      f.if(
        isWhole,
        () => eachRow((i) => offsets.forEach((_, j) => load(i, j))),
        () =>
          eachRow((i) =>
            f.if(i32.gtS(p.rows, i), () => offsets.forEach((_, j) => f.if(i32.gtS(p.columns, j), () => load(i, j)))),
          ),
      )
      const to = f.let(p.to)
      for (const row of multiply(e))
        for (const value of row()) {
          f.do(v128.store(to, value, 0, 4))
          f.set(to, i32.add(to, p.step))
        }
      f.set(p.from, i32.add(p.from, 16))
      f.set(p.to, i32.add(p.to, next))
      f.set(next, i32.sub(p.panel, next))
    })
  })
}

/** A task: for some chunks, and a block of filters, the sums over tiles of what the input and the gradient are transformed to, a matrix for each point, at `kernels`. */
export function buildSlopes(shared: boolean, fused: boolean, tiling: Tiling): Uint8Array<ArrayBuffer> {
  const module = new ModuleBuilder({ memory: { shared } })
  const matrices = pointsOf(tiling)
  const [tileIn, slopeIn] = [writeIn(module, tiling), writeSlopeIn(module, tiling)]
  const rectangle = writeRectangle(module, { type: 'f32', fused, shared })
  const run = module.func('winogradSlopes', { params }, (f, p) => {
    const { tiles, chunk, turns, v, vStep, m, mStep, kernelStep, each, blocks, blockBytes, ...words } = beginTiles(f, p, tiling)
    const { filterBytes } = words
    const rows = f.let(i32.shrU(words.channelBytes, 2))
    f.for(p.begin, p.end, 1, (task) => {
      const part = f.let(i32.divU(task, blocks))
      const left = f.let(i32.mul(i32.sub(task, i32.mul(part, blocks)), blockBytes))
      const bytes = f.least(i32.sub(filterBytes, left), blockBytes)
      const columns = f.let(i32.shrU(bytes, 2))
      const sums = f.let(i32.add(i32.add(words.kernels, left), i32.mul(part, i32.mul(kernelStep, matrices))))
      f.for(0, matrices, 1, (i) => {
        const row = f.let(i32.add(sums, i32.mul(i, kernelStep)))
        f.repeat(rows, () => {
          f.do(memory.fill(row, 0, bytes))
          f.set(row, i32.add(row, filterBytes))
        })
      })
      f.for(0, turns, 1, (turn) => {
        const first = f.let(i32.mul(i32.add(i32.mul(part, turns), turn), chunk))
        f.if(i32.ltS(first, tiles), () => {
          const count = f.least(i32.sub(tiles, first), chunk)
          // The products are over whole chunks.
          f.if(i32.ltS(count, chunk), () => f.do(memory.fill(v, 0, i32.mul(i32.add(vStep, mStep), matrices))))
          const [four, eight] = [f.let(i32.mul(chunk, 16)), f.let(i32.mul(chunk, 32))]
          const same = { row: words.rowStep, pixel: words.pixelStep, step: vStep, next: four, bytes: words.channelBytes }
          const slopes = { row: words.outRow, pixel: words.outPixel, step: mStep, panel: eight, bytes }
          each(first, count, ({ source, result, index, rows, columns }) => {
            const at = f.let(i32.mul(index, 16))
            f.do(tileIn.call({ ...same, from: source, to: i32.add(v, at) }))
            f.do(slopeIn.call({ ...slopes, from: i32.add(result, left), to: i32.add(m, i32.shl(at, 1)), rows, columns }))
          })
          f.for(0, matrices, 1, (i) => {
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

/** `Gᵀ S G` of each channel and filter, S being the sum of `parts`: the gradient of a kernel, or what is added to it; each task is a channel. */
export function buildSlopesTransform(shared: boolean, tiling: Tiling, adds: boolean): Uint8Array<ArrayBuffer> {
  const module = new ModuleBuilder({ memory: { shared } })
  const run = module.func('transformSlopes', { params }, (f, p) => {
    const [from, to, channels, filters, nextDown, nextAcross, parts] = [...kernelWords, 'parts'].map((_, i) =>
      f.let(i32.load(p.job, 4 * i)),
    )
    const step = f.let(i32.add(i32.mul(i32.mul(channels, filters), 4), matrixSpare))
    const multiply = multiplyBoth(f, tiling, ({ window }) => transposed(window))
    f.for(p.begin, p.end, 1, (channel) => {
      const start = f.let(i32.mul(channel, i32.mul(filters, 4)))
      const [source, target] = [f.let(i32.add(from, start)), f.let(i32.add(to, start))]
      f.for(0, filters, 4, () => {
        const sums = Array.from({ length: pointsOf(tiling) }, () => f.let(f32x4.const(0)))
        const at = f.let(source)
        f.repeat(parts, () => {
          for (const sum of sums) {
            f.set(sum, f32x4.add(sum, v128.load(at, 0, 4)))
            f.set(at, i32.add(at, step))
          }
        })
        const line = f.let(target)
        const { points } = tiling.across
        const columns = Array.from({ length: points }, (_, j) => sums.filter((_, i) => i % points === j))
        for (const row of multiply(columns)) {
          const place = f.let(line)
          for (const value of row()) {
            f.do(v128.store(place, adds ? f32x4.add(v128.load(place, 0, 4), value) : value, 0, 4))
            f.set(place, i32.add(place, nextAcross))
          }
          f.set(line, i32.add(line, nextDown))
        }
        f.set(source, i32.add(source, 16))
        f.set(target, i32.add(target, 16))
      })
    })
  })
  module.export(run)
  return module.toBytes()
}
