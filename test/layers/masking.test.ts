import { GradientTape } from '@typegrad/autograd'
import {
  Activation,
  Bidirectional,
  Dense,
  Dropout,
  Embedding,
  Flatten,
  GRU,
  Input,
  Layer,
  LSTM,
  Masking,
  maskOf,
  TimeDistributed,
  withMask,
  type CallContext,
} from '@typegrad/layers'
import { Model, Sequential } from '@typegrad/model'
import { SGD } from '@typegrad/optim'
import { random, setSeed, tensor, zeros, type Tensor } from '@typegrad/tensor'
import { beforeEach, describe, expect, it } from 'vitest'

beforeEach(() => setSeed(3))

// Three samples of 3, 1 and 4 words, and zeros after them.
const ids = tensor(
  [
    [5, 2, 7, 0],
    [3, 0, 0, 0],
    [1, 4, 6, 2],
  ],
  { dtype: 'int32' },
)
const valid = [
  [true, true, true, false],
  [true, false, false, false],
  [true, true, true, true],
]
const count = 8

const embedding = (): Embedding => new Embedding({ inputDim: 9, outputDim: 3, maskZero: true })
const tagger = (): Sequential =>
  new Sequential([
    embedding(),
    new Bidirectional({ layer: new GRU({ units: 2, returnSequences: true }) }),
    new Dropout({ rate: 0.2 }),
    new TimeDistributed({ layer: new Dense({ units: 4 }) }),
    new Activation({ activation: 'softmax' }),
  ])

describe('Masking', () => {
  it('masks the steps that are all maskValue, and clears them', () => {
    const x = tensor([
      [
        [1, -1],
        [-1, -1],
        [-1, 2],
      ],
    ])
    const y = new Masking({ maskValue: -1 }).apply(x)
    expect(maskOf(y)!.toArray()).toEqual([[true, false, true]])
    expect(y.toArray()).toEqual([
      [
        [1, -1],
        [0, 0],
        [-1, 2],
      ],
    ])
  })
})

describe('a mask travels', () => {
  it('through Sequential, wrappers and nested models, to the output', () => {
    const model = new Sequential([tagger(), new Dense({ units: 2 })])
    expect(maskOf(model.apply(ids))!.toArray()).toEqual(valid)
  })

  it('through a functional model, along its branches', () => {
    const input = Input({ shape: [4], dtype: 'int32' })
    const x = embedding().apply(input)
    const steps = new LSTM({ units: 2, returnSequences: true }).apply(x)
    const last = new LSTM({ units: 2 }).apply(x)
    const flat = new Flatten().apply(steps)
    const model = new Model({ inputs: input, outputs: [steps, last, flat, new Dense({ units: 1 }).apply(steps)] })
    const masks = (model.apply(ids) as Tensor[]).map((y) => maskOf(y)?.toArray())
    expect(masks).toEqual([valid, undefined, undefined, valid])
  })

  it('through a model of your own', () => {
    class Tagger extends Model {
      readonly embedding = embedding()
      readonly lstm = new LSTM({ units: 2, returnSequences: true })
      override call(x: Tensor): Tensor {
        return this.lstm.apply(this.embedding.apply(x))
      }
    }
    expect(maskOf(new Tagger().apply(ids))!.toArray()).toEqual(valid)
  })

  it('no farther than a layer that does not support masks, even one that returns its input', () => {
    class Through extends Layer {
      call(x: Tensor): Tensor {
        return x
      }
    }
    const x = embedding().apply(ids)
    const y = new Through().apply(x)
    expect(y.toArray()).toEqual(x.toArray())
    expect(maskOf(y)).toBeUndefined()
    expect(maskOf(x)!.toArray()).toEqual(valid)
    // Gradients still pass.
    const z = random.normal([2, 2])
    const tape = new GradientTape()
    tape.watch(z)
    const loss = tape.run(() =>
      new Through()
        .apply(withMask(z, tensor([true, false])))
        .square()
        .sum(),
    )
    expect(tape.gradient(loss, z)!.sub(z.mul(2)).abs().max().item()).toBe(0)
  })

  it('through a model that returns its input', () => {
    const x = embedding().apply(ids)
    expect(maskOf(new Sequential([new Dropout({ rate: 0.5 })]).apply(x))!.toArray()).toEqual(valid)
  })

  it('to the call of a layer, which may make another', () => {
    const seen: unknown[] = []
    class Every extends Layer {
      constructor() {
        super()
        this.supportsMasking = true
      }
      call(x: Tensor, { mask }: CallContext): Tensor {
        seen.push((mask as Tensor).toArray())
        return x.slice(null, [null, null, 2])
      }
      override computeMask(_x: Tensor, mask: CallContext['mask']): CallContext['mask'] {
        return (mask as Tensor).slice(null, [null, null, 2])
      }
    }
    const y = new Every().apply(embedding().apply(ids))
    expect(seen).toEqual([valid])
    expect(maskOf(y)!.toArray()).toEqual(valid.map((row) => [row[0], row[2]]))
  })

  it('from the call, in place of the one that the input has', () => {
    const lstm = new LSTM({ units: 2 })
    const x = random.normal([2, 3, 2])
    const mask = [
      [true, true, false],
      [true, false, false],
    ]
    const y = lstm.apply(x, { mask })
    expect(y.toArray()).toEqual(lstm.apply(withMask(x, zeros([2, 3], { dtype: 'bool' })), { mask }).toArray())
    const sequential = new Sequential([new LSTM({ units: 2, returnSequences: true })])
    expect(maskOf(sequential.apply(x, { mask }))!.toArray()).toEqual(mask)
    expect(maskOf(x)).toBeUndefined()
  })
})

