import { describe, expect, expectTypeOf, it } from 'vitest'
import {
  BatchNormalization,
  clearSession,
  Dense,
  Dropout,
  Embedding,
  Flatten,
  GlobalAveragePooling1D,
  Input,
  Reshape,
  Activation,
  type SymbolicTensor,
} from '@typegrad/layers'
import { cloneModel, Model, Sequential } from '@typegrad/model'
import { setSeed, ShapeError, tensor, ValueError, TypegradError, zeros, type Tensor } from '@typegrad/tensor'

const silent = { print: () => undefined }

describe('Sequential', () => {
  it('infers shapes from inputShape, inputDim or an Input at the head', () => {
    const a = new Sequential([new Dense({ units: 32, inputShape: [784] }), new Dense({ units: 32 })])
    const b = new Sequential([new Dense({ units: 32, inputDim: 784 }), new Dense({ units: 32 })])
    const c = new Sequential([Input({ shape: [784] }), new Dense({ units: 32 }), new Dense({ units: 32 })])
    for (const model of [a, b, c]) {
      expect(model.countParams()).toBe(26_176) // 25,120 + 1,056
      expect(model.weights.map((w) => w.shape)).toEqual([[784, 32], [32], [32, 32], [32]])
    }
  })

  it('takes sequences of any length where no Input says one, and features of the first data', async () => {
    const model = new Sequential([
      new Embedding({ inputDim: 9, outputDim: 3 }),
      new GlobalAveragePooling1D(),
      new Dense({ units: 2 }),
    ])
    model.compile({ loss: 'mse' })
    await model.fit(zeros([4, 6], { dtype: 'int32' }), zeros([4, 2]), { verbose: 0 })
    expect(model.inputs[0].shape).toEqual([null, 6])
    expect((await model.predict(zeros([4, 8], { dtype: 'int32' }))).shape).toEqual([4, 2])
    expect(model.inputs[0].shape).toEqual([null, null])
    expect(cloneModel(model).apply(zeros([1, 3], { dtype: 'int32' })).shape).toEqual([1, 2])
    const dense = new Sequential([new Dense({ units: 2 })])
    dense.apply(zeros([1, 3]))
    expect(() => dense.apply(zeros([1, 4]))).toThrow(/takes batches of shape \[null, 3\], got \[1, 4\]/)
    expect(dense.apply([zeros([1, 3])]).shape).toEqual(dense.apply(zeros([1, 3])).shape)
    expect(() => dense.apply([zeros([1, 3]), zeros([1, 3])])).toThrow(/takes one input, got a list of 2/)
    expect(() => dense.apply(zeros([1, 1, 3]))).toThrow(/takes batches of shape \[null, 3\], got \[1, 1, 3\]/)
  })

  it('is built by the first data when no shape is given', () => {
    const model = new Sequential([new Dense({ units: 3 })])
    expect(model.built).toBe(false)
    expect(model.apply(tensor([[1, 2]])).shape).toEqual([1, 3])
    expect(model.weights.map((w) => w.shape)).toEqual([[2, 3], [3]])
  })

  it('has types: tensors for tensors, symbolic ones for symbolic ones', () => {
    const model = new Sequential([new Dense({ units: 3, inputDim: 2 })])
    expectTypeOf(model.apply(tensor([[1, 2]]))).toEqualTypeOf<Tensor>()
    expectTypeOf(model.apply(Input({ shape: [2] }))).toEqualTypeOf<SymbolicTensor>()
    expectTypeOf(model.predictOnBatch([[1, 2]])).toExtend<Tensor>()
    // A variable may hold the results of one after the other.
    let x = model.apply(Input({ shape: [2] }))
    x = new Dense({ units: 1 }).apply(x)
    const block = (input: SymbolicTensor): SymbolicTensor => new Dense({ units: 1 }).apply(input)
    x = block(x)
    expect(() => {
      const [row] = x
      return row
    }).toThrow('SymbolicTensor [null, 1] float32: one output, expected several')
    let y = model.apply(tensor([[1, 2]]))
    y = y.relu()
    expectTypeOf(model).toExtend<Model>()
    expect([x.shape, y.shape]).toEqual([
      [null, 1],
      [1, 3],
    ])
  })

  it('adds and pops layers', () => {
    const model = new Sequential()
      .add(new Dense({ units: 4, inputDim: 2 }))
      .add(new Flatten())
      .add(new Reshape({ targetShape: [2, -1] }))
    expect(model.apply(tensor([[1, 2]])).shape).toEqual([1, 2, 2])
    expect(model.pop()).toBeInstanceOf(Reshape)
    expect(model.apply(tensor([[1, 2]])).shape).toEqual([1, 4])
  })

  it('prints the summary that Keras prints', () => {
    clearSession()
    const model = new Sequential([
      Input({ shape: [4] }),
      new Dense({ units: 64, activation: 'swish' }),
      new BatchNormalization(),
      new Dense({ units: 64, activation: 'swish' }),
      new BatchNormalization(),
      new Dense({ units: 3, activation: 'softmax' }),
    ])
    // test/golden: written by Keras 3.15.1 for the same model, model.summary(line_length=80).
    expect(model.summary(silent)).toMatchInlineSnapshot(`
      "Model: "sequential"
      ┏━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━┓
      ┃ Layer (type)                      ┃ Output Shape             ┃       Param # ┃
      ┡━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━┩
      │ dense (Dense)                     │ (None, 64)               │           320 │
      ├───────────────────────────────────┼──────────────────────────┼───────────────┤
      │ batch_normalization               │ (None, 64)               │           256 │
      │ (BatchNormalization)              │                          │               │
      ├───────────────────────────────────┼──────────────────────────┼───────────────┤
      │ dense_1 (Dense)                   │ (None, 64)               │         4,160 │
      ├───────────────────────────────────┼──────────────────────────┼───────────────┤
      │ batch_normalization_1             │ (None, 64)               │           256 │
      │ (BatchNormalization)              │                          │               │
      ├───────────────────────────────────┼──────────────────────────┼───────────────┤
      │ dense_2 (Dense)                   │ (None, 3)                │           195 │
      └───────────────────────────────────┴──────────────────────────┴───────────────┘
       Total params: 5,187 (20.26 KB)
       Trainable params: 4,931 (19.26 KB)
       Non-trainable params: 256 (1.00 KB)
      "
    `)
  })

  it('numbers layers by class until the session is cleared', () => {
    clearSession()
    expect([new Dense({ units: 1 }), new Dense({ units: 1 }), new Dropout({ rate: 0.5 })].map((l) => l.name)).toEqual([
      'dense',
      'dense_1',
      'dropout',
    ])
    clearSession()
    expect(new Dense({ units: 1 }).name).toBe('dense')
  })
})

