import { GradientTape } from '@typegrad/autograd'
import {
  BatchNormalization,
  Bidirectional,
  ConvLSTM1D,
  ConvLSTM2D,
  ConvLSTM3D,
  Dense,
  GRU,
  GRUCell,
  Input,
  LSTM,
  LSTMCell,
  RNN,
  RNNCell,
  SimpleRNN,
  SimpleRNNCell,
  StackedRNNCells,
  TimeDistributed,
  type CellContext,
} from '@typegrad/layers'
import { Model, Sequential } from '@typegrad/model'
import {
  concat,
  listen,
  random,
  setSeed,
  ShapeError,
  tensor,
  ValueError,
  zeros,
  type Tensor,
  type Variable,
} from '@typegrad/tensor'
import { beforeEach, describe, expect, it } from 'vitest'
import { layerConformance } from './keras-case.ts'
import { testLayers } from './table.ts'

layerConformance('recurrent')

const sequence = { input: [4, 2], heedsMask: true } as const

testLayers([
  { name: 'SimpleRNN', make: (o) => new SimpleRNN({ units: 4, ...o }), ...sequence },
  {
    name: 'SimpleRNN, all steps',
    make: (o) => new SimpleRNN({ units: 3, returnSequences: true, ...o }),
    mask: 'passed',
    ...sequence,
  },
  { name: 'SimpleRNN with dropout', make: (o) => new SimpleRNN({ units: 4, dropout: 0.4, ...o }), random: true, ...sequence },
  { name: 'LSTM', make: (o) => new LSTM({ units: 2, ...o }), ...sequence },
  {
    name: 'LSTM, all steps and states',
    make: (o) => new LSTM({ units: 2, returnSequences: true, returnState: true, ...o }),
    mask: 'passed',
    ...sequence,
  },
  {
    name: 'LSTM, backwards, zeros for the mask',
    make: (o) => new LSTM({ units: 2, goBackwards: true, returnSequences: true, zeroOutputForMask: true, ...o }),
    mask: 'passed',
    input: [4, 2],
  },
  {
    name: 'LSTM with recurrent dropout',
    make: (o) => new LSTM({ units: 4, recurrentDropout: 0.5, ...o }),
    random: true,
    ...sequence,
  },
  { name: 'GRU', make: (o) => new GRU({ units: 3, ...o }), ...sequence },
  {
    name: 'GRU, reset before',
    make: (o) => new GRU({ units: 2, resetAfter: false, recurrentActivation: 'hardSigmoid', ...o }),
    ...sequence,
  },
  { name: 'GRU without a bias', make: (o) => new GRU({ units: 2, useBias: false, returnState: true, ...o }), ...sequence },
  {
    name: 'GRU with dropout',
    make: (o) => new GRU({ units: 4, dropout: 0.4, recurrentDropout: 0.3, resetAfter: false, ...o }),
    random: true,
    ...sequence,
  },
  {
    name: 'RNN of a cell',
    make: (o) => new RNN({ cell: new SimpleRNNCell({ units: 3, dtype: o.dtype ?? 'float32' }), ...o }),
    ...sequence,
  },
  {
    name: 'RNN of stacked cells',
    make: (o) => {
      const dtype = o.dtype ?? 'float32'
      return new RNN({
        cell: new StackedRNNCells({ cells: [new LSTMCell({ units: 3, dtype }), new GRUCell({ units: 2, dtype })], dtype }),
        returnSequences: true,
        ...o,
      })
    },
    mask: 'passed',
    ...sequence,
  },
  { name: 'ConvLSTM1D', make: (o) => new ConvLSTM1D({ filters: 2, kernelSize: 2, ...o }), input: [3, 4, 1], heedsMask: true },
  {
    name: 'ConvLSTM2D',
    make: (o) => new ConvLSTM2D({ filters: 1, kernelSize: [2, 1], padding: 'same', returnSequences: true, ...o }),
    input: [3, 2, 2, 1],
    mask: 'passed',
    heedsMask: true,
  },
  {
    name: 'ConvLSTM3D',
    make: (o) => new ConvLSTM3D({ filters: 1, kernelSize: [1, 2, 1], ...o }),
    input: [3, 2, 2, 1, 1],
    heedsMask: true,
  },
  { name: 'Bidirectional', make: (o) => new Bidirectional({ layer: new LSTM({ units: 2, ...dtypeOf(o) }), ...o }), ...sequence },
  {
    name: 'Bidirectional, all steps',
    make: (o) =>
      new Bidirectional({ layer: new GRU({ units: 2, returnSequences: true, ...dtypeOf(o) }), mergeMode: 'sum', ...o }),
    mask: 'passed',
    ...sequence,
  },
  {
    name: 'Bidirectional, separate',
    make: (o) =>
      new Bidirectional({ layer: new SimpleRNN({ units: 2, returnState: true, ...dtypeOf(o) }), mergeMode: null, ...o }),
    ...sequence,
  },
  {
    name: 'TimeDistributed',
    make: (o) => new TimeDistributed({ layer: new Dense({ units: 2, activation: 'tanh', ...dtypeOf(o) }), ...o }),
    input: [4, 3],
    mask: 'passed',
  },
  {
    name: 'TimeDistributed LSTM',
    make: (o) => new TimeDistributed({ layer: new LSTM({ units: 2, ...dtypeOf(o) }), ...o }),
    input: [2, 3, 2],
    mask: 'passed',
  },
])

