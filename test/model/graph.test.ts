/** The graph of a model as its users reach it: inputs and outputs of layers and models, inputs by name, copies; and models without a loss. */
import { GradientTape } from '@typegrad/autograd'
import {
  Concatenate,
  Conv2D,
  Dense,
  Flatten,
  Input,
  Lambda,
  Layer,
  StringLookup,
  TextVectorization,
  type CallContext,
} from '@typegrad/layers'
import { Mean } from '@typegrad/losses'
import { cloneModel, Model, modelFromConfig, Sequential, type Batch } from '@typegrad/model'
import { full, random, setSeed, tensor, TypegradError, zeros, type Tensor } from '@typegrad/tensor'
import { describe, expect, test } from 'vitest'

const quiet = { verbose: 0 } as const
const rows = (n: number, width: number): Tensor => new random.Generator(n).normal([n, width])

describe('what a layer was called on, and what it made of it', () => {
  const image = (): Sequential =>
    new Sequential([
      Input({ shape: [8, 8, 1] }),
      new Conv2D({ filters: 2, kernelSize: 3, activation: 'relu', name: 'conv' }),
      new Flatten(),
      new Dense({ units: 3 }),
    ])

  test('a model of the layers within another shares their weights', async () => {
    const model = image()
    const x = new random.Generator(0).normal([5, 8, 8, 1])
    const within = new Model({ inputs: model.inputs, outputs: [model.getLayer('conv').output, model.output] })
    const [features, scores] = within.apply([x])
    expect(features.toArray()).toEqual((model.layers[0].apply(x) as Tensor).toArray())
    expect(scores.toArray()).toEqual((await model.predict(x)).toArray())
    expect(within.weights).toEqual(model.weights)

    const tape = new GradientTape()
    const [conv, best] = tape.run(() => {
      const [c, s] = within.apply([x])
      return [c, s.max(1)]
    })
    expect(tape.gradient(best, conv)!.shape).toEqual([5, 6, 6, 2])
  })

  test('in a graph the first call counts; models have their own ends', () => {
    const [a, b] = [Input({ shape: [4] }), Input({ shape: [4] })]
    const shared = new Dense({ units: 2 })
    const both = new Concatenate()
    const model = new Model({ inputs: [a, b], outputs: both.apply([shared.apply(a), shared.apply(b)]) })
    expect(shared.input).toBe(a)
    expect(shared.output.shape).toEqual([null, 2])
    expect(both.input).toHaveLength(2)
    expect(both.output).toBe(model.output)
    for (const list of [model.inputs, [...model.input]]) expect(list.map((x) => [a, b].indexOf(x))).toEqual([0, 1])
    expect(model.outputs[0]).toBe(both.output)
    expect(a.node!.layer.output).toBe(a)
  })

  test('a Sequential grows and shrinks, with an input or without', async () => {
    const model = image()
    const before = model.output
    model.add(new Dense({ units: 1, name: 'last' }))
    expect(model.getLayer('last').input).toBe(before)
    expect(model.output).toBe(model.getLayer('last').output)
    model.pop()
    expect(model.output).toBe(before)

    const late = new Sequential([new Dense({ units: 3 }), new Dense({ units: 2 })])
    expect(() => late.inputs).toThrow(/^inputs: model 'sequential.*' is not built: begin it with Input/)
    expect(() => late.layers[0].output).toThrow(/^output: layer 'dense.*' was not called on an Input yet/)
    await late.predict(rows(2, 5))
    expect(late.inputs[0].shape).toEqual([null, 5])
    const first = new Model({ inputs: late.input, outputs: late.layers[0].output })
    expect(first.apply(rows(2, 5)).toArray()).toEqual((late.layers[0].apply(rows(2, 5)) as Tensor).toArray())
    expect(() => new (class Own extends Model {})().outputs).toThrow(TypegradError)
  })

  test('of texts, too', () => {
    const vectorize = new TextVectorization({ outputSequenceLength: 3, vocabulary: ['good', 'bad'] })
    const model = new Sequential([
      vectorize,
      new Lambda({ function: (x: Tensor) => x.cast('float32').sum(1, { keepdims: true }) }),
    ])
    const sums = model.apply(['good bad', 'bad'])
    expect(model.inputs[0].dtype).toBe('string')
    const words = new Model({ inputs: model.inputs, outputs: vectorize.output })
    expect(words.apply(['good bad', 'bad']).sum(1, { keepdims: true }).toArray()).toEqual(sums.toArray())
  })
})

describe('inputs by name', () => {
  const make = (): Model => {
    const [age, kind] = [Input({ shape: [1], name: 'a' }), Input({ shape: [1], name: 'b', dtype: 'string' })]
    const code = new StringLookup({ vocabulary: ['x', 'y'], outputMode: 'oneHot' }).apply(kind)
    const joined = new Concatenate().apply([age, code])
    return new Model({ inputs: { age, kind }, outputs: new Dense({ units: 1 }).apply(joined) })
  }
  const data = { age: [[1], [2], [3]], kind: [['x'], ['y'], ['z']] }

  test('data have the names that the model gives, and keep them in JSON', async () => {
    const model = make().compile({ loss: 'mse' })
    expect(model.inputNames).toEqual(['age', 'kind'])
    await model.fit(data, [[1], [2], [3]], quiet)
    const expected = (await model.predict(data)).toArray()
    expect(await model.predict({ kind: data.kind, age: data.age })).toMatchObject({ shape: [3, 1] })
    const json = model.toJSON()
    expect(json.config['input_layers']).toEqual({ age: ['a', 0, 0], kind: ['b', 0, 0] })
    const again = modelFromConfig(JSON.parse(JSON.stringify(json)))
    again.setWeights(model.getWeights())
    expect(again.inputNames).toEqual(['age', 'kind'])
    expect((await again.predict(data)).toArray()).toEqual(expected)
    await expect(model.predict({ age: [[1]], sort: [['x']] })).rejects.toThrow('x: given are age, sort; the model has age, kind')
  })
})

