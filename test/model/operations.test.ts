// Ops on symbolic tensors: the graph computes what the op does, and Keras' config of it is read and written.
import {
  cloneModel,
  Concatenate,
  concat,
  Dense,
  Embedding,
  Input,
  maximum,
  Model,
  modelFromConfig,
  random,
  setSeed,
  tensor,
  where,
  type SymbolicTensor,
  type Tensor,
} from 'typegrad'
import { describe, expect, test } from 'vitest'

/** Equal to `tolerance` in every element. */
function expectClose(result: Tensor, expected: Tensor, tolerance: number): void {
  expect(result.shape).toEqual(expected.shape)
  expect(result.cast('float64').sub(expected.cast('float64')).abs().max().item()).toBeLessThanOrEqual(tolerance)
}

type Either = Tensor & SymbolicTensor

/** One call of every kind of argument; `x` and `y` are [batch, 3, 4], positive. */
const calls: Readonly<Record<string, (x: Either, y: Either) => unknown>> = {
  add: (x, y) => x.add(y),
  'add a number': (x) => x.add(2),
  'sub a tensor': (x) => x.sub(tensor([1, 2, 3, 4])),
  div: (x, y) => x.div(y),
  pow: (x, y) => x.pow(y),
  matmul: (x, y) => x.matmul(y.swapaxes(-1, -2)),
  less: (x, y) => x.less(y),
  where: (x, y) => x.greater(1).where(x, y),
  'of itself': (x) => x.mul(x),
  exp: (x) => x.exp(),
  gelu: (x) => x.gelu(),
  relu: (x) => x.sub(1).relu(),
  clip: (x) => x.clip(0.5, 1),
  'sum of all but the batch': (x) => x.sum([1, 2]),
  'mean, kept': (x) => x.mean(-1, { keepdims: true }),
  max: (x) => x.max(1),
  variance: (x) => x.variance(1),
  argmax: (x) => x.argmax(-1),
  norm: (x) => x.norm(-1),
  reshape: (x) => x.reshape([-1, 12]),
  transpose: (x) => x.transpose([0, 2, 1]),
  expandDims: (x) => x.expandDims(1),
  squeeze: (x) => x.slice(null, [0, 1]).squeeze(1),
  slice: (x) => x.slice(null, [0, 3, 2], -1),
  flip: (x) => x.flip(1),
  softmax: (x) => x.softmax(),
  logSoftmax: (x) => x.logSoftmax(1),
  cumsum: (x) => x.cumsum(1),
  cast: (x) => x.cast('int32'),
  pad: (x) =>
    x.pad([
      [0, 0],
      [1, 0],
      [0, 2],
    ]),
  split: (x) => x.split(2, -1),
  'take by symbolic positions': (x, y) => x.take(y.slice(0, 0).cast('int32').clip(0, 3), -1),
}

const listed = (results: unknown): any[] => (Array.isArray(results) ? results : [results])

describe('ops on symbolic tensors', () => {
  setSeed(7)
  const [x, y] = [random.uniform([5, 3, 4], { low: 0.2, high: 2 }), random.uniform([5, 3, 4], { low: 0.2, high: 2 })]
  for (const [name, call] of Object.entries(calls))
    test(`${name}: the graph, and what is read of its config`, async () => {
      const [a, b] = [Input({ shape: [3, 4] }), Input({ shape: [3, 4] })]
      const outputs: SymbolicTensor[] = listed(call(a as Either, b as Either))
      const expected: Tensor[] = listed(call(x as Either, y as Either))
      const model = new Model({ inputs: [a, b], outputs })
      for (const one of [model, cloneModel(model), modelFromConfig(JSON.parse(JSON.stringify(model)))]) {
        const results: Tensor[] = listed(await one.predict([x, y]))
        expect(results).toHaveLength(expected.length)
        results.forEach((result, i) => {
          expectClose(result, expected[i], 1e-6)
          expect(result.dtype).toBe(expected[i].dtype)
          expect(outputs[i].dtype).toBe(expected[i].dtype)
          expect(outputs[i].shape.map((n, axis) => n ?? expected[i].shape[axis])).toEqual([...expected[i].shape])
        })
      }
    })

  test('lengths that come of the batch are not known', () => {
    const a = Input({ shape: [3, 4] })
    expect(a.reshape([-1, 4]).shape).toEqual([null, 4])
    expect(a.reshape([-1, 12]).shape).toEqual([null, 12])
    expect(a.sum().shape).toEqual([])
    expect(a.argmax(-1).dtype).toBe('int32')
  })

  test('are no layers of the model, and trained through', async () => {
    const a = Input({ shape: [4] })
    const hidden = new Dense({ units: 4, activation: 'tanh', name: 'hidden' }).apply(a)
    const model = new Model({ inputs: a, outputs: new Dense({ units: 1, name: 'head' }).apply(hidden.add(a).div(2)) })
    expect(model.layers.map((layer) => layer.name).filter((name) => !name.startsWith('input'))).toEqual(['hidden', 'head'])
    const clone = cloneModel(model)
    clone.setWeights(model.getWeights())
    const [data, target] = [random.normal([32, 4]), random.normal([32, 1])]
    for (const [one, jit] of [
      [model, true],
      [clone, false],
    ] as const) {
      one.compile({ loss: 'mse', optimizer: 'sgd', jit })
      await one.fit(data, target, { epochs: 3, shuffle: false, verbose: 0 })
    }
    const moved = model.getWeights()
    clone.getWeights().forEach((weight, i) => expectClose(moved[i], weight, 1e-6))
  })

  test('of other than float32 keep what they are given', async () => {
    const words = Input({ shape: [3], dtype: 'int32' })
    const model = new Model({ inputs: words, outputs: new Embedding({ inputDim: 5, outputDim: 2 }).apply(words.add(1)) })
    expect(words.add(1).dtype).toBe('int32')
    expect((await model.predict(tensor([[0, 1, 2]], { dtype: 'int32' }))).shape).toEqual([1, 3, 2])
  })
})

