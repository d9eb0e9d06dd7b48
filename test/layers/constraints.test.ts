import * as constraints from '../../packages/layers/src/constraints.ts'
import { SGD } from '@typegrad/optim'
import { tensor, ValueError, Variable } from '@typegrad/tensor'
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

const { deserializeConstraint, resolveConstraint, serializeConstraint } = constraints

interface ConstraintCase extends GoldenCase {
  readonly class: string
  readonly config: Readonly<Record<string, unknown>>
  readonly x: GoldenTensor
  readonly y: GoldenTensor
}

const file = golden<ConstraintCase>('constraints')

conformance('constraints', file, (one, check) => {
  check('y', resolveConstraint({ class_name: one.class, config: one.config })!(fromGolden(one.x)), one.y)
})

conformance('constraints: defaults', { cases: file['defaults'] as DefaultsCase[], tol: file.tol }, (one) => {
  checkConfig(deserializeConstraint({ class_name: one.class, config: one.args }).getConfig(), one.config)
})

describe('constraints', () => {
  test('have the names that Keras understands', () => {
    for (const [name, className] of Object.entries(file['names'] as Record<string, string>)) {
      expect([name, serializeConstraint(name as 'maxNorm')!.class_name]).toEqual([name, className])
    }
    expect(serializeConstraint('minMaxNorm')!.class_name).toBe('MinMaxNorm')
    expect(() => resolveConstraint('maxnrm' as 'maxNorm')).toThrow(/did you mean 'maxNorm'/)
    expect(() => resolveConstraint('hasOwnProperty' as 'maxNorm')).toThrow(ValueError)
  })

  test('hold a variable after every step of an optimizer', () => {
    const w = new Variable(
      tensor([
        [1, 2],
        [3, -4],
      ]),
    )
    w.constraint = resolveConstraint('nonNeg')
    new SGD({ learningRate: 1 }).apply(
      [
        tensor([
          [2, 0],
          [0, 0],
        ]),
      ],
      [w],
    )
    expect(w.toArray()).toEqual([
      [0, 2],
      [3, 0],
    ])
    w.constraint = resolveConstraint(new constraints.UnitNorm({ axis: 1 }))
    new SGD({ learningRate: 1 }).apply(
      [
        tensor([
          [-3, -2],
          [0, 0],
        ]),
      ],
      [w],
    )
    expect(w.norm(1).toArray()[0]).toBeCloseTo(1, 6)
    expect(resolveConstraint(null)).toBeUndefined()
  })

  test('go through Keras JSON and back', () => {
    const before = serializeConstraint(new constraints.MinMaxNorm({ minValue: 0.5, axis: [0, 1] }))!
    expect(before).toMatchObject({
      module: 'keras.constraints',
      class_name: 'MinMaxNorm',
      config: { min_value: 0.5, max_value: 1, rate: 1, axis: [0, 1] },
    })
    expect(serializeConstraint(deserializeConstraint(before))).toEqual(before)
    expect(() => serializeConstraint((w) => w)).toThrow(ValueError)
  })

  test('reject options that make no sense', () => {
    expect(() => new constraints.MaxNorm({ maxValue: -1 })).toThrow(ValueError)
    expect(() => new constraints.MaxNorm({ maxValue: NaN })).toThrow(ValueError)
    expect(() => new constraints.UnitNorm({ axis: 0.5 })).toThrow(ValueError)
    expect(() => new constraints.MinMaxNorm({ minValue: 2, maxValue: 1 })).toThrow(ValueError)
  })
})