describe('without a loss of its own', () => {
  class Penalty extends Layer {
    call(x: Tensor): Tensor {
      this.addLoss(x.square().mean())
      return x
    }
  }

  test('what layers add is made small', async () => {
    const model = new Sequential([new Dense({ units: 3, inputDim: 4 }), new Penalty()]).compile({ optimizer: 'adam' })
    const { history } = await model.fit(rows(64, 4), null, { epochs: 20, ...quiet })
    expect(history['loss'].at(-1)).toBeLessThan(history['loss'][0])
    expect(Object.keys(await model.evaluate(rows(64, 4), null, quiet))).toEqual(['loss'])
  })

  test('a model whose step is its own needs neither loss nor call', async () => {
    const [encoder, decoder] = [3, 8].map((units, i) => new Sequential([new Dense({ units, inputDim: i === 0 ? 8 : 3 })]))
    class Autoencoder extends Model {
      readonly encoder = encoder
      readonly decoder = decoder
      readonly #error = new Mean({ name: 'error' })
      override get metrics(): Mean[] {
        return [this.#error]
      }
      override trainStep({ x: [x] }: Batch): void {
        const tape = new GradientTape()
        const error = tape.run(() => this.decoder.apply(this.encoder.apply(x)).sub(x).square().mean())
        this.optimizer.apply(tape.gradient(error, this.trainableWeights), this.trainableWeights)
        this.#error.updateState(error)
      }
    }
    const model = new Autoencoder().compile({ optimizer: 'adam' })
    const { history } = await model.fit(rows(64, 8), null, { epochs: 10, ...quiet })
    expect(Object.keys(history)).toEqual(['error'])
    expect(history['error'].at(-1)).toBeLessThan(history['error'][0])
  })

  test('nothing to make small is an error', async () => {
    const model = new Sequential([new Dense({ units: 1, inputDim: 2 })]).compile({ optimizer: 'sgd' })
    await expect(model.fit(rows(4, 2), zeros([4, 1]), quiet)).rejects.toThrow(
      /there is no loss to make small: give one to compile/,
    )
  })
})

test('a layer that says that it has changed is compiled anew', async () => {
  class Grow extends Layer {
    #factor = 1
    set factor(value: number) {
      this.#factor = value
      this.changed()
    }
    call(x: Tensor): Tensor {
      return x.mul(this.#factor)
    }
  }
  const grow = new Grow()
  const model = new Sequential([Input({ shape: [1] }), new Sequential([grow])])
  const results: unknown[] = []
  for (const factor of [2, 3]) {
    grow.factor = factor
    results.push((await model.predict([[1]], quiet)).toArray(), model.predictOnBatch([[10]]).toArray())
  }
  expect(results).toEqual([[[2]], [[20]], [[3]], [[30]]])
  expect(model.explain()).toContain('predictStep')
})

describe('cloneModel', () => {
  class Scale extends Layer {
    factor: Tensor | undefined
    override build(): void {
      this.factor = this.addWeight([], { initializer: 'ones' })
    }
    call(x: Tensor, _context: CallContext): Tensor {
      return x.mul(this.factor!)
    }
  }

  test('has the layers, with fresh weights, and is not compiled', () => {
    setSeed(1)
    const x = Input({ shape: [4] })
    const inner = new Sequential([new Dense({ units: 3, inputDim: 4 }), new Scale()])
    const model = new Model({ inputs: x, outputs: new Dense({ units: 2 }).apply(inner.apply(x)) }).compile({ loss: 'mse' })
    const copy = cloneModel(model)
    expect(JSON.stringify(copy.getConfig())).toBe(JSON.stringify(model.getConfig()))
    expect(copy.compiled).toBe(false)
    expect(copy.weights.some((weight) => model.weights.includes(weight))).toBe(false)
    expect(copy.getWeights()[0].toArray()).not.toEqual(model.getWeights()[0].toArray())
    copy.setWeights(model.getWeights())
    const data = tensor([[1, 2, 3, 4]])
    expect(copy.apply(data).toArray()).toEqual(model.apply(data).toArray())
  })

  test('how the model is trained does not matter', () => {
    const model = new Sequential([new Dense({ units: 1, inputDim: 2 })])
    model.compile({ loss: 'mse', metrics: [(yTrue, yPred) => yTrue.sub(yPred).abs().mean(-1)] })
    expect(cloneModel(model).countParams()).toBe(3)
  })

  test('functions are parts of the copy', () => {
    const activation = (x: Tensor): Tensor => x.mul(3)
    const model = new Sequential([
      Input({ shape: [2] }),
      new Lambda({ function: (x: Tensor) => x.mul(2) }),
      new Dense({ units: 1, activation, kernelInitializer: (shape) => full(shape, 0.5) }),
    ])
    expect(
      cloneModel(model)
        .apply([[1, 2]])
        .toArray(),
    ).toEqual([[9]])
    expect(() => model.getConfig()).toThrow("function of layer 'lambda")
  })
})