describe('a mask reaches', () => {
  const labels = tensor([
    [1, 2, 3, 0],
    [0, 0, 0, 0],
    [3, 1, 0, 2],
  ])
  const compiled = (): Sequential =>
    tagger().compile({ loss: 'sparseCategoricalCrossentropy', metrics: ['accuracy'], optimizer: 'sgd' })

  it('losses and metrics: steps that it leaves out do not count', async () => {
    const model = compiled()
    const p = model.apply(ids).toArray() as number[][][]
    const classes = labels.toArray() as number[][]
    let loss = 0
    let hits = 0
    valid.forEach((row, b) =>
      row.forEach((counts, t) => {
        if (!counts) return
        loss -= Math.log(p[b][t][classes[b][t]])
        hits += Number(p[b][t].indexOf(Math.max(...p[b][t])) === classes[b][t])
      }),
    )
    const logs = await model.evaluate(ids, labels, { verbose: 0 })
    expect(logs['loss']).toBeCloseTo(loss / count, 5)
    expect(logs['accuracy']).toBeCloseTo(hits / count, 6)
  })

  it('the weights of samples, which it multiplies', async () => {
    const model = tagger().compile({ loss: 'sparseCategoricalCrossentropy', weightedMetrics: ['accuracy'] })
    const sampleWeight = tensor([1, 0, 3])
    const p = model.apply(ids).toArray() as number[][][]
    const classes = labels.toArray() as number[][]
    const weights = [1, 0, 3]
    let [loss, hits, total] = [0, 0, 0]
    valid.forEach((row, b) =>
      row.forEach((counts, t) => {
        if (!counts) return
        loss -= weights[b] * Math.log(p[b][t][classes[b][t]])
        hits += weights[b] * Number(p[b][t].indexOf(Math.max(...p[b][t])) === classes[b][t])
        total += weights[b]
      }),
    )
    const logs = await model.evaluate(ids, labels, { sampleWeight, verbose: 0 })
    expect(logs['loss']).toBeCloseTo(loss / count, 5)
    expect(logs['accuracy']).toBeCloseTo(hits / total, 6)
  })

  it('fit: the targets of steps that it leaves out change nothing', async () => {
    const x = tensor([
      [
        [1, 2],
        [0.3, -1],
        [0, 0],
      ],
      [
        [2, 1],
        [0, 0],
        [0, 0],
      ],
    ])
    const train = async (y: Tensor): Promise<unknown[]> => {
      setSeed(11)
      const layers = [new Masking({ inputShape: [3, 2] }), new LSTM({ units: 2, returnSequences: true }), new Dense({ units: 1 })]
      const model = new Sequential(layers).compile({ loss: 'mse', optimizer: new SGD({ learningRate: 0.1 }) })
      await model.fit(x, y, { epochs: 2, verbose: 0, shuffle: false })
      return model.getWeights().map((w) => w.toArray())
    }
    const weights = await train(
      tensor([
        [[0.5], [0.1], [0]],
        [[-0.5], [0], [0]],
      ]),
    )
    expect(
      await train(
        tensor([
          [[0.5], [0.1], [-40]],
          [[-0.5], [50], [9]],
        ]),
      ),
    ).toEqual(weights)
    expect(
      await train(
        tensor([
          [[0.5], [0.1], [0]],
          [[-0.4], [0], [0]],
        ]),
      ),
    ).not.toEqual(weights)
  })

  it('a batch without a single valid step: the loss is 0, nothing moves', async () => {
    const model = compiled()
    const none = zeros([2, 4], { dtype: 'int32' })
    model.apply(none)
    const before = model.getWeights().map((w) => w.toArray())
    const { history } = await model.fit(none, zeros([2, 4]), { epochs: 1, verbose: 0 })
    expect(history['loss']).toEqual([0])
    expect(model.getWeights().map((w) => w.toArray())).toEqual(before)
  })
})
