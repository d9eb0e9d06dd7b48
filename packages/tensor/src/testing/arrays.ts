/** Arrays of every shape, dtype, layout and value, for property-based tests. */
import fc, { type Arbitrary } from 'fast-check'
import ndarray from 'ndarray'
import { allocateArray, dtypes, isFloat, type DType, type TypedArray } from '../dtype.ts'
import { fromNdarray } from '../ndarray.ts'
import { Tensor } from '../tensor.ts'
import { indices, PlainArray, product } from './plain.ts'

/** What an array is made from; printed when a property fails. */
export interface ArrayCase {
  readonly shape: readonly number[]
  /** Row-major elements; those along a `still` axis repeat. */
  readonly values: readonly number[]
  /** The order in which the axes lie in memory. */
  readonly order: readonly number[]
  /** The distance of neighbours along an axis, in elements of that axis; negative ones walk backwards. */
  readonly steps: readonly number[]
  /** Axes with stride 0. */
  readonly still: readonly boolean[]
  readonly offset: number
}

/** A number as a dtype stores it. */
export function store(value: number, dtype: DType): number {
  if (dtype === 'bool') return Number(value !== 0)
  const cell = allocateArray(dtype, 1)
  cell[0] = value
  return cell[0]
}

/** Any dtype. */
export const anyDType: Arbitrary<DType> = fc.constantFrom(...dtypes)
/** float32 or float64. */
export const floatDType: Arbitrary<DType> = fc.constantFrom(...dtypes.filter(isFloat))

/** The numbers where floating-point arithmetic goes wrong: zeros, infinities, NaN, the ends of the ranges, subnormals. */
export const specialValues: readonly number[] = [
  0,
  -0,
  1,
  -1,
  0.5,
  -0.5,
  2,
  -3,
  6,
  Infinity,
  -Infinity,
  NaN,
  1e-40,
  -1e-40,
  5e-324,
  -5e-324,
  1e-310,
  3.4e38,
  -3.4e38,
  1.7e308,
  16777217,
  2147483647,
  -2147483648,
  255,
  256,
]

/** Mostly tame numbers, some special. */
export const anyValue: Arbitrary<number> = fc.oneof(
  { weight: 8, arbitrary: fc.double({ min: -4, max: 4, noNaN: true }) },
  { weight: 3, arbitrary: fc.integer({ min: -9, max: 9 }) },
  { weight: 2, arbitrary: fc.double({ min: -300, max: 300, noNaN: true }) },
  { weight: 2, arbitrary: fc.constantFrom(...specialValues) },
)
/** Numbers between -1 and 1. */
export const unitValue: Arbitrary<number> = fc.double({ min: -0.9, max: 0.9, noNaN: true })
/** Numbers of a usual size. */
export const tameValue: Arbitrary<number> = fc.double({ min: -4, max: 4, noNaN: true })

/** Numbers whose sums and products stay far from the ends of the ranges. */
export const calmValue: Arbitrary<number> = fc.oneof(
  { weight: 6, arbitrary: tameValue },
  { weight: 2, arbitrary: fc.integer({ min: -9, max: 9 }) },
  { weight: 1, arbitrary: fc.constantFrom(0, -0, Infinity, -Infinity, NaN, 1e-40, 255, 2147483647) },
)

/** Shapes of up to `maxRank` axes of up to 4 elements; length 0 now and then. */
export const shapes = (maxRank = 4): Arbitrary<number[]> =>
  fc.array(fc.oneof({ weight: 12, arbitrary: fc.integer({ min: 1, max: 4 }) }, { weight: 1, arbitrary: fc.constant(0) }), {
    maxLength: maxRank,
  })