describe('a list of numbers for samples of one number', () => {
  const line = ([-1, 0, 1, 2, 3, 4] as const).map((x): [number, number] => [x, 2 * x - 1])
  const input = Input({ shape: [1] })
  const models = {
    Sequential: () => new Sequential([new Dense({ units: 1, inputShape: [1] })]),
    functional: () => new Model({ inputs: input, outputs: new Dense({ units: 1 }).apply(input) }),
  }

  it.each(Object.entries(models))('%s', async (_, make) => {
    setSeed(0)
    const [x, y] = [0, 1].map((i) => line.map((pair) => pair[i]))
    const model = make().compile({ optimizer: 'sgd', loss: 'mse' })
    await model.fit(x, y, { epochs: 300, verbose: 0 })
    const predicted = await model.predict([10])
    expect(predicted.toArray()).toEqual([[expect.closeTo(19, 0)]])
    // A last axis of length 1 more is as good.
    expect((await model.predict([[[10]]])).toArray()).toEqual(predicted.toArray())
    expect(() => model.apply([[1, 2]])).toThrow(TypegradError)
  })
})

describe('functional Model', () => {
  it('runs a graph with branches, shared layers and several inputs and outputs', () => {
    setSeed(1)
    const a = Input({ shape: [2], name: 'a' })
    const b = Input({ shape: [2], name: 'b' })
    const shared = new Dense({ units: 3, activation: 'tanh' })
    const [ha, hb] = [shared.apply(a), shared.apply(b)]
    const model = new Model({ inputs: [a, b], outputs: [new Dense({ units: 1, name: 'left' }).apply(ha), hb] })
    expect(model.weights).toHaveLength(4)
    const [x, z] = [tensor([[1, 2]]), tensor([[3, 4]])]
    const [left, right] = model.apply([x, z])
    expect(left.shape).toEqual([1, 1])
    expect(right.toArray()).toEqual(z.matmul(shared.kernel).add(shared.bias!).tanh().toArray())
    expect(model.inputNames).toEqual(['a', 'b'])
  })

  it('refuses an output that depends on an input which is not listed', () => {
    const [a, b] = [Input({ shape: [2] }), Input({ shape: [2] })]
    expect(() => new Model({ inputs: a, outputs: new Dense({ units: 1 }).apply(b) })).toThrow(/which is not among the inputs/)
  })
})