function dtypeOf({ dtype }: { readonly dtype?: 'float32' | 'float64' | 'int32' | 'uint8' | 'bool' }) {
  return dtype === undefined ? {} : { dtype }
}

beforeEach(() => setSeed(5))

const off = (a: Tensor, b: Tensor): number => a.sub(b).abs().max().item()
const kinds = [
  ['SimpleRNN', SimpleRNN],
  ['LSTM', LSTM],
  ['GRU', GRU],
] as const

describe('states', () => {
  it.each(kinds)('%s goes on from an initialState where a longer sequence would', (_, Kind) => {
    const layer = new Kind({ units: 3, returnState: true })
    const x = random.normal([2, 5, 2])
    const [whole] = layer.apply(x)
    const [, ...states] = layer.apply(x.slice(null, [0, 3]))
    const [rest] = layer.apply(x.slice(null, [3, 5]), { initialState: states })
    expect(off(rest, whole)).toBeLessThan(1e-6)
  })

  it.each(kinds)('%s, stateful, remembers them from call to call, sample by sample', (_, Kind) => {
    const layer = new Kind({ units: 3, stateful: true })
    const x = random.normal([2, 6, 2])
    layer.apply(x.slice(null, [0, 2]))
    layer.apply(x.slice(null, [2, 4]))
    const y = layer.apply(x.slice(null, [4, 6]))
    expect(layer.weights.length).toBe(3)
    layer.resetStates()
    expect(off(layer.apply(x), y)).toBeLessThan(1e-6)
    expect(() => layer.apply(random.normal([3, 6, 2]))).toThrow(/a batch of 3 samples, the states are of 2; resetStates/)
    layer.resetStates()
    expect(layer.apply(random.normal([3, 6, 2])).shape).toEqual([3, 3])
    const given = layer.states!.map((state) => state.add(0.5))
    const plain = new Kind({ ...layer.options, stateful: false, name: 'plain' })
    plain.apply(x)
    plain.setWeights(layer.getWeights())
    const next = random.normal([3, 2, 2])
    layer.resetStates(given)
    expect(layer.apply(next).toArray()).toEqual(plain.apply(next, { initialState: given }).toArray())
  })

  it('of a stateful layer in a model are not touched by its building, and are reset with it', async () => {
    const model = new Sequential([new LSTM({ units: 2, stateful: true }), new Dense({ units: 1 })])
    model.compile({ loss: 'mse', optimizer: 'sgd' })
    await model.fit(random.normal([4, 3, 2]), random.normal([4, 1]), { batchSize: 4, verbose: 0 })
    const lstm = model.layers[0] as LSTM
    expect(lstm.states![0].shape).toEqual([4, 2])
    expect(lstm.states![0].abs().max().item()).toBeGreaterThan(0)
    model.resetStates()
    expect(lstm.states![0].abs().max().item()).toBe(0)
  })

  it('of a stateful layer pass from step to step of compiled programs as they do op by op, whatever the batches', async () => {
    const [x, y] = [random.normal([12, 5, 3]), random.normal([12, 1])]
    const results = []
    for (const jit of [true, false]) {
      setSeed(1)
      const layers = [
        new LSTM({ units: 6, stateful: true, returnSequences: true }),
        new Bidirectional({ layer: new GRU({ units: 2, stateful: true }) }),
        new Dense({ units: 1 }),
      ]
      const model = new Sequential([Input({ shape: [5, 3] }), ...layers]).compile({ loss: 'mse', optimizer: 'adam', jit })
      const predicted = async (batchSize: number): Promise<Tensor> => {
        const before = await model.predict(x, { batchSize })
        model.resetStates()
        return before
      }
      const { history } = await model.fit(x, y, { epochs: 3, batchSize: 4, shuffle: false, verbose: 0 })
      const kept = await predicted(4)
      const fresh = [await predicted(2), await predicted(4), await predicted(6), await predicted(4)]
      expect(fresh[3].toArray()).toEqual(fresh[1].toArray())
      expect(off(fresh[1], kept)).toBeGreaterThan(1e-3)
      await model.predict(x, { batchSize: 4 })
      await expect(model.predict(x, { batchSize: 3 })).rejects.toThrow(/a batch of 3 samples, the states are of 4; resetStates/)
      expect(model.explain().includes('trainStep')).toBe(jit)
      results.push({ losses: history['loss'], kept, fresh })
    }
    const [compiled, plain] = results
    compiled.losses.forEach((loss, i) => expect(loss).toBeCloseTo(plain.losses[i], 5))
    expect(off(compiled.kept, plain.kept)).toBeLessThan(1e-5)
    compiled.fresh.forEach((one, i) => expect(off(one, plain.fresh[i])).toBeLessThan(1e-5))
  })

  it('may be symbolic: an encoder hands its own to a decoder', () => {
    const source = Input({ shape: [4, 2] })
    const target = Input({ shape: [3, 2] })
    const encoder = new LSTM({ units: 3, returnState: true })
    const decoder = new LSTM({ units: 3, returnSequences: true })
    const [, h, c] = encoder.apply(source)
    const model = new Model({ inputs: [source, target], outputs: decoder.apply(target, { initialState: [h, c] }) })
    const [x, y] = [random.normal([2, 4, 2]), random.normal([2, 3, 2])]
    const [, ...states] = encoder.apply(x)
    expect(model.apply([x, y]).toArray()).toEqual(decoder.apply(y, { initialState: states }).toArray())
    expect(model.layers).toContain(encoder)
    expect(() => new Model({ inputs: target, outputs: decoder.apply(target, { initialState: [h, c] }) })).toThrow(
      /depends on input/,
    )
  })

  it('of a wrong shape or number are refused', () => {
    const layer = new LSTM({ units: 2 })
    expect(() => layer.apply(zeros([1, 3, 2]), { initialState: [zeros([1, 2])] })).toThrow(ShapeError)
    expect(() => layer.apply(zeros([1, 3, 2]), { initialState: [zeros([1, 2]), zeros([1, 3])] })).toThrow(
      /initialState has shapes \[1, 2\], \[1, 3\]/,
    )
    expect(new GRU({ units: 2 }).apply(zeros([1, 3, 2]), { initialState: [[1, 2]] }).shape).toEqual([1, 2])
    expect(new GRU({ units: 2 }).apply(zeros([1, 3, 2]), { initialState: tensor([[1, 2]]) }).shape).toEqual([1, 2])
  })
})

