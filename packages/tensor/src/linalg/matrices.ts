/** What the ops of linear algebra share: matrices in batches, computed one by one. */
import { isFloat, promote, toFloat } from '../dtype.ts'
import { ShapeError, ValueError } from '../errors.ts'
import { apply, type Op, type Spec } from '../op.ts'
import { hostOp } from '../ops/host.ts'
import { formatShape, sizeOf, type Shape } from '../shape.ts'
import type { Tensor } from '../tensor.ts'

/** A matrix in row-major order. */
export interface Matrix {
  readonly rows: number
  readonly columns: number
  readonly values: Float64Array
}

export const matrix = (rows: number, columns: number, values = new Float64Array(rows * columns)): Matrix => ({
  rows,
  columns,
  values,
})

export const identity = (n: number): Matrix => {
  const made = matrix(n, n)
  for (let i = 0; i < n; i++) made.values[i * n + i] = 1
  return made
}

export function transposed({ rows, columns, values }: Matrix): Matrix {
  const made = matrix(columns, rows)
  for (let i = 0; i < rows; i++) for (let j = 0; j < columns; j++) made.values[j * rows + i] = values[i * columns + j]
  return made
}

/** `√Σx²`, without overflow. */
export function lengthOf(x: Float64Array): number {
  let largest = 0
  for (const value of x) largest = Math.max(largest, Math.abs(value))
  if (largest === 0 || !Number.isFinite(largest)) return largest
  let sum = 0
  for (const value of x) sum += (value / largest) ** 2
  return largest * Math.sqrt(sum)
}

export const leadOf = (x: Tensor): Shape => x.shape.slice(0, -2)

/** x as floats; throws unless its last two axes are matrices, which are square if so `wanted`. */
export function matricesOf(op: string, x: Tensor, wanted: 'square' | 'any' = 'any'): Tensor {
  const [m, n] = x.shape.slice(-2)
  if (x.rank < 2 || (wanted === 'square' && m !== n)) {
    throw new ShapeError(
      `linalg.${op}: shape ${formatShape(x.shape)}, expected ${wanted === 'square' ? 'square matrices […, n, n]' : 'matrices […, m, n]'}`,
      {
        shape: x.shape,
      },
    )
  }
  return isFloat(x.dtype) ? x.value : x.cast('float32')
}

/** A matrix that an op cannot be done with, such as a singular one. */
export const unfit = (op: string, at: number, lead: Shape, why: string): never => {
  const which = lead.length === 0 ? 'the matrix' : `matrix ${at} of the batch ${formatShape(lead)}`
  throw new ValueError(`linalg.${op}: ${which} ${why}`, { op, matrix: at })
}

interface MatrixOpRow<A> {
  readonly name: string
  /** The shape of the result for one matrix of each input. */
  readonly shape: (matrices: readonly (readonly [rows: number, columns: number])[], attributes: A) => Shape
  /** The result for matrix number `at` of each input, in row-major order. */
  readonly compute: (matrices: readonly Matrix[], attributes: A, fail: (why: string) => never) => ArrayLike<number>
  gradient: Op<A>['gradient']
}

/** An op on the matrices that the last two axes of its inputs are; the axes before, which are the same for all, are a batch. */
export function matrixOp<A>({ name, shape, compute, gradient }: MatrixOpRow<A>): Op<A> {
  const op: Op<A> = hostOp<A>({
    name: `linalg.${name}`,
    infer(inputs, attributes): Spec {
      const sizes = inputs.map((x) => [x.shape.at(-2)!, x.shape.at(-1)!] as const)
      return {
        shape: [...leadOf(inputs[0]), ...shape(sizes, attributes)],
        dtype: toFloat(inputs.reduce((dtype, x) => promote(dtype, x.dtype), inputs[0].dtype)),
      }
    },
    compute(inputs, attributes, spec) {
      const lead = inputs[0].shape.slice(0, -2)
      const count = sizeOf(lead)
      const out = new Float64Array(sizeOf(spec.shape))
      const each = out.length / count
      for (let at = 0; at < count; at++) {
        const matrices = inputs.map(({ shape: own, values }) => {
          const [rows, columns] = own.slice(-2)
          return matrix(rows, columns, Float64Array.from(values.subarray(at * rows * columns, (at + 1) * rows * columns)))
        })
        out.set(
          compute(matrices, attributes, (why) => unfit(name, at, lead, why)),
          at * each,
        )
      }
      return out
    },
    ...(gradient ? { gradient } : {}),
    batch: (inputs, attributes, { spread }, batched) => apply(op, spread(inputs, batched), attributes),
  })
  return op
}

/** Several results as one vector, of which {@link unpack} makes them again: an op has one result, and so one joint gradient. */
export function packed(...parts: readonly ArrayLike<number>[]): Float64Array {
  const all = new Float64Array(parts.reduce((n, part) => n + part.length, 0))
  let at = 0
  for (const part of parts) {
    all.set(part, at)
    at += part.length
  }
  return all
}

/** The parts of these shapes of a packed result `[…, size]`. */
export function unpack(x: Tensor, shapes: readonly Shape[]): Tensor[] {
  const lead = x.shape.slice(0, -1)
  return x.split(shapes.map(sizeOf), -1).map((part, i) => part.reshape([...lead, ...shapes[i]]))
}

/** Transposed matrices. */
export const t = (x: Tensor): Tensor => x.swapaxes(-1, -2)