describe('operations that Keras wrote', () => {
  const input = (name: string, shape: readonly (number | null)[]) => ({
    module: 'keras.layers',
    class_name: 'InputLayer',
    config: { batch_shape: shape, dtype: 'float32', sparse: false, ragged: false, name },
    registered_name: null,
    name,
    inbound_nodes: [],
  })
  const from = (name: string) => ({
    class_name: '__keras_tensor__',
    config: { shape: [], dtype: 'float32', keras_history: [name, 0, 0] },
  })
  const slice = (start: number | null, stop: number | null, step: number | null = null) => ({
    class_name: '__slice__',
    config: { start, stop, step },
  })
  const operation = (kind: string, name: string, config: object, ...args: unknown[]) => ({
    module: 'keras.src.ops.numpy',
    class_name: kind,
    config,
    registered_name: kind,
    name,
    inbound_nodes: [{ args, kwargs: {} }],
  })
  const graph = (layers: object[], output: string): any => ({
    module: 'keras.src.models.functional',
    class_name: 'Functional',
    config: { name: 'model', trainable: true, layers, input_layers: ['x', 0, 0], output_layers: [output, 0, 0] },
  })

  test('are read: 1 - x[:, 1:, -1] / 255, its mean beside its largest', async () => {
    const model = modelFromConfig(
      graph(
        [
          input('x', [null, 3, 2]),
          operation('GetItem', 'get_item', { name: 'get_item' }, from('x'), [slice(null, null), slice(1, null), -1]),
          operation('TrueDivide', 'true_divide', { name: 'true_divide' }, from('get_item'), 255),
          operation('Subtract', 'subtract', { name: 'subtract' }, 1, from('true_divide')),
          operation('Mean', 'mean', { axis: [1], keepdims: true }, from('subtract')),
          operation('Max', 'max', { axis: 1, keepdims: true, initial: null }, from('subtract')),
          operation('Concatenate', 'concatenate', { axis: -1 }, [from('mean'), from('max')]),
        ],
        'concatenate',
      ),
    )
    const x = tensor([
      [
        [0, 1],
        [0, 51],
        [0, 255],
      ],
    ])
    expectClose(await model.predict(x), tensor([[0.4, 0.8]]), 1e-6)
  })

  test('and unknown ones are named', () => {
    const config = graph([input('x', [null, 2]), operation('Bessel', 'bessel', {}, from('x'))], 'bessel')
    expect(() => modelFromConfig(config)).toThrow(/Bessel|bessel/)
  })

  test('are written as it does', () => {
    const a = Input({ shape: [4], name: 'x' })
    const model = new Model({ inputs: a, outputs: a.slice(null, [1, 3]).mean(-1, { keepdims: true }).add(1) })
    const { layers } = model.getConfig() as { layers: any[] }
    const [, item, mean, add] = layers
    expect(item).toMatchObject({ module: 'keras.src.ops.numpy', class_name: 'GetItem' })
    expect(item.inbound_nodes[0].args[1]).toEqual([slice(null, null), slice(1, 3)])
    expect(mean).toMatchObject({ class_name: 'Mean', config: { axis: -1, keepdims: true } })
    expect(add).toMatchObject({ class_name: 'Add', config: { name: add.name } })
    expect(add.inbound_nodes[0].args[1]).toBe(1)
  })
})

describe('mistakes with symbolic tensors', () => {
  const [a, text] = [Input({ shape: [4] }), Input({ shape: [], dtype: 'string' })]
  const wrong = (x: unknown): any => x
  test.each<[string, () => unknown, RegExp]>([
    ['shapes that do not fit, at once', () => a.add(tensor([1, 2, 3])), /add: shapes \[2, 4\] and \[3\] do not broadcast/],
    ['strings', () => wrong(text).add(1), /add: symbolic strings, expected numbers/],
    ['functions of tensors', () => concat(wrong([a, a])), /symbolic, it has no numbers, .*ops are its methods/],
    ['a tensor before it', () => tensor([1]).add(wrong(a)), /symbolic, it has no numbers/],
    ['operators', () => wrong(a) + 1, /symbolic, it has no numbers, expected a number/],
    ['results that are no tensors', () => wrong(a).topk(2), /topk: gives a record .*, expected a tensor or several/],
    ['where, as a function', () => where(wrong(a), 1, 2), /symbolic/],
  ])('%s', (_, f, message) => expect(f).toThrow(message))

  test('layers take the results', () => {
    expect(new Concatenate().apply([a.add(1), a]).shape).toEqual([null, 8])
    expect(maximum([a.add(1), a]).shape).toEqual([null, 4])
  })
})