describe('a recurrent layer', () => {
  it.each(kinds)('%s: goBackwards is a forward pass over the reversed sequence', (_, Kind) => {
    const forward = new Kind({ units: 2, returnSequences: true })
    const backward = new Kind({ units: 2, returnSequences: true, goBackwards: true })
    const x = random.normal([2, 4, 3])
    backward.apply(x)
    forward.apply(x)
    backward.setWeights(forward.getWeights())
    expect(backward.apply(x).toArray()).toEqual(forward.apply(x.flip(1)).toArray())
  })

  it.each(kinds)('%s: a step that is masked keeps state and output, wherever it lies', (_, Kind) => {
    const layer = new Kind({ units: 2, returnSequences: true, returnState: true })
    const x = random.normal([1, 4, 3])
    const [y, ...states] = layer.apply(x, { mask: [[false, true, false, true]] })
    const [packed, ...packedStates] = layer.apply(concat([x.slice(null, [1, 2]), x.slice(null, [3, 4])], 1))
    expect(y.slice(null, 0).abs().max().item()).toBe(0)
    expect(off(y.slice(null, 1), packed.slice(null, 0))).toBeLessThan(1e-6)
    expect(y.slice(null, 2).toArray()).toEqual(y.slice(null, 1).toArray())
    expect(off(y.slice(null, 3), packed.slice(null, 1))).toBeLessThan(1e-6)
    states.forEach((state, i) => expect(off(state, packedStates[i])).toBeLessThan(1e-6))
    const zeroed = new Kind({ units: 2, returnSequences: true, zeroOutputForMask: true })
    zeroed.apply(x)
    zeroed.setWeights(layer.getWeights())
    expect(
      zeroed
        .apply(x, { mask: [[false, true, false, true]] })
        .slice(null, 2)
        .abs()
        .max()
        .item(),
    ).toBe(0)
  })

  it.each(kinds)('%s: a sample of which nothing is left ends where it began', (_, Kind) => {
    const layer = new Kind({ units: 2, returnState: true })
    const start = layer.cell.initialState(2, [2, 3]).map((state) => state.add(0.25))
    const [y, ...states] = layer.apply(random.normal([2, 3, 3]), {
      mask: [
        [false, false, false],
        [true, true, true],
      ],
      initialState: start,
    })
    expect(y.slice(0).toArray()).toEqual([0, 0])
    for (const state of states) expect(state.slice(0).toArray()).toEqual([0.25, 0.25])
  })

  it('takes sequences of any length, of one step and of none', () => {
    const layer = new LSTM({ units: 2, returnSequences: true })
    expect(layer.apply(zeros([2, 7, 3])).shape).toEqual([2, 7, 2])
    expect(layer.apply(zeros([2, 1, 3])).shape).toEqual([2, 1, 2])
    expect(layer.apply(zeros([2, 0, 3])).shape).toEqual([2, 0, 2])
    expect(new LSTM({ units: 2 }).apply(zeros([2, 0, 3])).toArray()).toEqual([
      [0, 0],
      [0, 0],
    ])
    expect(() => layer.apply(zeros([2, 3]))).toThrow(/LSTM: input \[2, 3\], expected \[batch, steps, …features\]/)
    expect(() => layer.apply(zeros([2, 3, 3]), { mask: zeros([2, 4]) })).toThrow(/mask \[2, 4\], expected \[2, 3\]/)
  })

  it('begins with a forget gate of bias 1, and without if told so', () => {
    const bias = (layer: LSTM): number[] => {
      layer.buildFor([null, 3, 1])
      return Array.from((layer.cell as LSTMCell).bias!.toTypedArray())
    }
    expect(bias(new LSTM({ units: 2 }))).toEqual([0, 0, 1, 1, 0, 0, 0, 0])
    expect(bias(new LSTM({ units: 1, unitForgetBias: false, biasInitializer: 'ones' }))).toEqual([1, 1, 1, 1])
  })

  it('has a bias for the input and one for the state in a GRU with resetAfter', () => {
    const gru = new GRU({ units: 2 })
    gru.buildFor([null, 3, 4])
    expect(gru.weights.map((w) => [w.name, w.shape])).toEqual([
      ['kernel', [4, 6]],
      ['recurrentKernel', [2, 6]],
      ['bias', [2, 6]],
    ])
  })

  it('drops the same inputs and the same part of the state at every step', () => {
    const units = 64
    const layer = new SimpleRNN({ units, dropout: 0.5, useBias: false, activation: null, returnSequences: true })
    const x = zeros([1, 3, units]).add(1)
    layer.apply(x)
    const identity = tensor(
      Float32Array.from({ length: units * units }, (_, i) => Number(i % (units + 1) === 0)),
      { shape: [units, units] },
    )
    layer.setWeights([identity, zeros([units, units])])
    const [first, second, third] = layer
      .apply(x, { training: true })
      .squeeze(0)
      .split(3)
      .map((y) => y.toArray()[0] as number[])
    expect(second).toEqual(first)
    expect(third).toEqual(first)
    expect(new Set(first)).toEqual(new Set([0, 2]))
    layer.setWeights([zeros([units, units]), identity])
    const recurrent = new SimpleRNN({ ...layer.options, dropout: 0, recurrentDropout: 0.5, name: 'recurrent' })
    recurrent.apply(x)
    recurrent.setWeights(layer.getWeights())
    const y = recurrent
      .apply(x, { training: true, initialState: zeros([1, units]).add(1) })
      .squeeze(0)
      .toArray() as number[][]
    expect(y[1]).toEqual(y[0].map((v) => v * 2))
    expect(new Set(y[0])).toEqual(new Set([0, 2]))
  })

  it('drops the same inputs of a stacked cell at every step, as of a layer of its own', () => {
    const cells = [new SimpleRNNCell({ units: 4 }), new GRUCell({ units: 3, dropout: 0.5, recurrentDropout: 0.3 })]
    const x = random.normal([2, 5, 3])
    const stacked = new RNN({ cell: cells, returnSequences: true })
    stacked.apply(x)
    const [lower, upper] = cells.map((cell) => new RNN({ cell, returnSequences: true }))
    const runs = [
      (a: Tensor) => stacked.apply(a, { training: true }),
      (a: Tensor) => upper.apply(lower.apply(a), { training: true }),
    ]
    const [one, two] = runs.map((run) => {
      setSeed(7)
      return (run(x) as Tensor).toArray()
    })
    expect(one).toEqual(two)
  })

  it('takes a cell of your own', () => {
    class Decay extends RNNCell {
      readonly stateSize = 3
      rate!: Variable
      override build(): void {
        this.rate = this.addWeight([3], { initializer: 'ones' })
      }
      call(x: Tensor, { states: [h] }: CellContext): Tensor[] {
        const next = h.mul(this.rate).mul(0.5).add(x)
        return [next.mul(10), next]
      }
    }
    const layer = new RNN({ cell: new Decay(), returnState: true })
    const [y, h] = layer.apply(
      tensor([
        [
          [1, 0, 0],
          [0, 1, 0],
          [0, 0, 1],
        ],
      ]),
    )
    expect(h.toArray()).toEqual([[0.25, 0.5, 1]])
    expect(y.toArray()).toEqual([[2.5, 5, 10]])
    expect(layer.weights.map((w) => w.name)).toEqual(['rate'])
    expect(() => new RNN({ cell: {} as Decay })).toThrow(/cell must be an RNNCell/)
  })

  it('stacks a list of cells', () => {
    const cells = [new GRUCell({ units: 3 }), new LSTMCell({ units: 2 })]
    const stacked = new RNN({ cell: cells, returnSequences: true })
    const x = random.normal([2, 4, 3])
    const y = stacked.apply(x)
    const [first, second] = [new GRU({ units: 3, returnSequences: true }), new LSTM({ units: 2, returnSequences: true })]
    second.apply(first.apply(x))
    first.setWeights(cells[0].getWeights())
    second.setWeights(cells[1].getWeights())
    expect(off(second.apply(first.apply(x)), y)).toBeLessThan(1e-6)
  })

  it('has cells that work alone', () => {
    const cell = new LSTMCell({ units: 2 })
    const x = random.normal([3, 4])
    const [y, h, c] = cell.apply(x, { states: [zeros([3, 2]), zeros([3, 2])] })
    expect(h.toArray()).toEqual(y.toArray())
    const [, ...states] = new RNN({ cell, returnState: true }).apply(x.expandDims(1))
    expect(states.map((state) => state.toArray())).toEqual([h.toArray(), c.toArray()])
  })

  it('takes time in proportion to the steps, backwards too', () => {
    // The gradient of a slice is as large as what it is cut from: n slices of the whole would write n² elements.
    const layer = new SimpleRNN({ units: 2 })
    const written = (steps: number): number => {
      const x = zeros([1, steps, 2])
      const tape = new GradientTape()
      tape.watch(x)
      const loss = tape.run(() => layer.apply(x).sum())
      let elements = 0
      listen(
        (_, __, ___, output) => void (elements += output.size),
        () => tape.gradient(loss, x),
      )
      return elements
    }
    expect(written(256) / written(64)).toBeLessThan(6)
  })
})

