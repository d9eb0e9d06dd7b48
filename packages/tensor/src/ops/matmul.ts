import { promote } from '../dtype.ts'
import { ShapeError } from '../errors.ts'
import { backendFor } from '../backends/backend.ts'
import { toTensorBeside, type TensorLike } from '../convert.ts'
import { apply, type Op } from '../op.ts'
import { broadcastShapes, formatShape, sameShape } from '../shape.ts'
import { emptyTensor, type Tensor } from '../tensor.ts'
import { cast } from './cast.ts'
import { alignBatch, broadcastView, expandDims, squeeze, sumTo, swapaxes } from './movement.ts'

/** Batched matrix product of tensors of rank ≥ 2; the transposes in its gradients are views. */
const matmulOp: Op<undefined> = {
  name: 'matmul',
  infer([a, b]) {
    const dtype = promote(promote(a.dtype, b.dtype), a.dtype === 'bool' && b.dtype === 'bool' ? 'int32' : 'bool')
    const [p, q] = [a.shape.slice(0, -2), b.shape.slice(0, -2)]
    const batch = sameShape(p, q) ? p : broadcastShapes(`${given(a, b)}, batch axes`, [p, q])
    return { shape: [...batch, a.shape.at(-2)!, b.shape.at(-1)!], dtype }
  },
  run([a, b], _, { shape, dtype }) {
    const backend = backendFor([a, b])
    const out = emptyTensor(shape, dtype, backend)
    const batch = shape.slice(0, -2)
    if (out.size > 0)
      backend.matmul(broadcastView(a, [...batch, ...a.shape.slice(-2)]), broadcastView(b, [...batch, ...b.shape.slice(-2)]), out)
    return out
  },
  gradient(i, dy, [a, b]) {
    const dx =
      i === 0 ? apply(matmulOp, [dy, swapaxes(b, -1, -2)], undefined) : apply(matmulOp, [swapaxes(a, -1, -2), dy], undefined)
    return i === 0 ? cast(sumTo(dx, a.shape), a.dtype) : cast(sumTo(dx, b.shape), b.dtype)
  },
  batch([a, b], _, __, [ofA, ofB]) {
    const rank = Math.max(a.rank - Number(ofA), b.rank - Number(ofB))
    return apply(matmulOp, [ofA ? alignBatch(a, rank) : a, ofB ? alignBatch(b, rank) : b], undefined)
  },
}

const given = (a: Tensor, b: Tensor): string => `matmul: ${formatShape(a.shape)} x ${formatShape(b.shape)}`

/**
 * Matrix product `Σₖ a[…, i, k] · b[…, k, j]`; axes before the last two broadcast. A vector on the left is a row, one on
 * the right a column, and that axis goes away.
 */
export function matmul(a: Tensor, other: TensorLike): Tensor {
  const b = toTensorBeside(other, a.dtype)
  if (a.rank === 0 || b.rank === 0) throw new ShapeError(`${given(a, b)}, operands need at least one axis: use mul for scalars`)
  const inner = b.shape[Math.max(0, b.rank - 2)]
  if (a.shape.at(-1) !== inner) {
    throw new ShapeError(`${given(a, b)}, inner sizes ${a.shape.at(-1)} and ${inner} differ`, { a: a.shape, b: b.shape })
  }
  const y = apply(matmulOp, [a.rank === 1 ? expandDims(a, 0) : a, b.rank === 1 ? expandDims(b, 1) : b], undefined)
  const dropped = [...(a.rank === 1 ? [y.rank - 2] : []), ...(b.rank === 1 ? [y.rank - 1] : [])]
  return dropped.length > 0 ? squeeze(y, dropped) : y
}
