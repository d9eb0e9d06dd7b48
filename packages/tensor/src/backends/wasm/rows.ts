/** Rows read and added at indices, where there are so many that it pays to bring them into memory. */
import { bytesPerElement } from '../../dtype.ts'
import { sizeOf } from '../../shape.ts'
import type { Tensor } from '../../tensor.ts'
import { gather as gatherInJavaScript, scatterAdd as scatterAddInJavaScript } from '../cpu/indexing.ts'
import { type Expr, f32, f64, f64x2, i32, i64x2, integers, type Local, ModuleBuilder, v128 } from './assembler/index.ts'
import { writeBlocks } from './blocks.ts'
import { copyElements } from './copy.ts'
import { bringElements } from './elements.ts'
import { limits } from './limits.ts'
import type { Runtime } from './runtime.ts'
import { isIn, type Real, realOf } from './stage.ts'

const params = integers('job', 'begin', 'end', 'scratch')

/**
 * A module that copies rows: words of the job are the addresses of x, of the indices and of the result, how many indices there are, bytes
 * from one beginning of x to the next, bytes of a row, and the number of the first row. Rows of the result are tasks.
 */
function buildGather(shared: boolean): Uint8Array<ArrayBuffer> {
  const module = new ModuleBuilder({ memory: { shared } })
  const run = module.func('gather', { params }, (f, p) => {
    const [x, indices, out, count, step, row, first] = Array.from({ length: 7 }, (_, i) => f.let(i32.load(p.job, 4 * i)))
    const start = f.let(i32.add(first, p.begin))
    const outer = f.let(i32.divU(start, count))
    const base = f.let(i32.add(x, i32.mul(outer, step)))
    const at = f.let(i32.add(indices, i32.shl(i32.sub(start, i32.mul(outer, count)), 2)))
    const last = f.let(i32.add(indices, i32.shl(count, 2)))
    const to = f.let(i32.add(out, i32.mul(p.begin, row)))
    const each = (copy: (from: Local<'i32'>) => void): void =>
      f.repeat(i32.sub(p.end, p.begin), () => {
        f.scope(() => copy(f.let(i32.add(base, i32.mul(i32.load(at), row)))))
        f.set(to, i32.add(to, row))
        f.set(at, i32.add(at, 4))
        f.if(i32.eq(at, last), () => {
          f.set(at, indices)
          f.set(base, i32.add(base, step))
        })
      })
    f.if(
      i32.eq(row, 4),
      () => each((from) => f.do(i32.store(to, i32.load(from)))),
      () => each((from) => writeBlocks(f, from, to, [], row)),
    )
  })
  module.export(run)
  return module.toBytes()
}

/** `out[…, i…, …] = x[…, indices[i…], …]`, piece by piece, each copied out while it is in the inner cache. */
export function gather(main: Runtime, x: Tensor, indices: Tensor, axis: number, out: Tensor): void {
  const width = bytesPerElement(x.dtype)
  const length = sizeOf(x.shape.slice(axis + 1))
  const row = length * width
  const runtime = isIn(main, x) ? main : main.local
  const isMuch = out.size >= limits.gather && (runtime === main || out.size * limits.rowsReused >= x.size)
  if (!isMuch || row % 4 !== 0 || !x.layout.contiguous || isIn(main, out)) return gatherInJavaScript(x, indices, axis, out)
  const kernel = runtime.kernel('gather', () => buildGather(runtime.shared))
  const rows = out.size / length
  const piece = Math.max(1, Math.floor(limits.piece / length))
  runtime.begin()
  const from = bringElements(runtime, x)
  const picks = bringElements(runtime, indices)
  const to = runtime.reserve(piece * row)
  const job = runtime.job(28)
  const { array, layout } = out
  for (let first = 0; first < rows; first += piece) {
    const count = Math.min(piece, rows - first)
    runtime.i32.set([from, picks, to, indices.size, x.shape[axis] * row, row, first], job >> 2)
    runtime.run(kernel, job, { tasks: count, grain: count })
    copyElements(runtime.view(out.dtype), to / width, count * length, array, layout.offset + first * length)
  }
}

