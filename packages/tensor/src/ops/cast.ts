import { assertDType, isFloat, type DType } from '../dtype.ts'
import { backendFor } from '../backends/backend.ts'
import { kernel } from '../formula/kernel.ts'
import { apply, type Op } from '../op.ts'
import { emptyTensor, type Tensor } from '../tensor.ts'

const truth = kernel(['x'], { y: 'x != 0' })

/** Conversion of dtype: to int32 and uint8 the fraction is dropped (modulo 2^32 or 256), to bool everything but 0 is true. */
const castOp: Op<{ dtype: DType }> = {
  name: 'cast',
  infer([x], { dtype }) {
    assertDType(dtype, 'cast')
    return { shape: x.shape, dtype }
  },
  run([x], _, spec) {
    const backend = backendFor([x])
    const out = emptyTensor(spec.shape, spec.dtype, backend, true)
    if (spec.dtype === 'bool' && x.dtype !== 'bool') backend.elementwise(truth, [x], [out], x.dtype)
    else backend.copy(x, out)
    return out
  },
  gradient: (_, dy, [x], output) => (isFloat(output.dtype) && isFloat(x.dtype) ? cast(dy, x.dtype) : undefined),
  batch: ([x], { dtype }) => cast(x, dtype),
}

/** x as `dtype`; x itself when it has it. */
export const cast = (x: Tensor, dtype: DType): Tensor => (x.dtype === dtype ? x.value : apply(castOp, [x], { dtype }))

/** A contiguous copy. */
export const copyOp: Op<undefined> = {
  name: 'copy',
  infer: ([x]) => ({ shape: x.shape, dtype: x.dtype }),
  run([x]) {
    const backend = backendFor([x])
    const out = emptyTensor(x.shape, x.dtype, backend, true)
    backend.copy(x, out)
    return out
  },
  gradient: (_, dy) => dy,
  batch: ([x]) => apply(copyOp, [x], undefined),
}