describe('Bidirectional', () => {
  it('gives the steps of both directions in the order of the input', () => {
    const layer = new Bidirectional({ layer: new LSTM({ units: 2, returnSequences: true }), mergeMode: null })
    const x = random.normal([2, 4, 3])
    const [y, z] = layer.apply(x)
    expect(y.toArray()).toEqual(layer.forwardLayer.apply(x).toArray())
    expect(z.toArray()).toEqual(layer.backwardLayer.apply(x).flip(1).toArray())
    expect(layer.weights.length).toBe(6)
    expect([layer.forwardLayer.name, layer.backwardLayer.name].map((name) => name.replace(/_\d+$/, ''))).toEqual([
      'forward_lstm',
      'backward_lstm',
    ])
  })

  it('splits the initial states between the directions, and joins those that come out', () => {
    const layer = new Bidirectional({ layer: new GRU({ units: 2, returnState: true }) })
    const x = random.normal([2, 3, 2])
    const [h, k] = [random.normal([2, 2]), random.normal([2, 2])]
    const [y, forward, backward] = layer.apply(x, { initialState: [h, k] })
    const [expected] = layer.backwardLayer.apply(x, { initialState: [k] })
    expect(backward.toArray()).toEqual(expected.toArray())
    expect(y.toArray()).toEqual(concat([forward, backward], -1).toArray())
  })

  it('takes a backward layer of another kind, and activations that are functions', () => {
    const double = (x: Tensor): Tensor => x.mul(2)
    const layer = new Bidirectional({
      layer: new SimpleRNN({ units: 2, activation: double }),
      backwardLayer: new GRU({ units: 3, goBackwards: true }),
    })
    expect(layer.apply(random.normal([2, 3, 2])).shape).toEqual([2, 5])
  })

  it('keeps the states of stateful layers, and resets them', () => {
    const layer = new Bidirectional({ layer: new GRU({ units: 2, stateful: true }) })
    const x = random.normal([2, 3, 2])
    const first = layer.apply(x).toArray()
    expect(layer.apply(x).toArray()).not.toEqual(first)
    layer.resetStates()
    expect(layer.apply(x).toArray()).toEqual(first)
  })

  it.each<[string, () => unknown, RegExp]>([
    [
      'a layer that is not recurrent',
      () => new Bidirectional({ layer: new Dense({ units: 1 }) as unknown as LSTM }),
      /must be a recurrent layer/,
    ],
    [
      'an unknown mergeMode',
      () => new Bidirectional({ layer: new LSTM({ units: 1 }), mergeMode: 'max' as 'sum' }),
      /mergeMode must be one of concat, sum, ave, mul, null/,
    ],
    [
      'one direction twice',
      () => new Bidirectional({ layer: new LSTM({ units: 1 }), backwardLayer: new LSTM({ units: 1 }) }),
      /different directions/,
    ],
    [
      'layers that return different things',
      () =>
        new Bidirectional({
          layer: new LSTM({ units: 1 }),
          backwardLayer: new LSTM({ units: 1, goBackwards: true, returnSequences: true }),
        }),
      /returnSequences is false forward and true backward/,
    ],
  ])('refuses %s', (_, f, message) => {
    expect(f).toThrow(ValueError)
    expect(f).toThrow(message)
  })
})

