/** Numbers that are as good as equal, and numbers in place of what is none. */
import { toTensor, toTensorBeside, type TensorLike } from '../convert.ts'
import { isFloat } from '../dtype.ts'
import { optionsOf } from '../names.ts'
import type { Tensor } from '../tensor.ts'

export interface CloseOptions {
  /** @defaultValue `1e-5` */
  readonly rtol?: number
  /** @defaultValue `1e-8` */
  readonly atol?: number
  /** Whether NaN is as good as NaN. @defaultValue `false` */
  readonly equalNan?: boolean
}

/** Where `|x − y| ≤ atol + rtol · |y|`, or both are the same infinity; as bool. */
export function isclose(x: Tensor, other: TensorLike, options?: CloseOptions): Tensor {
  const { rtol, atol, equalNan } = optionsOf('isclose', options, { rtol: 1e-5, atol: 1e-8, equalNan: false })
  const y = toTensorBeside(other, x.dtype)
  const [a, b] = isFloat(x.dtype) || isFloat(y.dtype) ? [x, y] : [x.cast('float64'), y.cast('float64')]
  const near = a.sub(b).abs().lessEqual(b.abs().mul(rtol).add(atol)).logicalAnd(b.isfinite())
  const close = near.logicalOr(a.equal(b))
  return equalNan ? close.logicalOr(a.isnan().logicalAnd(b.isnan())) : close
}

/** Whether {@link isclose} holds everywhere. */
export const allclose = (x: TensorLike, other: TensorLike, options?: CloseOptions): boolean =>
  isclose(toTensor(x), other, options).all().item() === 1

/** Largest numbers of a dtype. */
const largest = { float32: 3.4028234663852886e38, float64: Number.MAX_VALUE }

export interface NanToNumOptions {
  /** @defaultValue `0` */
  readonly nan?: number
  /** @defaultValue the largest number of the dtype */
  readonly posinf?: number
  /** @defaultValue the least number of the dtype */
  readonly neginf?: number
}

/** x with numbers in place of NaN and infinities. */
export function nanToNum(x: Tensor, options?: NanToNumOptions): Tensor {
  const most = x.dtype === 'float64' ? largest.float64 : largest.float32
  const { nan, posinf, neginf } = optionsOf('nanToNum', options, { nan: 0, posinf: most, neginf: -most })
  if (!isFloat(x.dtype)) return x.value
  return x.isnan().where(nan, x.equal(Infinity).where(posinf, x.equal(-Infinity).where(neginf, x)))
}
