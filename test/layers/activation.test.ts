import { checkGradients, vjp } from '@typegrad/autograd'
import { Activation, activations, ELU, Embedding, LeakyReLU, PReLU, ReLU, Softmax, type ActivationName } from '@typegrad/layers'
import { resolveActivation } from '@typegrad/layers/internals'
import { camelCase, tensor, type Tensor } from '@typegrad/tensor'
import { describe, expect, it } from 'vitest'
import { conformance, fromGolden, golden, type GoldenCase, type GoldenTensor } from '../conformance.ts'
import { layerConformance } from './keras-case.ts'
import { testLayers } from './table.ts'

interface ActivationCase extends GoldenCase {
  readonly fn: string
  readonly args: Readonly<Record<string, number | boolean>>
  readonly x: GoldenTensor
  readonly y: GoldenTensor
  readonly dy?: GoldenTensor
  readonly dx?: GoldenTensor
}

const file = golden<ActivationCase>('activations')
const names = file['names'] as Readonly<Record<string, string>>
const table = activations as unknown as Readonly<Record<string, (x: Tensor, options?: object) => Tensor>>

conformance(
  'activations',
  file,
  ({ fn, args, x, y, dy, dx }, check) => {
    const options = Object.fromEntries(Object.entries(args).map(([key, value]) => [camelCase(key), value]))
    const { value, pullback } = vjp((z) => table[camelCase(fn)](z, options), fromGolden(x))
    check('y', value, y)
    if (dy) check('dx', pullback(fromGolden(dy))[0], dx)
  },
  {
    exceptions: {
      'sparsemax/2d': "Keras' results do not sum to 1: it takes the sum of the cumulative sums for the last of them",
      'sparsemax/3d': "Keras' results do not sum to 1: it takes the sum of the cumulative sums for the last of them",
    },
  },
)

layerConformance('activation')

describe('activations', () => {
  const x = tensor([[-3, -1, -0.5, 0.25, 1, 2]])

  it('go by the names that Keras knows, in both spellings', () => {
    for (const [name, fn] of Object.entries(names)) {
      const expected = table[camelCase(fn)](x).toArray() as unknown
      for (const activation of [name, camelCase(name)] as ActivationName[]) {
        expect({ activation, y: resolveActivation(activation)(x).toArray() as unknown }).toEqual({ activation, y: expected })
        expect({ activation, y: new Activation({ activation }).apply(x).toArray() as unknown }).toEqual({
          activation,
          y: expected,
        })
      }
    }
    expect(() => resolveActivation('rellu' as ActivationName)).toThrow("activation: unknown name 'rellu', did you mean 'relu'")
  })

  it('are functions that have their names in a config', () => {
    expect(new Activation({ activation: activations.sparsePlus }).getConfig()).toMatchObject({
      activation: 'sparse_plus',
    })
    expect(new Activation({ activation: activations.exponential }).getConfig()).toMatchObject({ activation: 'exponential' })
  })

  it('sparsemax gives the nearest point of the simplex', () => {
    // By hand: of [0.5, 0.3, -1] the first two remain, and τ = (0.8 - 1) / 2.
    const expected = [0.6, 0.4, 0].map((value): unknown => expect.closeTo(value, 6))
    expect(activations.sparsemax(tensor([0.5, 0.3, -1])).toArray()).toEqual(expected)
    expect(
      activations
        .sparsemax(tensor([[0.5], [0.3], [-1]]), { axis: 0 })
        .flatten()
        .toArray(),
    ).toEqual(expected)
    expect(activations.sparsemax(tensor([[1, 5, 2], [0, 0, 0]])).sum(-1).toArray()).toEqual([1, expect.closeTo(1, 6)]) // prettier-ignore
    checkGradients((z) => activations.sparsemax(z), [[[0.5, 0.3, -1, 0.1], [2, 0.2, 0.1, -5]]], { tolerance: 1e-5 }) // prettier-ignore
  })

  it('relu keeps infinities and NaN, whatever the slope below the threshold', () => {
    const infinities = tensor([-Infinity, Infinity, NaN])
    expect(activations.relu(infinities, { threshold: 1 }).toArray()).toEqual([0, Infinity, NaN])
    expect(activations.relu(infinities, { negativeSlope: 0.5, maxValue: 3 }).toArray().slice(0, 2)).toEqual([-Infinity, 3])
  })

  it('glu halves an even axis', () => {
    expect(activations.glu(tensor([[1, 2, 0, 0]])).toArray()).toEqual([[0.5, 1]])
    expect(() => activations.glu(tensor([[1, 2, 3]]))).toThrow('glu: axis -1 has length 3, expected an even one')
  })
})