describe('TimeDistributed', () => {
  it('applies the layer to every step', () => {
    const layer = new TimeDistributed({ layer: new Dense({ units: 2, activation: 'relu' }) })
    const x = random.normal([3, 4, 5])
    const y = layer.apply(x)
    for (let t = 0; t < 4; t++) expect(off(y.slice(null, t), layer.layer.apply(x.slice(null, t)) as Tensor)).toBeLessThan(1e-6)
  })

  it('gives each step to a layer that mixes samples by itself, with its mask', () => {
    const layer = new TimeDistributed({ layer: new BatchNormalization({ epsilon: 1e-6 }) })
    const x = random.normal([6, 2, 3]).mul([[[1], [10]]])
    const y = layer.apply(x, { training: true })
    for (let t = 0; t < 2; t++) {
      expect(y.slice(null, t).mean(0).abs().max().item()).toBeLessThan(1e-5)
      expect(y.slice(null, t).std(0).sub(1).abs().max().item()).toBeLessThan(1e-3)
    }
  })

  it('refuses what has no steps', () => {
    expect(() => new TimeDistributed({ layer: new Dense({ units: 1 }) }).apply(zeros([2, 3]))).toThrow(
      /expected \[batch, steps, …\]/,
    )
    expect(() => new TimeDistributed({ layer: {} as Dense })).toThrow(/layer must be a layer/)
  })
})
