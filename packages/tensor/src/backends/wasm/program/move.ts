import { bytesPerElement } from '../../../dtype.ts'
import { collapse } from '../../../layout.ts'
import type { Tensor } from '../../../tensor.ts'
import { type Expr, f32, f32x4, type FunctionBuilder, i32, type Local, memory, select, v128 } from '../assembler/index.ts'
import type { RenderTarget } from '../render.ts'
import { storeLanes } from './loop.ts'
import { writeNest } from './nest.ts'
import type { Storage } from './storage.ts'

/** What stops a program: says so and returns. */
export type Fail = (f: FunctionBuilder, index: Local<'i32'>, length: number) => void

/** x along an axis as slices: `outer` of them before the axis, each `inner` bytes in one run. */
interface Slices {
  readonly outer: readonly number[]
  readonly outerSteps: readonly number[]
  readonly step: number
  readonly inner: number
}

function slicesOf(x: Tensor, axis: number, last = axis): Slices | undefined {
  const width = bytesPerElement(x.dtype)
  const { shape, strides } = x.layout
  const inner = collapse(shape.slice(last + 1), [strides.slice(last + 1)])
  if (inner.shape.length > 1 || (inner.shape.length === 1 && inner.strides[0][0] !== 1)) return undefined
  const outer = collapse(shape.slice(0, axis), [strides.slice(0, axis)])
  const steps = outer.strides[0].map((stride) => stride * width)
  return { outer: outer.shape, outerSteps: steps, step: strides[last] * width, inner: (inner.shape[0] ?? 1) * width }
}

/** Whether {@link writeGather} or {@link writeScatterAdd} can write it: slices are runs, indices are in order. */
export const canGather = (x: Tensor, indices: Tensor, axis: number, out: Tensor): boolean =>
  indices.layout.contiguous && indices.dtype === 'int32' && out.layout.contiguous && x.size > 0 && !!slicesOf(x, axis)

export const canScatter = (updates: Tensor, indices: Tensor, axis: number, out: Tensor): boolean =>
  indices.layout.contiguous && indices.dtype === 'int32' && out.dtype === 'float32' && updates.dtype === 'float32' &&
  updates.layout.contiguous && out.layout.contiguous && updates.size > 0 && !!slicesOf(out, axis) // prettier-ignore

/** The index at an address, counted from the front; one outside the axis ends the program. */
function indexAt(f: FunctionBuilder, at: Local<'i32'>, length: number, fail: Fail): Local<'i32'> {
  const index = f.let(i32.load(at))
  f.if(i32.ltS(index, 0), () => f.set(index, i32.add(index, length)))
  f.if(i32.geU(index, length), () => fail(f, index, length))
  return index
}

/** Ends the program if one of the indices is outside an axis of this length. */
export function writeCheck({ f }: RenderTarget, indices: Tensor, length: number, storage: Storage, fail: Fail): void {
  const at = f.let(i32.const(storage.address(indices)))
  f.repeat(indices.size, () => {
    indexAt(f, at, length, fail)
    f.set(at, i32.add(at, 4))
  })
}

/** Calls `body` with the addresses of the slice of `whole` and of the place of `part`, for every index. */
function writeSlices(
  { f }: RenderTarget,
  whole: Tensor,
  indices: Tensor,
  part: Tensor,
  axis: number,
  storage: Storage,
  fail: Fail,
  body: (slice: Local<'i32'>, place: Local<'i32'>, bytes: number) => void,
): void {
  const { outer, outerSteps, step, inner } = slicesOf(whole, axis)!
  const perOuter = indices.size * inner
  const partSteps = outer.map((_, i) => perOuter * outer.slice(i + 1).reduce((a, b) => a * b, 1))
  const starts = [f.let(i32.const(storage.address(whole))), f.let(i32.const(storage.address(part)))]
  writeNest(f, outer, starts, [outerSteps, partSteps], ([from, to]) => {
    const place = f.let(to)
    const at = f.let(i32.const(storage.address(indices)))
    f.repeat(indices.size, () => {
      const index = indexAt(f, at, whole.shape[axis], fail)
      body(f.let(i32.add(from, i32.mul(index, step))), place, inner)
      f.set(place, i32.add(place, inner))
      f.set(at, i32.add(at, 4))
    })
  })
}

