// Steps and losses of one's own, freezing, and finding layers.
import { GradientTape } from '@typegrad/autograd'
import { BatchNormalization, Dense, Dropout, Input } from '@typegrad/layers'
import { Model, Sequential, type Batch, type CompileOptions } from '@typegrad/model'
import { Adam, SGD } from '@typegrad/optim'
import { losses } from '@typegrad/losses'
import { random, setSeed, tensor, ValueError, type Tensor } from '@typegrad/tensor'
import { describe, expect, it } from 'vitest'

const [x, y] = [random.normal([12, 3]), random.normal([12, 1])]
const quiet = { verbose: 0, shuffle: false, batchSize: 4, epochs: 3 } as const
const layers = (): Dense[] => [new Dense({ units: 4, inputDim: 3, activation: 'tanh' }), new Dense({ units: 1 })]
const weightsOf = (model: Model): number[][] => model.getWeights().map((w) => [...w.toTypedArray()])

async function trained(
  Class: typeof Sequential,
  options: Partial<CompileOptions> = {},
): Promise<{ history: Record<string, number[]>; weights: number[][]; model: Sequential }> {
  setSeed(6)
  const model = new Class(layers()).compile({
    loss: 'mse',
    metrics: ['mae'],
    optimizer: new SGD({ learningRate: 0.1 }),
    ...options,
  })
  const { history } = await model.fit(x, y, { ...quiet, validationData: [x, y] })
  return { history, weights: weightsOf(model), model }
}

