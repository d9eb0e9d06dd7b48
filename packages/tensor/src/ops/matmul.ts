import { optionsOf } from '../names.ts'
import { isFloat, promote } from '../dtype.ts'
import { ShapeError } from '../errors.ts'
import { backendFor } from '../backends/backend.ts'
import { kernel } from '../formula/kernel.ts'
import { toTensorBeside, type TensorLike } from '../convert.ts'
import { apply, type Op } from '../op.ts'
import { broadcastShapes, formatShape, sameShape, sizeOf } from '../shape.ts'
import { emptyTensor, type Tensor } from '../tensor.ts'
import { cast } from './cast.ts'
import { alignBatch, broadcastView, expandDims, reshape, squeeze, sumTo, swapaxes } from './movement.ts'

/** Batched matrix product of tensors of rank ≥ 2; the transposes in its gradients are views. */
const matmulOp: Op<undefined> = {
  name: 'matmul',
  infer([a, b]) {
    const dtype = promote(promote(a.dtype, b.dtype), a.dtype === 'bool' && b.dtype === 'bool' ? 'int32' : 'bool')
    if (a.rank === 2 && b.rank === 2) return { shape: [a.shape[0], b.shape[1]], dtype }
    const [p, q] = [a.shape.slice(0, -2), b.shape.slice(0, -2)]
    const batch = sameShape(p, q) ? p : broadcastShapes(`${given(a, b)}, batch axes`, [p, q])
    return { shape: [...batch, a.shape.at(-2)!, b.shape.at(-1)!], dtype }
  },
  run([a, b], _, { shape, dtype }) {
    const backend = backendFor([a, b])
    const out = emptyTensor(shape, dtype, backend, a.shape.at(-1)! > 0)
    if (out.size === 0) return out
    if (a.rank === 2 && b.rank === 2) {
      backend.matmul(a, b, out)
      return out
    }
    const batch = shape.slice(0, -2)
    backend.matmul(broadcastView(a, [...batch, ...a.shape.slice(-2)]), broadcastView(b, [...batch, ...b.shape.slice(-2)]), out)
    return out
  },
  gradient(i, dy, [a, b]) {
    const product = (p: Tensor, q: Tensor): Tensor => apply(matmulOp, [p, q], undefined)
    if (i === 0) return cast(sumTo(product(dy, swapaxes(b, -1, -2)), a.shape), a.dtype)
    // One matrix for all of the batch, as the kernel of a Dense layer is for all steps: one product, in place of many and their sum.
    const one = b.rank === 2 && a.rank > 2
    const rows = (x: Tensor): Tensor => (one ? reshape(x, [sizeOf(x.shape.slice(0, -1)), x.shape.at(-1)!]) : x)
    return cast(sumTo(product(swapaxes(rows(a), -1, -2), rows(dy)), b.shape), b.dtype)
  },
  batch([a, b], _, __, [ofA, ofB]) {
    const rank = Math.max(a.rank - Number(ofA), b.rank - Number(ofB))
    return apply(matmulOp, [ofA ? alignBatch(a, rank) : a, ofB ? alignBatch(b, rank) : b], undefined)
  },
}

const sum = kernel(['a', 'b'], { y: 'a + b' })

/** The product with a value added to each column, of floats of one dtype. */
const matmulAddOp: Op<undefined> = {
  name: 'matmulAdd',
  infer: ([a, b]) => matmulOp.infer([a, b], undefined),
  run([a, b, bias], _, spec) {
    const backend = backendFor([a, b, bias])
    const out = emptyTensor(spec.shape, spec.dtype, backend, a.shape.at(-1)! > 0)
    if (out.size === 0) return out
    if (backend.matmulAdd) {
      const batch = spec.shape.slice(0, -2)
      backend.matmulAdd(a, broadcastView(b, [...batch, ...b.shape]), bias, out)
    } else {
      const product = matmulOp.run([a, b], undefined, spec)
      backend.elementwise(sum, [product, broadcastView(bias, spec.shape)], [out], spec.dtype)
    }
    return out
  },
  gradient: (i, dy, inputs, output) =>
    i < 2 ? matmulOp.gradient!(i, dy, inputs, output, undefined) : sumTo(dy, inputs[2].shape),
  batch: (inputs, _, batching, batched) => {
    const [a, b, bias] = inputs
    const product = matmulOp.batch!([a, b], undefined, batching, batched)
    return product.add(batched[2] ? alignBatch(bias, product.rank - 1) : bias)
  },
}

const given = (a: Tensor, b: Tensor): string => `matmul: ${formatShape(a.shape)} x ${formatShape(b.shape)}`

export interface MatmulOptions {
  /** Added to the product, to which it broadcasts. */
  readonly bias?: Tensor | undefined
}

const none: MatmulOptions = {}

/**
 * Matrix product `Σₖ a[…, i, k] · b[…, k, j]`, plus a bias if there is one; axes before the last two broadcast. A vector on the left
 * is a row, one on the right a column, and that axis goes away.
 */
export function matmul(a: Tensor, other: TensorLike, options?: MatmulOptions): Tensor {
  const { bias } = options ? optionsOf('matmul', options, { bias: undefined }) : none
  const b = toTensorBeside(other, a.dtype)
  if (a.rank === 0 || b.rank === 0) throw new ShapeError(`${given(a, b)}, operands need at least one axis: use mul for scalars`)
  const inner = b.shape[Math.max(0, b.rank - 2)]
  if (a.shape.at(-1) !== inner) {
    throw new ShapeError(`${given(a, b)}, inner sizes ${a.shape.at(-1)} and ${inner} differ`, { a: a.shape, b: b.shape })
  }
  if (bias) {
    const isRow = a.rank > 1 && b.rank === 2 && bias.rank === 1 && bias.size === b.shape[1] && isFloat(a.dtype)
    if (isRow && b.dtype === a.dtype && bias.dtype === a.dtype) return apply(matmulAddOp, [a, b, bias], undefined)
    return matmul(a, b).add(bias)
  }
  const y = apply(matmulOp, [a.rank === 1 ? expandDims(a, 0) : a, b.rank === 1 ? expandDims(b, 1) : b], undefined)
  const dropped = [...(a.rank === 1 ? [y.rank - 2] : []), ...(b.rank === 1 ? [y.rank - 1] : [])]
  return dropped.length > 0 ? squeeze(y, dropped) : y
}
