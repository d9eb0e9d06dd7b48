import type { Details } from '../../../compile/trace.ts'
import { bytesPerElement, isFloat } from '../../../dtype.ts'
import { collapse } from '../../../layout.ts'
import type { Tensor } from '../../../tensor.ts'
import { f32, f64, i32 } from '../assembler/index.ts'
import type { RenderTarget } from '../render.ts'
import { writeNest } from './nest.ts'
import type { Storage } from './storage.ts'

/** Whether {@link writeScan} can write a cumulative sum or product. */
export const canScan = (x: Tensor, out: Tensor): boolean => isFloat(out.dtype) && x.dtype === out.dtype && x.size > 0

/** A cumulative sum or product, line by line, in double precision: the same bits as from the kernel. */
export function writeScan({ f }: RenderTarget, details: Details['scan'], x: Tensor, out: Tensor, storage: Storage): void {
  const { kind, axis, options } = details
  const width = bytesPerElement(out.dtype)
  const others = [...x.shape.keys()].filter((other) => other !== axis)
  const at = ({ layout }: Tensor): number[] => others.map((other) => layout.strides[other])
  const lines = collapse(
    others.map((other) => x.shape[other]),
    [at(x), at(out)],
  )
  const length = x.shape[axis]
  const steps = [x, out].map(({ layout }) => layout.strides[axis] * width * (options.reverse ? -1 : 1))
  const starts = [x, out].map((one, i) =>
    f.let(i32.const(storage.address(one) - (options.reverse ? (length - 1) * steps[i] : 0))),
  )
  const moves = lines.strides.map((strides) => strides.map((stride) => stride * width))
  writeNest(f, lines.shape, starts, moves, ([first, target]) => {
    const [from, to] = [f.let(first), f.let(target)]
    const acc = f.let(f64.const(kind === 'sum' ? 0 : 1))
    const store = (): void => f.do(width === 4 ? f32.store(to, f32.demoteF64(acc)) : f64.store(to, acc))
    f.repeat(length, () => {
      const value = f.let(width === 4 ? f64.promoteF32(f32.load(from)) : f64.load(from))
      if (options.exclusive) store()
      f.set(acc, kind === 'sum' ? f64.add(acc, value) : f64.mul(acc, value))
      if (!options.exclusive) store()
      f.set(from, i32.add(from, steps[0]))
      f.set(to, i32.add(to, steps[1]))
    })
  })
}