describe.each([true, false])('a model of your own, compiled: %s, may override', (jit) => {
  const run = (Class: typeof Sequential): ReturnType<typeof trained> => trained(Class, { jit })

  it('trainStep: the same step by hand gives the same training', async () => {
    class ByHand extends Sequential {
      override trainStep({ x: [given], y: [expected], ...rest }: Batch): void {
        const tape = new GradientTape()
        let yPred!: Tensor
        const loss = tape.run(() => {
          yPred = this.apply(given, { training: true })
          return losses.meanSquaredError(expected, yPred)
        })
        this.optimizer.apply(tape.gradient(loss, this.trainableWeights), this.trainableWeights)
        this.track({ x: [given], y: [expected], ...rest }, [yPred], loss)
      }
    }
    const [mine, theirs] = [await run(ByHand), await run(Sequential)]
    expect(mine.history).toEqual(theirs.history)
    expect(mine.weights).toEqual(theirs.weights)
  })

  it('trainStep: around the one there is', async () => {
    const seen: number[][] = []
    class Watching extends Sequential {
      override trainStep(batch: Batch): void {
        seen.push([...batch.x[0].shape, ...batch.sampleWeight.map((w) => w.shape[0])])
        super.trainStep(batch)
      }
    }
    expect((await run(Watching)).history).toEqual((await run(Sequential)).history)
    // A compiled step is recorded once, and run without what it does beside its ops.
    expect(seen).toEqual(Array.from({ length: jit ? 1 : 9 }, () => [4, 3]))
  })

  it('call, with inputs by name', async () => {
    class Named extends Model {
      readonly wide = new Dense({ units: 2 })
      readonly deep = new Dense({ units: 2, activation: 'tanh' })
      override call({ wide, deep }: { wide: Tensor; deep: Tensor }): Tensor {
        return this.wide.apply(wide).add(this.deep.apply(deep)).sum(-1, { keepdims: true })
      }
    }
    setSeed(1)
    const model = new Named().compile({ loss: 'mse', optimizer: 'adam', jit })
    const inputs = { deep: x.slice(null, [0, 2]), wide: x }
    const { history } = await model.fit(inputs, y, quiet)
    expect(history['loss'].at(-1)).toBeLessThan(history['loss'][0])
    expect(model.inputNames).toEqual(['deep', 'wide'])
    const predicted = await model.predict({ wide: inputs.wide, deep: inputs.deep })
    expect(predicted.toArray()).toEqual(model.apply(inputs).toArray())
    await expect(model.predict({ wide: x })).rejects.toThrow('x: given are wide; the model has deep, wide')
  })

  it('computeLoss: training and evaluation take it', async () => {
    class Doubled extends Sequential {
      override computeLoss(batch: Batch, yPred: readonly Tensor[]): Tensor {
        return super.computeLoss(batch, yPred).mul(2)
      }
    }
    const [mine, theirs] = [await run(Doubled), await run(Sequential)]
    const [first, expected] = [mine, theirs].map(({ model }) => weightsOf(model))
    expect(first).not.toEqual(expected)
    expect((await mine.model.evaluate(x, y, quiet))['loss']).toBeCloseTo(mine.history['val_loss'].at(-1)!, 6)
    setSeed(6)
    const fast = new Sequential(layers()).compile({ loss: 'mse', optimizer: new SGD({ learningRate: 0.2 }) })
    await fast.fit(x, y, quiet)
    expect(weightsOf(fast)).toEqual(mine.weights.map((w) => w.map((value) => expect.closeTo(value, 5))))
  })

  it('testStep and predictStep', async () => {
    class Other extends Sequential {
      override testStep({ x: given, y: expected, sampleWeight }: Batch): void {
        super.testStep({ x: given, y: expected.map((one) => one.zerosLike()), sampleWeight })
      }

      override predictStep(given: readonly Tensor[]): Tensor[] {
        return super.predictStep(given).map((one) => one.neg())
      }
    }
    const [mine, theirs] = [await run(Other), await run(Sequential)]
    expect(mine.weights).toEqual(theirs.weights)
    expect((await mine.model.predict(x, quiet)).toArray()).toEqual((await theirs.model.predict(x, quiet)).neg().toArray())
    expect(await mine.model.evaluate(x, y, quiet)).toEqual(await theirs.model.evaluate(x, y.zerosLike(), quiet))
  })

  it('call, with several inputs and outputs, whose losses have names', async () => {
    class Two extends Model {
      readonly a = new Dense({ units: 1 })
      readonly b = new Dense({ units: 2 })
      override call([first, second]: Tensor[]): Tensor[] {
        return [this.a.apply(first), this.b.apply(second)]
      }
    }
    const data = [[x, x.slice(null, [0, 2])], { sum: y, pair: x.slice(null, [1, 3]) }] as const
    const model = new Two().compile({ loss: { sum: 'mse', pair: 'mae' }, metrics: { sum: ['mae'], pair: ['mse'] } })
    const { history } = await model.fit([...data[0]], data[1], quiet)
    expect(Object.keys(history)).toEqual(['loss', 'pair_loss', 'pair_mse', 'sum_loss', 'sum_mae'])
    const [sum, pair] = await model.predict([...data[0]], quiet)
    expect([sum.shape, pair.shape]).toEqual([
      [12, 1],
      [12, 2],
    ])
    const listed = new Two().compile({ loss: ['mse', 'mae'] })
    expect(Object.keys((await listed.fit([...data[0]], Object.values(data[1]), quiet)).history)).toEqual([
      'loss',
      'output_1_loss',
      'output_2_loss',
    ])
  })
})

describe('a scaled loss', () => {
  it('changes nothing: gradients are scaled back', async () => {
    const run = async (options: object): Promise<{ history: unknown; weights: number[][] }> => {
      setSeed(6)
      const model = new Sequential(layers()).compile({ loss: 'mse', optimizer: new Adam({ learningRate: 0.1, ...options }) })
      const { history } = await model.fit(x, y, quiet)
      return { history, weights: weightsOf(model) }
    }
    // A power of two scales without rounding.
    expect(await run({ lossScaleFactor: 256 })).toEqual(await run({}))
  })
})