describe('activation layers', () => {
  it('say what is wrong with their options', () => {
    expect(() => new ReLU({ negativeSlope: -1 })).toThrow('ReLU: negativeSlope must be a number ≥ 0, got -1')
    expect(() => new ReLU({ maxValue: -1 })).toThrow('ReLU: maxValue must be a number ≥ 0, got -1')
    expect(() => new PReLU({ sharedAxes: 3 }).apply([[1, 2]])).toThrow(
      'PReLU: sharedAxes holds 3, input [null, 2] has the axes 1 to 1',
    )
    expect(() => new PReLU({ sharedAxes: [0] }).apply([[1, 2]])).toThrow('PReLU: sharedAxes holds 0')
  })

  it('Softmax leaves out what is masked, and gives zeros where all is', () => {
    const z = tensor([[1, 2, 50000], [1, 1, 1]]) // prettier-ignore
    const mask = [[true, true, false], [false, false, false]] // prettier-ignore
    const [masked, none] = new Softmax().apply(z, { mask }).toArray() as number[][]
    const [two] = tensor([[1, 2]])
      .softmax()
      .toArray() as number[][]
    expect(masked).toEqual([...two, 0])
    expect(none).toEqual([0, 0, 0])
    // A huge value under the mask does not reach the gradient.
    const { pullback } = vjp((input) => new Softmax().apply(input, { mask }), z)
    const [dz] = pullback(tensor([[1, 0, 1], [1, 2, 3]])) // prettier-ignore
    expect(dz.isfinite().all().item()).toBe(1)
    expect(dz.slice(0, 2).item()).toBe(0)
    expect(() => new Softmax().apply(z, { mask: [[true, false]] })).toThrow(
      'Softmax: a mask [1, 2] does not broadcast to the input [2, 3]',
    )
  })

  it('Softmax over several axes sums to 1 over them', () => {
    const y = new Softmax({ axis: [1, 2] }).apply(tensor([[[1, 2], [3, 4]]])) // prettier-ignore
    expect(y.sum().item()).toBeCloseTo(1, 6)
    expect(y.reshape([1, 4]).toArray()).toEqual([
      tensor([1, 2, 3, 4])
        .softmax()
        .toArray()
        .map((v: number): unknown => expect.closeTo(v, 6)),
    ])
  })

  it('Softmax of features passes a mask of steps on', () => {
    const embedded = new Embedding({ inputDim: 3, outputDim: 4, maskZero: true }).apply(tensor([[1, 0]], { dtype: 'int32' }))
    expect(new Softmax().apply(embedded).sum(-1).toArray()[0][1]).toBeCloseTo(1, 6)
  })

  it('PReLU learns its slopes', () => {
    const layer = new PReLU({ alphaInitializer: 'ones' })
    layer.apply([[1, 2]])
    checkGradients((x, alpha) => x.prelu(alpha), [[[-1, 2], [3, -4]], [0.3, 0.7]]) // prettier-ignore
    expect(layer.weights.map(({ name, shape }) => [name, shape])).toEqual([['alpha', [2]]])
  })
})

testLayers([
  { name: 'ReLU', make: (o) => new ReLU(o), input: [3, 4], mask: 'passed' },
  {
    name: 'ReLU with bounds',
    make: (o) => new ReLU({ maxValue: 0.7, negativeSlope: 0.2, threshold: 0.1, ...o }),
    input: [3, 4],
    mask: 'passed',
  },
  { name: 'LeakyReLU', make: (o) => new LeakyReLU(o), input: [3, 4], mask: 'passed' },
  { name: 'PReLU', make: (o) => new PReLU(o), input: [3, 4], mask: 'passed' },
  { name: 'PReLU with shared axes', make: (o) => new PReLU({ sharedAxes: [1], ...o }), input: [3, 4], mask: 'passed' },
  { name: 'ELU', make: (o) => new ELU({ alpha: 1.3, ...o }), input: [3, 4], mask: 'passed' },
  { name: 'Softmax', make: (o) => new Softmax(o), input: [3, 4], mask: 'passed', heedsMask: true },
  { name: 'Softmax of steps', make: (o) => new Softmax({ axis: 1, ...o }), input: [3, 4], mask: 'passed' },
  { name: 'Softmax of all', make: (o) => new Softmax({ axis: [1, 2], ...o }), input: [3, 4], mask: 'passed' },
])
