// Models to Keras' config JSON and back.
import { describe, expect, it } from 'vitest'
import {
  Add,
  BatchNormalization,
  Bidirectional,
  clearSession,
  Concatenate,
  Dense,
  Dropout,
  Embedding,
  Input,
  LSTM,
  MultiHeadAttention,
  TimeDistributed,
  type SerializedLayer,
} from '@typegrad/layers'
import { Loss, metrics } from '@typegrad/losses'
import { Model, modelFromConfig, Sequential } from '@typegrad/model'
import { SGD } from '@typegrad/optim'
import { random, setSeed, tensor, ValueError, type Tensor } from '@typegrad/tensor'
import { comparable } from '../layers/keras-case.ts'
import { compiledLike, runs } from './golden.ts'

const json = (model: Model): SerializedLayer => JSON.parse(JSON.stringify(model)) as SerializedLayer

/** Layers that need no building to Keras have no shape there. */
const shapeless = /Pooling|Dropout|Noise|ReLU|^Activation$/

/** A config without what differs for good reason. Keras writes that a call had no mask, too. */
const plain = (value: unknown): unknown =>
  JSON.parse(JSON.stringify(comparable(value)), (key, item: any) => {
    if (key === 'kwargs') return Object.fromEntries(Object.entries(item as object).filter(([, given]) => given !== null))
    if (shapeless.test(item?.class_name)) delete item.build_config
    return item
  })

describe('the JSON of a model', () => {
  it.each(runs.map((run): [string, SerializedLayer] => [run.id, run.model]))("of '%s' is Keras' own", (_, given) => {
    clearSession()
    expect(plain(json(modelFromConfig(given)))).toEqual(plain(given))
  })

  it.each(runs.map((run): [string, (typeof runs)[number]] => [run.id, run]))("says how '%s' is trained", (_, run) => {
    const { optimizer, ...compiled } = json(compiledLike(run)).compile_config as Record<string, any>
    const { optimizer: expected, ...rest } = run.compile as Record<string, any>
    expect(comparable(compiled)).toEqual(comparable(rest))
    expect(comparable([optimizer.class_name, optimizer.config])).toEqual(comparable([expected.class_name, expected.config]))
    // Modules of optimizers are those of a backend there.
    expect(optimizer.module).toBe('keras.optimizers')
    const again = modelFromConfig(json(compiledLike(run)))
    expect(again.getCompileConfig()).toEqual(json(compiledLike(run)).compile_config)
  })
})

/** Gives both models the same weights and some input; they must agree. */
function expectSame(model: Model, copy: Model, inputs: Tensor | Tensor[]): void {
  copy.setWeights(model.getWeights())
  const [expected, got] = [model, copy].map((one) => [one.apply(inputs) as Tensor | Tensor[]].flat().map((y) => y.toArray()))
  expect(got).toEqual(expected)
}

const again = (model: Model, custom = {}): Model => {
  const copy = modelFromConfig(json(model), custom)
  expect(json(copy)).toEqual(json(model))
  return copy
}

describe('a functional model goes through JSON', () => {
  const x = random.normal([3, 4])

  it('with a layer that is called twice, and calls of it that are made the other way round', () => {
    const [a, b] = [Input({ shape: [4], name: 'a' }), Input({ shape: [4], name: 'b' })]
    const shared = new Dense({ units: 4, name: 'shared' })
    const once = shared.apply(a)
    const twice = shared.apply(new Add().apply([once, b]))
    const model = new Model({ inputs: [a, b], outputs: [twice, once] })
    const { layers, output_layers: outputs } = json(model).config as { layers: any[]; output_layers: unknown }
    expect(layers.find(({ name }) => name === 'shared').inbound_nodes).toHaveLength(2)
    expect(outputs).toEqual([
      ['shared', 1, 0],
      ['shared', 0, 0],
    ])
    expectSame(model, again(model), [x, random.normal([3, 4])])
  })

  it('with models within models, one of them within a wrapper', () => {
    const encoder = new Sequential([Input({ shape: [4] }), new Dense({ units: 3 }), new Dropout({ rate: 0.5 })], {
      name: 'encoder',
    })
    const input = Input({ shape: [5, 4] })
    const inner = Input({ shape: [5, 3] })
    const twoEnds = new Model({ inputs: inner, outputs: [inner, new Dense({ units: 2 }).apply(inner)], name: 'ends' })
    const [first, second] = twoEnds.apply(new TimeDistributed({ layer: encoder }).apply(input))
    const model = new Model({ inputs: input, outputs: new Concatenate().apply([first, second]) })
    expect(model.countParams()).toBe(15 + 8)
    expectSame(model, again(model), random.normal([2, 5, 4]))
  })

  it('with arguments beside the input: states, flags, masks and constants', () => {
    const [words, start] = [Input({ shape: [6], dtype: 'int32' }), Input({ shape: [4] })]
    const embedded = new Embedding({ inputDim: 9, outputDim: 4, maskZero: true }).apply(words)
    const read = new LSTM({ units: 4, returnSequences: true }).apply(embedded, { initialState: [start, start] })
    const attended = new MultiHeadAttention({ numHeads: 2, keyDim: 3 }).apply([read, read], { useCausalMask: true })
    const still = new BatchNormalization().apply(attended, { training: false })
    const mask = tensor([[true, true, true, false, false, false]])
    const both = new Bidirectional({ layer: new LSTM({ units: 2 }) }).apply(still, { mask: mask.broadcastTo([2, 6]) })
    const model = new Model({ inputs: [words, start], outputs: both })
    const { layers } = json(model).config as { layers: any[] }
    const callOf = (kind: string): any => layers.find(({ class_name: name }) => name === kind).inbound_nodes[0]
    expect(callOf('LSTM').kwargs.initial_state.map((state: any) => state.config.keras_history[1])).toEqual([0, 0])
    expect(callOf('MultiHeadAttention').kwargs).toEqual({ use_causal_mask: true })
    expect(callOf('MultiHeadAttention').args).toHaveLength(2)
    expect(callOf('BatchNormalization').kwargs).toEqual({ training: false })
    expect(callOf('Bidirectional').kwargs.mask.class_name).toBe('__tensor__')
    expectSame(model, again(model), [
      tensor(
        [
          [1, 2, 3, 0, 0, 0],
          [4, 5, 6, 7, 8, 0],
        ],
        { dtype: 'int32' },
      ),
      random.normal([2, 4]),
    ])
  })

  it('cut out of a larger one', () => {
    const hidden = new Dense({ units: 3, name: 'before' }).apply(Input({ shape: [2] }))
    const model = new Model({ inputs: hidden, outputs: new Dense({ units: 1 }).apply(hidden) })
    expect(model.countParams()).toBe(4)
    expect(model.inputNames).toEqual(['before_input'])
    expectSame(model, again(model), random.normal([2, 3]))
  })

  it('that was frozen, in part', () => {
    const base = new Sequential([new Dense({ units: 3, inputDim: 2 }), new Dense({ units: 2 })])
    base.trainable = false
    const model = new Sequential([base, new Dense({ units: 1 })])
    expect(again(model).trainableWeights).toHaveLength(2)
    model.trainable = false
    expect(again(model).trainableWeights).toEqual([])
  })

  it('with its layers in the order of Keras: by their distance from the outputs', () => {
    const input = Input({ shape: [4] })
    const dense = (name: string) => new Dense({ units: 4, name })
    const long = dense('long2').apply(dense('long1').apply(input))
    const short = dense('short').apply(input)
    const late = Input({ shape: [4], name: 'late' })
    const end = new Add({ name: 'end' }).apply([new Add({ name: 'sum' }).apply([short, long]), late])
    const model = new Model({ inputs: [late, input], outputs: end })
    expect(model.layers.map(({ name }) => name).filter((name) => !name.startsWith('input'))).toEqual([
      'long1',
      'short',
      'long2',
      'sum',
      'late',
      'end',
    ])
  })
})