describe('a frozen layer', () => {
  const make = (): Sequential => {
    setSeed(2)
    return new Sequential([
      Input({ shape: [3] }),
      new Dense({ units: 4, name: 'first' }),
      new BatchNormalization({ name: 'norm' }),
      new Dropout({ rate: 0.5, name: 'drop' }),
      new Dense({ units: 1, name: 'last' }),
    ])
  }
  const changed = async (model: Sequential): Promise<string[]> => {
    const before = weightsOf(model)
    model.compile({ loss: 'mse', optimizer: new SGD({ learningRate: 0.1 }) })
    await model.fit(x, y, quiet)
    const after = weightsOf(model)
    const names = model.layers.flatMap((layer) => layer.weights.map((weight) => `${layer.name}/${weight.name}`))
    expect(model.weights).toHaveLength(names.length)
    const at = new Map(
      model.layers.flatMap((layer) => layer.weights.map((weight) => [weight, `${layer.name}/${weight.name}`] as const)),
    )
    return model.weights.flatMap((weight, i) => (String(before[i]) === String(after[i]) ? [] : [at.get(weight)!])).toSorted()
  }
  const all = ['first/bias', 'first/kernel', 'last/bias', 'last/kernel']
  const norm = ['norm/beta', 'norm/gamma', 'norm/movingMean', 'norm/movingVariance']

  it.each<[string, (model: Sequential) => void, string[]]>([
    // A bias before a normalization has a gradient of 0, up to rounding.
    ['nothing', () => undefined, [...all, ...norm]],
    ['one layer', (model) => (model.getLayer('first').trainable = false), ['last/bias', 'last/kernel', ...norm]],
    // As in Keras, a frozen BatchNormalization does not learn the statistics either.
    ['a normalization', (model) => (model.getLayer('norm').trainable = false), all],
    [
      'all but one',
      (model) => model.layers.slice(0, -1).forEach((layer) => (layer.trainable = false)),
      ['last/bias', 'last/kernel'],
    ],
    ['the model', (model) => (model.trainable = false), []],
    [
      'the model, and one layer not',
      (model) => {
        model.trainable = false
        model.trainable = true
        model.getLayer(0).trainable = false
        model.getLayer('norm').trainable = false
      },
      ['last/bias', 'last/kernel'],
    ],
  ])('keeps its weights: %s', async (_, freeze, expected) => {
    const model = make()
    freeze(model)
    expect(await changed(model)).toEqual(expected)
    const free = model.trainableWeights.length
    expect(model.nonTrainableWeights).toHaveLength(model.weights.length - free)
  })

  it('trains again when it is thawed, with no word to compile', async () => {
    const model = make()
    const first = model.getLayer('first')
    first.trainable = false
    expect(await changed(model)).not.toContain('first/kernel')
    const before = weightsOf(model)[0]
    first.trainable = true
    await model.fit(x, y, quiet)
    expect(weightsOf(model)[0]).not.toEqual(before)
  })
})

describe('getLayer', () => {
  const model = new Sequential([new Dense({ units: 2, name: 'a', inputDim: 2 }), new Dense({ units: 2, name: 'b' })])

  it('finds a layer by name or by position, from the end too', () => {
    const [a, b] = model.layers
    expect([model.getLayer('a'), model.getLayer('b'), model.getLayer(0), model.getLayer(-1)]).toEqual([a, b, a, b])
    const input = Input({ shape: [2], name: 'in' })
    const outer = new Model({ inputs: input, outputs: model.apply(input) })
    expect((outer.getLayer(model.name) as Sequential).getLayer('b')).toBe(b)
  })

  it('names the layers where there is none such', () => {
    expect(() => model.getLayer('c')).toThrow(new ValueError('getLayer: no layer "c"; the layers are a, b'))
    expect(() => model.getLayer(2)).toThrow(/no layer 2/)
    expect(model.apply(tensor([[1, 2]])).shape).toEqual([1, 2])
  })
})
