import { collapse } from '../../../layout.ts'
import type { Tensor } from '../../../tensor.ts'
import { f32, i32, i64, select } from '../assembler/index.ts'
import type { RenderTarget } from '../render.ts'
import { writeNest } from './nest.ts'
import type { Storage } from './storage.ts'

export const canTruncate = (x: Tensor, out: Tensor): boolean => x.dtype === 'float32' && out.dtype === 'int32' && x.size > 0

/** float32 as int32: the fraction is dropped, and what is left taken modulo 2^32, as JavaScript does it. */
export function writeTruncate({ f }: RenderTarget, x: Tensor, out: Tensor, storage: Storage): void {
  const { shape, strides } = collapse(x.shape, [x.layout.strides, out.layout.strides])
  const starts = [f.let(i32.const(storage.address(x))), f.let(i32.const(storage.address(out)))]
  const steps = strides.map((list) => list.map((stride) => stride * 4))
  writeNest(f, shape, starts, steps, ([from, to]) => {
    const value = f.let(f32.load(from))
    // From 2^63 on a float32 is a multiple of 2^40.
    const fits = f32.lt(f32.abs(value), 2 ** 63)
    f.do(i32.store(to, select(fits, i32.wrapI64(i64.truncSatF32S(value)), i32.const(0))))
  })
}