describe('errors of models', () => {
  it('data by a name that the input has not', async () => {
    const model = new Sequential([new Dense({ units: 1, inputDim: 2 })])
    await expect(model.predict({ y: [[1, 2]] })).rejects.toThrow('x: given are y; the model has x')
    expect((await model.predict({ x: [[1, 2]] })).shape).toEqual([1, 1])
  })

  const model = (): Sequential => new Sequential([new Dense({ units: 1, inputDim: 2 })])
  const cases: [string, () => unknown, new (...args: any[]) => Error, RegExp][] = [
    ['units', () => new Dense({ units: -4 }), ValueError, /^Dense: units must be a positive integer, got -4$/],
    [
      'activation typo',
      () => new Dense({ units: 1, activation: 'rellu' as 'relu' }),
      ValueError,
      /unknown name 'rellu', did you mean 'relu'/,
    ],
    [
      'loss typo',
      () => model().compile({ loss: 'binary_crossentropi' as 'mse' }),
      ValueError,
      /did you mean 'binaryCrossentropy'/,
    ],
    [
      'optimizer typo',
      () => model().compile({ loss: 'mse', optimizer: 'adan' as 'adam' }),
      ValueError,
      /unknown name 'adan', did you mean 'adam'/,
    ],
    ['dropout rate', () => new Dropout({ rate: 1.5 }), ValueError, /rate must lie in \[0, 1\], got 1.5/],
    ['wrong features', () => model().apply(tensor([[1, 2, 3]])), ValueError, /takes batches of shape \[null, 2\], got \[1, 3\]/],
    [
      'reshape',
      () => new Sequential([Input({ shape: [3] }), new Reshape({ targetShape: [2, 2] })]),
      ShapeError,
      /do not fit targetShape/,
    ],
    [
      'two names',
      () => new Sequential([new Dense({ units: 1, name: 'x' }), new Activation({ activation: 'relu', name: 'x' })]),
      ValueError,
      /named 'x'/,
    ],
  ]
  it.each(cases)('%s', (_, run, type, message) => {
    expect(run).toThrow(type)
    expect(run).toThrow(message)
  })

  it('asks for compile before fit', async () => {
    await expect(model().fit(tensor([[1, 2]]), tensor([1]))).rejects.toThrow(TypegradError)
  })

  it.each([
    [
      'different numbers of samples',
      [
        [1, 2],
        [3, 4],
      ],
      [1],
      {},
      /x \[2, 2\], y \[1\], the numbers of samples differ/,
    ],
    ['batchSize', [[1, 2]], [1], { batchSize: 0 }, /batchSize must be an integer ≥ 1, got 0/],
    ['validationSplit', [[1, 2]], [1], { validationSplit: 0.5 }, /leaves 0 to train/],
    ['targets of another shape', [[1, 2]], [[1, 2]], {}, /targets \[1, 2\] and predictions \[1, 1\] differ in shape/],
  ] as const)('%s', async (_, x, y, options, message) => {
    await expect(
      model()
        .compile({ loss: 'mse' })
        .fit(tensor(x), tensor(y), { verbose: 0, ...options }),
    ).rejects.toThrow(message)
  })
})