describe('ops on symbolic tensors, which Keras writes as layers', () => {
  const words = Input({ shape: [4], dtype: 'int32', name: 'words' })
  const embedded = new Embedding({ inputDim: 5, outputDim: 2, maskZero: true }).apply(words)
  const model = new Model({ inputs: words, outputs: new LSTM({ units: 2, name: 'lstm' }).apply(embedded) })
  const reference = (layer: string): unknown => ({
    class_name: '__keras_tensor__',
    config: { shape: [null, 4], dtype: 'bool', keras_history: [layer, 0, 0] },
  })
  const withOp = (
    edit: (call: { args: unknown[]; kwargs: Record<string, unknown> }) => void,
    kind = 'NotEqual',
  ): SerializedLayer => {
    const given = json(model)
    const { layers } = given.config as { layers: any[] }
    const call = { args: [reference('words'), 0], kwargs: {} }
    const op = {
      module: 'keras.src.ops.numpy',
      class_name: kind,
      config: { name: 'not_equal' },
      registered_name: kind,
    }
    layers.push({ ...op, name: 'not_equal', inbound_nodes: [call] })
    edit(layers.find(({ name }) => name === 'lstm').inbound_nodes[0])
    return given
  }

  it('are left out where they make the mask that travels with a tensor', () => {
    const read = modelFromConfig(withOp((call) => (call.kwargs['mask'] = reference('not_equal'))))
    expectSame(model, read, tensor([[1, 2, 0, 0]], { dtype: 'int32' }))
  })

  it('are named where they do more and are not known', () => {
    const given = withOp((call) => (call.args = [reference('not_equal')]), 'Vander')
    expect(() => modelFromConfig(given)).toThrow(/the op Vander of keras.src.ops.numpy is used as a layer/)
  })
})

describe('what is not ours', () => {
  class Doubled extends Loss {
    call(yTrue: Tensor, yPred: Tensor): Tensor {
      return yTrue.sub(yPred).square().mul(2).mean(-1)
    }
  }
  class Two extends Model {
    readonly dense = new Dense({ units: 2 })
    override call(x: Tensor): Tensor {
      return this.dense.apply(x).mul(2)
    }
  }
  const halved = (yTrue: Tensor, yPred: Tensor): Tensor => yTrue.sub(yPred).abs().mean(-1).div(2)

  it('is found by name among custom objects: models, losses, functions', () => {
    setSeed(1)
    const model = new Two({ name: 'two' }).compile({
      loss: new Doubled(),
      metrics: [halved, new metrics.MeanSquaredError()],
      optimizer: new SGD({ learningRate: 0.5, momentum: 0.9 }),
    })
    const x = random.normal([4, 3])
    model.buildOn([x])
    const copy = modelFromConfig(json(model), { Two, Doubled, halved })
    expect(copy).toBeInstanceOf(Two)
    expectSame(model, copy, x)
    expect(copy.testOnBatch(x, random.normal([4, 2]).zerosLike())).toEqual(
      model.testOnBatch(
        x,
        tensor([
          [0, 0],
          [0, 0],
          [0, 0],
          [0, 0],
        ]),
      ),
    )
    expect(copy.optimizer.getConfig()).toEqual(model.optimizer.getConfig())
    for (const missing of [
      { Doubled, halved },
      { Two, halved },
      { Two, Doubled },
    ])
      expect(() => modelFromConfig(json(model), missing)).toThrow(ValueError)
  })
})