/**
 * A module that adds rows to sums in double precision: words of the job are the addresses of the rows, of their indices and of the sums, and
 * the number of elements of a row. Rows are tasks, to be run in order.
 */
function buildScatterAdd(type: Real, shared: boolean): Uint8Array<ArrayBuffer> {
  const module = new ModuleBuilder({ memory: { shared } })
  const width = type === 'f32' ? 4 : 8
  const run = module.func('scatterAdd', { params }, (f, p) => {
    const [rows, indices, sums, row] = Array.from({ length: 4 }, (_, i) => f.let(i32.load(p.job, 4 * i)))
    const from = f.let(i32.add(rows, i32.mul(i32.mul(p.begin, row), width)))
    const add = (to: Local<'i32'>, value: Expr<'v128'>, offset = 0): void =>
      f.do(v128.store(to, f64x2.add(v128.load(to, offset, 8), value), offset, 8))
    f.for(p.begin, p.end, 1, (k) => {
      const index = i32.load(i32.add(indices, i32.shl(k, 2)))
      const to = f.let(i32.add(sums, i32.mul(i32.mul(index, row), 8)))
      const left = f.let(row)
      const take = (count: number, body: () => void): void =>
        f.while(i32.geU(left, count), () => {
          body()
          f.set(from, i32.add(from, count * width))
          f.set(to, i32.add(to, count * 8))
          f.set(left, i32.sub(left, count))
        })
      if (type === 'f32')
        take(4, () => {
          const x = f.let(v128.load(from, 0, 4))
          add(to, f64x2.promoteLowF32x4(x))
          add(to, f64x2.promoteLowF32x4(i64x2.shuffle(x, x, 1, 1)), 16)
        })
      else take(2, () => add(to, v128.load(from, 0, 8)))
      take(1, () => f.do(f64.store(to, f64.add(f64.load(to), type === 'f32' ? f64.promoteF32(f32.load(from)) : f64.load(from)))))
    })
  })
  module.export(run)
  return module.toBytes()
}

/** Adds each slice of `updates` to `out`, zeros, at its index; in order of position, in double precision. */
export function scatterAdd(main: Runtime, updates: Tensor, indices: Tensor, axis: number, out: Tensor): void {
  const type = realOf(out.dtype)
  const length = sizeOf(out.shape.slice(axis + 1))
  const isMuch = updates.size >= limits.gather && updates.size * limits.rowsReused >= out.size
  const isPlain = updates.layout.contiguous && out.size === out.shape[axis] * length && !isIn(main, out)
  if (!type || !isMuch || !isPlain) return scatterAddInJavaScript(updates, indices, axis, out)
  const runtime = isIn(main, updates) ? main : main.local
  const kernel = runtime.kernel(`scatterAdd/${type}`, () => buildScatterAdd(type, runtime.shared))
  const piece = isIn(runtime, updates) ? indices.size : Math.max(1, Math.floor(limits.piece / length))
  runtime.begin()
  const picks = bringElements(runtime, indices)
  const sums = runtime.reserve(out.size * 8)
  runtime.zero(sums, out.size * 8)
  const rows = isIn(runtime, updates)
    ? bringElements(runtime, updates)
    : runtime.reserve(piece * length * bytesPerElement(out.dtype))
  const job = runtime.job(16)
  const { array, layout } = updates
  for (let first = 0; first < indices.size; first += piece) {
    const count = Math.min(piece, indices.size - first)
    if (!isIn(runtime, updates))
      copyElements(array, layout.offset + first * length, count * length, runtime[type], rows / bytesPerElement(out.dtype))
    runtime.i32.set([rows, picks + 4 * first, sums, length], job >> 2)
    runtime.run(kernel, job, { tasks: count, grain: count })
  }
  copyElements(runtime.f64, sums / 8, out.size, out.array, out.layout.offset)
}
