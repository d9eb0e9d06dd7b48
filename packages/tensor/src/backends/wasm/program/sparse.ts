import type { Tensor } from '../../../tensor.ts'
import { type Expr, f32x4, i32, i32x4, type Local, memory, v128 } from '../assembler/index.ts'
import type { RenderTarget } from '../render.ts'
import { storeLanes } from './loop.ts'
import type { Storage } from './storage.ts'

/** Whether {@link writeSparse} can write it. */
export const canSparse = (inputs: readonly Tensor[], out: Tensor): boolean =>
  out.dtype === 'float32' && out.size > 0 && [...inputs, out].every(({ layout }) => layout.contiguous)

/** Columns that are summed at a time: eight vectors. */
const together = 32

/**
 * A sparse matrix (four inputs) times a dense one: rows of b are gathered and added, or `transposed`
 * scattered.
 */
export function writeSparse(
  target: RenderTarget,
  [indptr, indices, values, rows, b]: readonly Tensor[],
  transposed: boolean,
  out: Tensor,
  storage: Storage,
): void {
  const { f } = target
  const width = b.shape[1]
  const rowBytes = width * 4
  const each = values.size > 1
  const one = each ? undefined : f.let(v128.load32Splat(0, storage.address(values)))
  const zeros = f.let(f32x4.const(0))
  const overrun = storage.mayOverrun(out)
  if (transposed) f.do(memory.fill(storage.address(out), 0, out.size * 4))

  /** Columns `first` to `first + count` of all entries of a row: `row` lies at the dense side that moves with i. */
  const columns = (
    begin: Local<'i32'>,
    end: Local<'i32'>,
    row: Local<'i32'>,
    first: Local<'i32'> | number,
    count: number,
  ): void => {
    const vectors = Math.ceil(count / 4)
    const moved = (at: Expr<'i32'>): Expr<'i32'> => (first === 0 ? at : i32.add(at, first))
    const here = f.let(moved(row))
    const other = storage.address(transposed ? out : b)
    const lanes = Array.from({ length: vectors }, (_, v) => {
      if (!transposed) return f.let(f32x4.const(0))
      const x = f.let(v128.load(here, 16 * v, 4))
      if (one) f.set(x, f32x4.mul(x, one))
      // What is behind the last column must not be added to the next row.
      const rest = count - 4 * v
      if (rest < 4) f.set(x, i32x4.shuffle(x, zeros, ...[0, 1, 2, 3].map((lane) => (lane < rest ? lane : 4))))
      return x
    })
    const at = f.let(begin)
    f.while(i32.ltU(at, end), () => {
      const place = f.let(moved(i32.mul(i32.load(at, storage.address(indices)), rowBytes)))
      const value = each ? f.let(v128.load32Splat(at, storage.address(values))) : undefined
      lanes.forEach((x, v) => {
        const there = v128.load(place, other + 16 * v, 4)
        if (transposed) f.do(v128.store(place, f32x4.add(there, value ? f32x4.mul(x, value) : x), other + 16 * v, 4))
        else f.set(x, f32x4.add(x, value ? f32x4.mul(there, value) : there))
      })
      f.set(at, i32.add(at, 4))
    })
    if (transposed) return
    lanes.forEach((x, v) => {
      if (one) f.set(x, f32x4.mul(x, one))
      storeLanes(target, 'f32x4', 'float32', { at: here, offset: 16 * v }, x, Math.min(4, count - 4 * v), overrun)
    })
  }

  const row = f.let(i32.const(storage.address(transposed ? b : out)))
  f.for(0, rows.size * 4, 4, (i) => {
    const at = f.let(i32.shl(i32.load(i, storage.address(rows)), 2))
    const [begin, end] = [0, 4].map((next) => f.let(i32.shl(i32.load(at, storage.address(indptr) + next), 2)))
    const whole = Math.floor(width / together) * together
    if (whole > 0) f.for(0, whole * 4, together * 4, (first) => columns(begin, end, row, first, together))
    if (width > whole) f.scope(() => columns(begin, end, row, f.let(i32.const(whole * 4)), width - whole))
    f.set(row, i32.add(row, rowBytes))
  })
}
