// Outputs by name: results, targets, losses and figures go under the names.
import { cloneModel, Dense, Input, Model, modelFromConfig, random, setSeed, type SymbolicTensor, type Tensor } from 'typegrad'
import { beforeEach, describe, expect, test } from 'vitest'

interface Out {
  readonly price: Tensor
  readonly kind: Tensor
}

beforeEach(() => setSeed(3))

const rows = 24
const x = (): Tensor => random.normal([rows, 4])
const targets = () => ({ kind: random.integers([rows], { high: 3 }), price: random.normal([rows, 1]) })
const compiled = {
  optimizer: 'sgd',
  loss: { price: 'mse', kind: 'sparseCategoricalCrossentropy' },
  metrics: { kind: ['accuracy'] },
} as const

function functional(): Model {
  const input = Input({ shape: [4] })
  const hidden = new Dense({ units: 5, activation: 'tanh' }).apply(input)
  const price = new Dense({ units: 1 }).apply(hidden)
  return new Model({ inputs: input, outputs: { price, kind: new Dense({ units: 3, activation: 'softmax' }).apply(hidden) } })
}

class Subclassed extends Model {
  readonly hidden = new Dense({ units: 5, activation: 'tanh' })
  readonly price = new Dense({ units: 1 })
  readonly kind = new Dense({ units: 3, activation: 'softmax' })

  override call(input: Tensor): any {
    const hidden = this.hidden.apply(input)
    return { price: this.price.apply(hidden), kind: this.kind.apply(hidden) }
  }
}

const shapes = ({ price, kind }: Out): unknown => [price.shape, kind.shape]
const same = (a: Out, b: Out): void => {
  for (const name of ['price', 'kind'] as const) expect(a[name].toArray()).toEqual(b[name].toArray())
}

describe.each<[string, () => Model]>([
  ['functional', functional],
  ['a subclass whose call gives a record', () => new Subclassed()],
])('outputs by name: %s', (_, make) => {
  test('predictions are a record, op by op and compiled, of arrays and of one batch', async () => {
    const model = make()
    const data = x()
    const predicted = await model.predict<Out>(data, { batchSize: 7 })
    expect(shapes(predicted)).toEqual([
      [rows, 1],
      [rows, 3],
    ])
    expect(Object.keys(predicted)).toEqual(['price', 'kind'])
    const direct = model.apply(data) as unknown as Out
    expect(predicted.price.sub(direct.price).abs().max().item()).toBeLessThan(1e-6)
    expect(shapes(model.predictOnBatch(data) as unknown as Out)).toEqual([
      [rows, 1],
      [rows, 3],
    ])
  })

  test('an output that nothing is compared with needs no targets, and changes nothing', async () => {
    const [data, y] = [x(), targets()]
    const runs = []
    for (const given of [{ price: y.price }, y]) {
      setSeed(3)
      const model = make().compile({ optimizer: 'sgd', loss: { price: 'mse', kind: null }, metrics: { price: ['mae'] } })
      const { history } = await model.fit(data, given, { epochs: 2, verbose: 0, validationSplit: 0.25 })
      runs.push({ history, figures: await model.evaluate(data, given, { verbose: 0 }) })
    }
    expect(runs[0]).toEqual(runs[1])
    const watched = make().compile({ loss: { price: 'mse', kind: null }, metrics: { kind: ['accuracy'] } })
    await expect(watched.fit(data, { price: y.price }, { verbose: 0 })).rejects.toThrow(/given are price/)
  })

  test('targets and losses meet by name, in any order', async () => {
    const model = make().compile(compiled)
    const [data, y] = [x(), targets()]
    const { history } = await model.fit(data, y, { epochs: 8, verbose: 0, validationSplit: 0.25 })
    expect(Object.keys(history)).toEqual(expect.arrayContaining(['loss', 'price_loss', 'kind_loss', 'kind_accuracy', 'val_loss']))
    expect(history['loss'].at(-1)).toBeLessThan(history['loss'][0])
    const { loss, ...figures } = await model.evaluate(data, y, { verbose: 0 })
    expect(loss).toBeCloseTo(figures['price_loss'] + figures['kind_loss'], 5)
    await expect(model.fit(data, { price: y.price }, { verbose: 0 })).rejects.toThrow(
      /given are price; the model has price, kind/,
    )
  })
})

describe('outputs by name', () => {
  test('are kept by configs, clones and models around', async () => {
    const model = functional()
    const data = x()
    expect(model.outputNames).toEqual(['price', 'kind'])
    expect(model.getConfig()).toMatchObject({
      output_layers: { price: [expect.any(String), 0, 0], kind: [expect.any(String), 0, 0] },
    })
    const expected = await model.predict<Out>(data)
    for (const again of [cloneModel(model), modelFromConfig(JSON.parse(JSON.stringify(model)))]) {
      again.setWeights(model.getWeights())
      same(await again.predict<Out>(data), expected)
    }
    const input = Input({ shape: [4] })
    const { price, kind } = model.apply(input) as unknown as Record<'price' | 'kind', SymbolicTensor>
    const around = new Model({ inputs: input, outputs: price.add(kind.sum(-1, { keepdims: true })) })
    const sum = await around.predict(data)
    expect(sum.sub(expected.price.add(1)).abs().max().item()).toBeLessThan(1e-6)
    const again = modelFromConfig(JSON.parse(JSON.stringify(around)))
    again.setWeights(around.getWeights())
    expect((await again.predict(data)).toArray()).toEqual(sum.toArray())
  })

  test('have the names that the call gives where no loss names them', async () => {
    const model = new Subclassed().compile({ optimizer: 'sgd' })
    expect(Object.keys(await model.predict<Out>(x()))).toEqual(['price', 'kind'])
  })

  test('a subclass says which of them it lacks', async () => {
    const model = new Subclassed().compile({ loss: { price: 'mse', size: 'mse' } })
    const y = random.normal([rows, 1])
    await expect(model.fit(x(), { price: y, size: y }, { verbose: 0 })).rejects.toThrow(
      /its call gives price, kind, and it is compiled for size, too/,
    )
  })
})