/** Bytes up to which a run is copied by vectors. */
const mostByVectors = 512

/** `out[…, i…, …] = x[…, indices[i…], …]`. */
export function writeGather(
  target: RenderTarget,
  [x, indices]: readonly Tensor[],
  axis: number,
  out: Tensor,
  storage: Storage,
  fail: Fail,
): void {
  const { f } = target
  const overrun = storage.mayOverrun(out)
  writeSlices(target, x, indices, out, axis, storage, fail, (from, to, bytes) => {
    if (bytes === 4) f.do(i32.store(to, i32.load(from)))
    else if (bytes === 1) f.do(i32.store8(to, i32.load8U(from)))
    else if (overrun && bytes <= mostByVectors)
      for (let at = 0; at < bytes; at += 16) f.do(v128.store(to, v128.load(from, at, 1), at, 1))
    else f.do(memory.copy(to, from, bytes))
  })
}

/** Adds each slice of `updates` to `out`, which is zeros before. */
export function writeScatterAdd(
  target: RenderTarget,
  [updates, indices]: readonly Tensor[],
  axis: number,
  out: Tensor,
  storage: Storage,
  fail: Fail,
): void {
  const { f } = target
  f.do(memory.fill(storage.address(out), 0, out.size * 4))
  const sum = (to: Expr<'i32'>, from: Expr<'i32'>, offset: number): Local<'v128'> =>
    f.let(f32x4.add(v128.load(to, offset, 1), v128.load(from, offset, 1)))
  writeSlices(target, out, indices, updates, axis, storage, fail, (to, from, bytes) => {
    const whole = bytes & ~15
    if (whole > 0)
      f.for(0, whole, 16, (at) => {
        const [slice, update] = [f.let(i32.add(to, at)), f.let(i32.add(from, at))]
        f.do(v128.store(slice, sum(slice, update, 0), 0, 1))
      })
    if (bytes > whole)
      storeLanes(target, 'f32x4', 'float32', { at: to, offset: whole }, sum(to, from, whole), (bytes - whole) / 4, false)
  })
}

export const canArgReduce = (x: Tensor): boolean => x.dtype === 'float32' && x.size > 0

/** The first position of the largest or smallest element along an axis; a NaN wins. */
export function writeArgReduce(
  { f }: RenderTarget,
  kind: 'max' | 'min',
  x: Tensor,
  axis: number,
  out: Tensor,
  storage: Storage,
): void {
  const others = [...x.shape.keys()].filter((other) => other !== axis)
  const kept = collapse(
    others.map((other) => x.shape[other]),
    [others.map((other) => x.layout.strides[other]), out.layout.strides],
  )
  const step = x.layout.strides[axis] * 4
  const starts = [f.let(i32.const(storage.address(x))), f.let(i32.const(storage.address(out)))]
  const steps = kept.strides.map((strides) => strides.map((stride) => stride * 4))
  writeNest(f, kept.shape, starts, steps, ([from, to]) => {
    const at = f.let(from)
    const best = f.let(f32.load(at))
    const where = f.let(i32.const(0))
    f.for(0, x.shape[axis], 1, (i) => {
      const value = f.let(f32.load(at))
      const better = (kind === 'max' ? f32.gt : f32.lt)(value, best)
      const isFirstNaN = i32.and(f32.ne(value, value), f32.eq(best, best))
      const wins = f.let(i32.or(better, isFirstNaN))
      f.set(best, select(wins, value, best))
      f.set(where, select(wins, i, where))
      f.set(at, i32.add(at, step))
    })
    f.do(i32.store(to, where))
  })
}
