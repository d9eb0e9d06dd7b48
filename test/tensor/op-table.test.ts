/**
 * Every row of the elementwise tables, on every backend: values of all dtypes, shapes and layouts against an independent
 * scalar function, gradients of both orders against differences of it. A new row is tested from the moment that it stands
 * in the table.
 */
import { checkGradients, vjp } from '@typegrad/autograd'
import { binary, formulaOps, ternary, unary, type DType, type Row, type Tensor } from '@typegrad/tensor'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  allDTypes,
  arrayOf,
  broadcastable,
  build,
  dense,
  dtype,
  naiveOf,
  numbersFrom,
  randomLayout,
  read,
  specialValues,
  store,
  type ArrayCase,
} from './arrays.ts'
import { isPlain, needs, onEveryBackend, withPrograms } from './backends.ts'
import { slope, smoothOperands } from './calculus.ts'
import { expectClose, normError } from './close.ts'
import { broadcastShape, indices, Naive, product } from './naive.ts'
import { runs } from './properties.ts'
import { referenceOf, rowNames } from './reference.ts'

const rows: Readonly<Record<string, Row>> = { ...unary, ...binary, ...ternary }
const operandCount = (name: string): number => (name in unary ? 1 : name in binary ? 2 : 3)

/** Calls an op by its method; what is more than its operands goes into the options. */
function call(name: string, operands: readonly Tensor[]): Tensor {
  const count = operandCount(name)
  const [x, ...others] = operands.slice(0, count)
  const options = Object.keys(rows[name].options ?? {})
  const method = (x as unknown as Record<string, (...args: unknown[]) => Tensor>)[name].bind(x)
  if (options.length === 0) return method(...others)
  return method(...others, Object.fromEntries(options.map((key, i) => [key, operands[count + i]])))
}

const promotion: readonly DType[] = ['bool', 'uint8', 'int32', 'float32', 'float64']
const isFloat = (type: DType): boolean => type.startsWith('float')

/** The documented dtype of a result: of all operands but a condition the rightmost in the order of promotion, then by the row. */
function resultDType(name: string, types: readonly DType[]): DType {
  const { args } = formulaOps[name]
  const counted = types.filter((_, i) => args[i] !== 'condition')
  const promoted = promotion[Math.max(...counted.map((type) => promotion.indexOf(type)))]
  const rule = rows[name].result ?? (name in unary ? 'float' : name in binary ? 'number' : 'same')
  if (rule === 'bool') return 'bool'
  if (rule === 'float' && !isFloat(promoted)) return 'float32'
  return rule === 'number' && promoted === 'bool' ? 'int32' : promoted
}

const smallestNormal = { float32: 2 ** -126, float64: 2 ** -1022 } as const

/** What an op gives for stored operands, the size that its error is relative to, and what it may lose. */
function expected(name: string, operands: readonly Naive[], type: DType): { y: Naive; scales: number[]; losses: number[] } {
  const { f, int, cancels, scale = () => 0, magnifies = () => 0 } = referenceOf(name)
  const isRead = formulaOps[name].args.map((arg) => arg !== 'condition')
  const shape = broadcastShape(...operands.map((x) => x.shape))!
  const compute = type === 'int32' || type === 'uint8' ? (int ?? f) : f
  const scales: number[] = []
  const losses: number[] = []
  const y = Naive.from(shape, (index) => {
    const args = operands.map((x) => x.broadcastAt(index))
    const value = compute(...args)
    const stored = store(value, type)
    // An integer that float32 does not hold is another argument there; a result that underflows is as good as 0.
    const inexact = type === 'float32' && args.some((x, i) => isRead[i] && Math.fround(x) !== x && x === x)
    const underflows = stored === 0 && value !== 0 ? smallestNormal.float32 : 0
    const sizes = [scale(...args), ...(cancels ? args.map(Math.abs) : [])].filter(Number.isFinite)
    scales.push(inexact ? Infinity : Math.max(underflows, ...sizes))
    losses.push(magnifies(...args) * smallestNormal[type === 'float64' ? type : 'float32'])
    return stored
  })
  return { y, scales, losses }
}

/** Arrays of all dtypes whose shapes broadcast. */
const operandsOf = (count: number): fc.Arbitrary<{ arrays: ArrayCase[]; types: DType[] }> =>
  fc.record({
    arrays: broadcastable(count).chain(({ operands }) => fc.tuple(...operands.map((shape) => arrayOf(shape)))),
    types: fc.array(dtype, { minLength: count, maxLength: count }),
  })

/** Ways in which two shapes broadcast: equal, missing axes, length 1 on either side or both, no axes, no elements. */
const patterns: readonly (readonly [readonly number[], readonly number[]])[] = [
  [[], []], [[3], []], [[], [3]], [[3], [3]], [[3], [1]], [[1], [3]], [[1], [1]], [[1], []], [[0], [1]], [[0], []],
  [[2, 3], [3]], [[3], [2, 3]], [[2, 3], [1]], [[2, 3], []], [[2, 3], [2, 1]], [[2, 1], [2, 3]], [[2, 3], [1, 3]], [[2, 3], [1, 1]],
  [[2, 1], [3]], [[1, 3], [2, 1]], [[1, 1], [3]], [[2, 1], [1]], [[0, 3], [3]], [[2, 0], [2, 1]], [[1, 0], [2, 1]],
  [[2, 2, 3], [3]], [[2, 2, 3], [2, 3]], [[2, 2, 3], [2, 1, 3]], [[2, 1, 3], [2, 1]], [[2, 1, 1], [1, 2, 3]], [[1, 1, 1], []], [[2, 2, 3], [2, 1, 1]],
] // prettier-ignore

