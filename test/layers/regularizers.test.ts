import { vjp } from '@typegrad/autograd'
import * as regularizers from '../../packages/layers/src/regularizers.ts'
import { onesLike, ShapeError, tensor, ValueError, Variable } from '@typegrad/tensor'
import { describe, expect, test } from 'vitest'
import {
  checkConfig,
  conformance,
  fromGolden,
  golden,
  type DefaultsCase,
  type GoldenCase,
  type GoldenTensor,
} from '../conformance.ts'

const { deserializeRegularizer, resolveRegularizer, serializeRegularizer } = regularizers

interface RegularizerCase extends GoldenCase {
  readonly class: string
  readonly config: Readonly<Record<string, unknown>>
  readonly x: GoldenTensor
  readonly value: GoldenTensor
  readonly dx: GoldenTensor
}

const file = golden<RegularizerCase>('regularizers')

conformance('regularizers', file, (one, check) => {
  const penalty = resolveRegularizer({ class_name: one.class, config: one.config })!
  const { value, pullback } = vjp(penalty, fromGolden(one.x))
  check('value', value, one.value)
  check('dx', pullback(onesLike(value))[0], one.dx)
})

conformance('regularizers: defaults', { cases: file['defaults'] as DefaultsCase[], tol: file.tol }, (one) => {
  checkConfig(deserializeRegularizer({ class_name: one.class, config: one.args }).getConfig(), one.config)
})

describe('regularizers', () => {
  test('have the names that Keras understands', () => {
    for (const [name, className] of Object.entries(file['names'] as Record<string, string>)) {
      expect([name, serializeRegularizer(name as 'l1')!.class_name]).toEqual([name, className])
    }
    const x = tensor([1, -2])
    expect(resolveRegularizer('l1')!(x).item()).toBeCloseTo(0.03)
    expect(resolveRegularizer('l2')!(x).item()).toBeCloseTo(0.05)
    expect(resolveRegularizer('l1_l2')!(x).item()).toBeCloseTo(0.08)
    expect(resolveRegularizer('l1L2')!(x).item()).toBeCloseTo(0.08)
    const { l1, l2, l1L2 } = regularizers
    for (const [made, value] of [
      [l1(0.5), 1.5],
      [l1(), 0.03],
      [l2(0.1), 0.5],
      [l1L2({ l2: 0.1 }), 0.53],
    ] as const)
      expect(made.call(x).item()).toBeCloseTo(value)
    expect(() => resolveRegularizer('l3' as 'l1')).toThrow(ValueError)
    expect(() => resolveRegularizer('toString' as 'l1')).toThrow(ValueError)
  })

  test('are functions that a variable can hold', () => {
    const w = new Variable(tensor([3, 4]))
    w.regularizer = resolveRegularizer(new regularizers.L2({ l2: 1 }))
    expect(w.regularizer!(w).item()).toBe(25)
    expect(resolveRegularizer(null)).toBeUndefined()
    expect(resolveRegularizer(undefined)).toBeUndefined()
    const own = (x: typeof w) => x.sum()
    expect(resolveRegularizer(own as never)).toBe(own)
  })

  test('go through Keras JSON and back', () => {
    const before = serializeRegularizer(new regularizers.OrthogonalRegularizer({ factor: 0.2, mode: 'columns' }))!
    expect(before).toEqual({
      module: 'keras.regularizers',
      class_name: 'OrthogonalRegularizer',
      config: { factor: 0.2, mode: 'columns' },
      registered_name: null,
    })
    expect(serializeRegularizer(deserializeRegularizer(before))).toEqual(before)
    expect(serializeRegularizer(null)).toBeNull()
    expect(() => serializeRegularizer((x) => x.sum())).toThrow(ValueError)
    expect(() => deserializeRegularizer({ class_name: 'L1', config: { l2: 1 } })).toThrow(/L1: unknown option l2/)
  })

  test('reject options and shapes that make no sense', () => {
    expect(() => new regularizers.L1({ l1: -1 })).toThrow(ValueError)
    expect(() => new regularizers.L2({ l2: NaN })).toThrow(ValueError)
    expect(() => new regularizers.OrthogonalRegularizer({ mode: 'row' as 'rows' })).toThrow(ValueError)
    expect(() => new regularizers.OrthogonalRegularizer().call(tensor([1, 2]))).toThrow(ShapeError)
    expect(new regularizers.OrthogonalRegularizer().call(tensor([[1, 2]])).item()).toBe(0)
  })
})