/** An array of a shape, in any layout. */
export const arrayOf = (shape: readonly number[], value: Arbitrary<number> = anyValue): Arbitrary<ArrayCase> => {
  const rank = shape.length
  const perAxis = <T>(arbitrary: Arbitrary<T>): Arbitrary<T[]> => fc.array(arbitrary, { minLength: rank, maxLength: rank })
  const size = product(shape)
  return fc
    .record({
      values: fc.array(value, { minLength: size, maxLength: size, size: 'max' }),
      order: fc.shuffledSubarray([...shape.keys()], { minLength: rank, maxLength: rank }),
      steps: perAxis(fc.constantFrom(1, 1, 1, -1, 2, -2)),
      still: perAxis(fc.constantFrom(false, false, false, false, false, true)),
      offset: fc.constantFrom(0, 0, 1, 5),
    })
    .map(({ values, ...rest }) => ({ shape, values: repeatAlong(shape, values, rest.still), ...rest }))
}

/** An array of any shape, in any layout. */
export const anyArray = (value: Arbitrary<number> = anyValue, maxRank = 4): Arbitrary<ArrayCase> =>
  shapes(maxRank).chain((shape) => arrayOf(shape, value))

/** Row-major elements of which those along the `still` axes repeat the first. */
export const repeatAlong = (shape: readonly number[], values: readonly number[], still: readonly boolean[]): number[] => {
  const x = new PlainArray(shape, values)
  return indices(shape).map((index) => x.at(index.map((i, axis) => (still[axis] ? 0 : i))))
}

/** `count` shapes that broadcast, and their common shape. */
export const broadcastable = (count: number, maxRank = 3): Arbitrary<{ shape: number[]; operands: number[][] }> =>
  shapes(maxRank)
    .chain((shape) =>
      fc.record({
        shape: fc.constant(shape),
        operands: fc.array(
          fc.record({
            lead: fc.nat({ max: shape.length }),
            ones: fc.array(fc.constantFrom(false, false, true), { minLength: shape.length, maxLength: shape.length }),
          }),
          { minLength: count, maxLength: count },
        ),
      }),
    )
    .map(({ shape, operands }) => {
      const cut = operands.map(({ lead, ones }, k) =>
        k === count - 1 ? shape : shape.slice(lead).map((length, axis) => (ones[axis + lead] ? 1 : length)),
      )
      return { shape, operands: cut }
    })
    // The operand that has the whole shape stands first, last or in between.
    .chain(({ shape, operands }) =>
      fc.shuffledSubarray(operands, { minLength: count, maxLength: count }).map((shuffled) => ({ shape, operands: shuffled })),
    )

/** The elements of a case as a dtype stores them. */
export const plainOf = (array: ArrayCase, type: DType): PlainArray =>
  new PlainArray(
    array.shape,
    array.values.map((value) => store(value, type)),
  )

/** The tensor of a case, laid out as it says, over memory whose other elements are garbage. */
export function build(array: ArrayCase, type: DType): Tensor {
  const { shape, values, order, steps, still, offset } = array
  const strides: number[] = shape.map(() => 0)
  let extent = 1
  let first = 0
  for (const axis of order) {
    if (still[axis]) continue
    strides[axis] = extent * steps[axis]
    if (steps[axis] < 0) first -= strides[axis] * Math.max(0, shape[axis] - 1)
    extent *= Math.max(1, shape[axis]) * Math.abs(steps[axis])
  }
  const data: TypedArray = allocateArray(type, extent + offset).fill(type === 'bool' ? 1 : 77)
  indices(shape).forEach((index, i) => {
    data[offset + first + index.reduce((at, n, axis) => at + n * strides[axis], 0)] = store(values[i], type)
  })
  const made = fromNdarray(ndarray(data, [...shape], strides, offset + first))
  return type === 'bool' ? new Tensor(made.buffer, made.layout, 'bool') : made
}

/** A gap-free tensor of a dtype. */
export const dense = (shape: readonly number[], values: readonly number[], type: DType): Tensor =>
  build(
    { shape, values, order: [...shape.keys()].toReversed(), steps: shape.map(() => 1), still: shape.map(() => false), offset: 0 },
    type,
  )

/** The shape and elements of a tensor, once they are computed. */
export const readPlain = async (x: Tensor): Promise<PlainArray> => new PlainArray(x.shape, Array.from(await x.data()))