onEveryBackend((backend) => {
  const types = allDTypes.filter((type) => backend.dtypes.includes(type))
  const floats = types.filter((type) => type === 'float32' || type === 'float64')
  const supported = (list: readonly DType[]): boolean => list.every((type) => types.includes(type))

  /** Gradients of an op at smooth points: by tensors in random layouts, and by differences of the reference. */
  function gradients(name: string, shapes: readonly (readonly number[])[], type: DType, seed: number) {
    const { f } = referenceOf(name)
    const shape = broadcastShape(...shapes)!
    const random = numbersFrom(seed)
    const points = smoothOperands(f, shapes, shape, random).map((x) => x.map((value) => store(value, type)))
    const weights = randomLayout(
      shape,
      indices(shape).map(() => random() * 2 - 1),
      random,
      true,
    )
    const tensors = points.map((x) => build(randomLayout(x.shape, x.values, random), type))
    const { pullback } = vjp((...xs) => call(name, xs), ...tensors)
    const dy = naiveOf(weights, type)
    let size = dy.values.reduce((m, value) => Math.max(m, Math.abs(value)), 0)
    const wanted = points.map((x, i) => {
      const sums = Array.from({ length: product(x.shape) }, () => 0)
      for (const index of indices(shape)) {
        const args = points.map((p) => p.broadcastAt(index))
        const term = dy.at(index) * slope(f, args, i)
        size = Math.max(size, Math.abs(term))
        sums[x.broadcastPosition(index)] += term
      }
      return new Naive(x.shape, sums)
    })
    return { got: pullback(build(weights, type)), wanted, size }
  }

  describe.each(rowNames)('%s', (name) => {
    const reference = referenceOf(name)
    const { args } = formulaOps[name]

    test('values: all dtypes, shapes, layouts', async () => {
      await fc.assert(
        fc.asyncProperty(operandsOf(args.length), async ({ arrays, types: given }) => {
          fc.pre(supported(given))
          const y = call(
            name,
            arrays.map((array, i) => build(array, given[i])),
          )
          expect(y.dtype).toBe(resultDType(name, given))
          const operands = arrays.map((array, i) => naiveOf(array, given[i]))
          const { y: wanted, scales, losses } = expected(name, operands, y.dtype)
          expectClose(await read(y), wanted, y.dtype, {
            tolerance: backend.elementwise,
            scales,
            losses,
            signedZeros: backend.signedZeros,
          })
        }),
      )
    })

    test('special values: ±0, ±∞, NaN, subnormals, the ends of the ranges', async () => {
      // A condition has a dtype of its own; what is compared is compared as it is.
      const differ = args[0] === 'condition' || (args.length === 2 && rows[name].result === 'bool')
      const mixed = types.flatMap((type) => (differ ? types : [type]).map((first) => [first, type] as const))
      for (const [first, type] of mixed) {
        const values = args.length > 2 ? [0, -0, 1, -2, Infinity, -Infinity, NaN, 0.5, 1e-40, 5e-324] : specialValues
        const shapes = args.map((_, i) => args.map((__, k) => (k === i ? values.length : 1)))
        const typeOf = (i: number): DType => (i === 0 ? first : type)
        const y = call(
          name,
          shapes.map((shape, i) => dense(shape, values, typeOf(i))),
        )
        const operands = shapes.map(
          (shape, i) =>
            new Naive(
              shape,
              values.map((value) => store(value, typeOf(i))),
            ),
        )
        const { y: wanted, scales, losses } = expected(name, operands, y.dtype)
        expectClose(await read(y), wanted, y.dtype, {
          tolerance: backend.elementwise,
          scales,
          losses,
          signedZeros: backend.signedZeros,
        })
      }
    })

    test.each(floats)('gradient in %s', async (type) => {
      await fc.assert(
        fc.asyncProperty(broadcastable(args.length), fc.integer(), async ({ operands: shapes }, seed) => {
          const { got, wanted, size } = gradients(name, shapes, type, seed)
          for (const [i, dx] of got.entries()) {
            expect([dx.shape, dx.dtype]).toEqual([shapes[i], type])
            const error = normError((await read(dx)).values, wanted[i].values, size)
            expect(error).toBeLessThanOrEqual(backend.gradients[type])
          }
        }),
        runs(0.25),
      )
    })

    // Formulas in their turn, whose kernels are tested by their values.
    if (!isPlain(backend)) return

    test('gradients have the shapes of the operands, for all patterns of broadcasting', async () => {
      const type = floats.at(-1)!
      for (const [first, second] of patterns) {
        const shapes = args.map((_, i) => (i === 0 ? first : i === 1 ? second : []))
        const { got, wanted, size } = gradients(name, shapes, type, 1)
        for (const [i, dx] of got.entries()) {
          const { shape, values } = await read(dx)
          const which = `gradient of ${args[i]} for operands ${JSON.stringify(shapes)}`
          const error = normError(values, wanted[i].values, size)
          expect({ which, shape, close: error <= backend.gradients[type] }).toEqual({ which, shape: shapes[i], close: true })
        }
      }
    })

    test('gradient of the gradient', (context) => {
      needs(context, backend, 'float64')
      fc.assert(
        fc.property(broadcastable(args.length, 2), fc.integer(), ({ operands: shapes }, seed) => {
          const points = smoothOperands(reference.f, shapes, broadcastShape(...shapes)!, numbersFrom(seed))
          const f = (...xs: Tensor[]): Tensor => call(name, xs).cast('float64')
          checkGradients(
            f,
            points.map((x) => dense(x.shape, x.values, 'float64')),
            { second: true },
          )
        }),
        runs(0.04),
      )
    })
  })
}, withPrograms)
