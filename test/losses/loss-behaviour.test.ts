import { checkGradients, grad } from '@typegrad/autograd'
import { deserializeLoss, Loss, losses, resolveLoss, serializeLoss, type LossName, type LossOptions } from '@typegrad/losses'
import { IndexError, random, ShapeError, snakeCase, tensor, ValueError, type Tensor } from '@typegrad/tensor'
import { describe, expect, test } from 'vitest'
import { checkConfig, conformance, golden, type DefaultsCase, type GoldenCase } from '../conformance.ts'

const file = golden<GoldenCase>('losses')

conformance('losses: defaults', { cases: file['defaults'] as DefaultsCase[], tol: file.tol }, (one) => {
  checkConfig(deserializeLoss({ class_name: one.class, config: one.args }).getConfig(), one.config)
})

/** Every class of the export table. */
const classes = Object.entries(losses).filter(([name]) => /^[A-Z]/.test(name) && name !== 'Loss')
const classNames = classes.map(([name]) => name)

describe('names', () => {
  test('are those that Keras understands', () => {
    for (const [name, meaning] of Object.entries(file['names'] as Record<string, string>)) {
      const { class_name: found } = serializeLoss(resolveLoss(name as LossName))
      expect([name, snakeCase(found)]).toEqual([name, snakeCase(meaning)])
    }
  })

  test('are understood in three spellings', () => {
    expect(classNames).toHaveLength(22)
    for (const name of classNames) {
      for (const spelled of [name, snakeCase(name)]) expect(serializeLoss(resolveLoss(spelled as LossName)).class_name).toBe(name)
    }
    expect(serializeLoss(resolveLoss('klDivergence')).class_name).toBe('KLDivergence')
    expect(serializeLoss(resolveLoss('ctc')).class_name).toBe('CTC')
    expect(() => resolveLoss('meanSquaredErorr' as LossName)).toThrow(/did you mean 'meanSquaredError'/)
  })

  test('cannot reach anything but the exported classes', () => {
    for (const name of ['__proto__', 'constructor', 'toString', 'Loss', 'meanSquaredError/../Loss']) {
      expect(() => resolveLoss(name as LossName)).toThrow(ValueError)
      expect(() => deserializeLoss({ class_name: name, config: {} })).toThrow(ValueError)
    }
    expect(() => resolveLoss(3 as never)).toThrow(ValueError)
  })

  test('of functions are those of their classes', () => {
    const functions = Object.keys(losses).filter((name) => /^[a-z]/.test(name))
    expect(functions.map((name) => serializeLoss(resolveLoss(name as LossName)).class_name).toSorted()).toEqual(
      classNames.toSorted(),
    )
    const [y, p] = [
      tensor([
        [1, 2],
        [3, 4],
      ]),
      tensor([
        [1, 1],
        [1, 1],
      ]),
    ]
    expect(losses.meanSquaredError(y, p).item()).toBe(3.5)
    expect(losses.meanSquaredError(y, p, { reduction: 'none' }).toArray()).toEqual([0.5, 6.5])
    expect(losses.meanSquaredError(y, p, { reduction: 'sum_over_batch_size', sampleWeight: [1, 0] }).item()).toBe(0.25)
    expect(losses.huber(y, p, { delta: 0.5, reduction: null }).toArray()).toEqual([0.1875, 1.125])
  })
})

describe('config', () => {
  const options: Readonly<Record<string, object>> = {
    BinaryCrossentropy: { fromLogits: true, labelSmoothing: 0.25, axis: 1 },
    SparseCategoricalCrossentropy: { ignoreClass: -1, axis: 1 },
    BinaryFocalCrossentropy: { applyClassBalancing: true, alpha: 0.5, gamma: 1 },
    Huber: { delta: 2 },
    CosineSimilarity: { axis: 0 },
    Tversky: { alpha: 0.25, beta: 0.75, axis: [1, 2] },
    Circle: { gamma: 2, margin: 0.25, removeDiagonal: false },
    CategoricalGeneralizedCrossEntropy: { q: 0.25 },
  }

  test.each(classNames)('of %s goes through JSON and back', (name) => {
    const given = { reduction: 'sum', name: 'mine', ...options[name] }
    const made = deserializeLoss({
      class_name: name,
      config: Object.fromEntries(Object.entries(given).map(([key, value]) => [snakeCase(key), value])),
    })
    expect(made.options).toMatchObject(given)
    const json = JSON.parse(JSON.stringify(serializeLoss(made)))
    expect(json).toMatchObject({
      module: 'keras.losses',
      class_name: name,
      registered_name: null,
      config: { name: 'mine', reduction: 'sum' },
    })
    expect(serializeLoss(deserializeLoss(json))).toEqual(json)
  })

  test('rejects options that the class does not have', () => {
    expect(() => losses.Hinge.fromConfig({ delta: 1 })).toThrow(/Hinge: unknown option delta, known are name, reduction/)
    expect(() => deserializeLoss({ class_name: 'Hinge', config: 1 as never })).toThrow(ValueError)
    expect(() => losses.Hinge.fromConfig(JSON.parse('{ "__proto__": { "reduction": "none" } }'))).toThrow(ValueError)
  })

  test('of a class of your own is read with customObjects', () => {
    class Cubes extends Loss<LossOptions & { readonly power?: number }> {
      static override readonly defaults = { ...Loss.defaults, power: 3 }
      call(yTrue: Tensor, yPred: Tensor): Tensor {
        return yTrue.sub(yPred).abs().pow(this.options.power).mean(-1)
      }
    }
    const json = serializeLoss(new Cubes({ power: 2 }))
    expect(json).toMatchObject({ class_name: 'Cubes', config: { name: 'cubes', power: 2, reduction: 'sum_over_batch_size' } })
    expect(
      deserializeLoss(json, { Cubes })
        .apply([[1, 3]], [[0, 0]])
        .item(),
    ).toBe(5)
    expect(() => deserializeLoss(json)).toThrow(ValueError)
  })
})

/** Targets and predictions for a class: shapes and values that it is smooth at. */
function sample(name: string, draw: random.Generator): [Tensor, Tensor] {
  const [probabilities, labels] = [
    draw.uniform([4, 3], { low: 0.1, high: 0.9, dtype: 'float64' }),
    tensor([0, 2, 1, 2], { dtype: 'int32' }),
  ]
  const distribution = draw.normal([4, 3], { dtype: 'float64' }).softmax()
  if (name.startsWith('Sparse') || name === 'CategoricalGeneralizedCrossEntropy') return [labels, distribution]
  if (name === 'Circle') return [labels, draw.normal([4, 3], { dtype: 'float64' })]
  if (name === 'CTC')
    return [
      tensor(
        [
          [1, 1],
          [2, 0],
        ],
        { dtype: 'int32' },
      ),
      draw.normal([2, 5, 3], { dtype: 'float64' }),
    ]
  if (/Binary|Dice|Tversky|Hinge/.test(name)) return [draw.bernoulli([4, 3]), probabilities]
  if (/Categorical|KL/.test(name)) return [draw.normal([4, 3], { dtype: 'float64' }).softmax(), distribution]
  return [probabilities.add(0.3), draw.uniform([4, 3], { low: 1, high: 2, dtype: 'float64' })]
}

describe('gradients agree with differences', () => {
  test.each(classes)('%s', (name, Class) => {
    const draw = new random.Generator(11)
    const loss = new (Class as new (options?: object) => Loss)(name === 'Circle' ? { gamma: 2 } : {})
    const [yTrue, yPred] = sample(name, draw)
    const weights = draw.uniform([yTrue.shape[0]], { low: 0.5, high: 2, dtype: 'float64' })
    checkGradients(
      (p) => loss.apply(yTrue, p, loss instanceof losses.Dice || loss instanceof losses.Tversky ? null : weights),
      [yPred],
    )
  })
})

describe('targets', () => {
  test('of another shape are an error, never broadcast', () => {
    const mse = new losses.MeanSquaredError()
    expect(mse.apply([[1], [2]], [1, 4]).item()).toBe(2)
    expect(mse.apply([1, 2], [[1], [4]]).item()).toBe(2)
    for (const [yTrue, yPred] of [
      [
        [1, 2, 3],
        [
          [1, 2, 3],
          [1, 2, 3],
          [1, 2, 3],
        ],
      ],
      [
        [[1, 2]],
        [
          [1, 2],
          [3, 4],
        ],
      ],
      [1, [1, 2]],
      [
        [[1], [2]],
        [
          [1, 2],
          [3, 4],
        ],
      ],
    ] as const) {
      expect(() => mse.apply(yTrue as number, yPred as never)).toThrow(ShapeError)
      expect(() => mse.apply(yTrue as number, yPred as never)).toThrow(
        /mean_squared_error: targets \[.*\] and predictions \[.*\] differ in shape/,
      )
    }
  })

  test('that are too few for the predictions bring a hint', () => {
    expect(() => losses.categoricalCrossentropy([1], [[0.5, 0.5]])).toThrow(
      'give class numbers to sparse_categorical_crossentropy',
    )
    expect(() => losses.meanSquaredError([1], [[0.5, 0.5]])).toThrow('2 predictions for each target; give the last layer 1 unit')
  })

  test('may be integers or truth values, and predictions integers', () => {
    expect(losses.meanAbsoluteError(tensor([true, false]), [0.5, 0.5]).item()).toBe(0.5)
    expect(losses.meanAbsoluteError([0.5, 1], tensor([1, 1], { dtype: 'int32' })).item()).toBe(0.25)
    expect(losses.sparseCategoricalCrossentropy(tensor([1], { dtype: 'uint8' }), [[0.5, 0.5]]).item()).toBeCloseTo(Math.LN2)
    expect(losses.sparseCategoricalCrossentropy([1], [[0.5, 0.5]]).item()).toBeCloseTo(Math.LN2)
  })

  const predictions = tensor([
    [0.5, 0.5, 0],
    [0.2, 0.3, 0.5],
  ])
  test.each([
    ['SparseCategoricalCrossentropy', new losses.SparseCategoricalCrossentropy()],
    ['CategoricalGeneralizedCrossEntropy', new losses.CategoricalGeneralizedCrossEntropy()],
  ])('outside the classes are an IndexError: %s', (_, loss) => {
    expect(() => loss.apply([0, 3], predictions)).toThrow(IndexError)
    expect(() => loss.apply([0, 3], predictions)).toThrow(/target 1 is class 3, the predictions have 3 classes, 0 to 2/)
    expect(() => loss.apply([-1, 0], predictions)).toThrow(IndexError)
    expect(() => loss.apply([0.5, 0], predictions)).toThrow(ValueError)
    expect(() => loss.apply([NaN, 0], predictions)).toThrow(ValueError)
    expect(() => loss.apply([0, 1, 2], predictions)).toThrow(ShapeError)
    expect(() =>
      loss.apply(
        [
          [0, 1],
          [1, 0],
        ],
        predictions,
      ),
    ).toThrow(ShapeError)
  })

  test('of CTC and Circle have shapes of their own', () => {
    expect(() => losses.ctc([1], [[[0, 1]]])).toThrow(ShapeError)
    expect(() => losses.ctc([[2]], [[[0, 1]]])).toThrow(IndexError)
    expect(() => losses.circle([[1, 2]], [[0, 1]])).toThrow(ShapeError)
    expect(
      losses
        .ctc(
          [[1, 1]],
          [
            [
              [0, 1],
              [0, 1],
            ],
          ],
        )
        .item(),
    ).toBe(Infinity)
  })

  test('of one class need a binary loss', () => {
    expect(() => losses.categoricalCrossentropy([[1], [1]], [[0.5], [0.5]])).toThrow(/one class; use a binary crossentropy/)
  })
})

describe('weights and masks', () => {
  const [y, p] = [
    tensor([
      [[1], [2]],
      [[3], [4]],
    ]),
    tensor([
      [[0], [0]],
      [[0], [0]],
    ]),
  ]

  test('one weight per sample covers its steps, one per step its elements', () => {
    expect(losses.meanAbsoluteError(y, p, { sampleWeight: [1, 0], reduction: 'none' }).toArray()).toEqual([
      [1, 2],
      [0, 0],
    ])
    expect(
      losses
        .meanAbsoluteError(y, p, {
          sampleWeight: [
            [0, 1],
            [1, 0],
          ],
          reduction: 'none',
        })
        .toArray(),
    ).toEqual([
      [0, 2],
      [3, 0],
    ])
    expect(() => losses.meanAbsoluteError(y, p, { sampleWeight: [1, 2, 3] })).toThrow(/sampleWeight \[3\] for values \[2, 2\]/)
    expect(() =>
      losses.meanAbsoluteError(y, p, {
        sampleWeight: [
          [1, 2, 3],
          [1, 2, 3],
        ],
      }),
    ).toThrow(ShapeError)
  })

  test('what a mask leaves out counts nothing, in the value and in the gradient', () => {
    const loss = new losses.MeanSquaredError()
    const slope = grad((x) => loss.apply([[1], [2], [NaN]], x, null, [true, true, false]))([[0], [0], [0]])
    expect(loss.apply([[1], [2], [9]], [[0], [0], [0]], null, [true, true, false]).item()).toBe(2.5)
    expect(slope.slice([0, 2]).toArray()).toEqual([[-1], [-2]])
    expect(loss.apply([[1]], [[0]], null, [false]).item()).toBe(0)
  })

  test('an ignored sample does no harm, whatever is predicted for it', () => {
    const loss = new losses.SparseCategoricalCrossentropy({ ignoreClass: 255, fromLogits: true })
    const f = (x: Tensor): Tensor => loss.apply([1, 255], x)
    const logits = tensor([
      [0, 0],
      [NaN, Infinity],
    ])
    expect(f(logits).item()).toBeCloseTo(Math.LN2)
    expect(grad(f)(logits).toArray()).toEqual([
      [0.5, -0.5],
      [0, 0],
    ])
  })

  test('the mean of Circle is that of the samples that have a pair', () => {
    const [labels, embeddings] = [
      [0, 0, 1],
      tensor([
        [1, 0],
        [0, 1],
        [-1, 0],
      ]),
    ]
    const of = (reduction: 'none' | 'mean'): Tensor => new losses.Circle({ gamma: 0.1, reduction }).apply(labels, embeddings)
    const [a, b, alone] = of('none').toArray() as number[]
    expect(alone).toBe(0)
    expect(Math.max(a, b)).toBeLessThan(1)
    expect(of('mean').item()).toBeCloseTo((a + b) / 2)
  })

  test('an empty batch has the loss 0', () => {
    for (const reduction of ['sum', 'mean', 'sumOverBatchSize', 'meanWithSampleWeight'] as const)
      expect(losses.meanSquaredError(tensor([], { shape: [0, 3] }), tensor([], { shape: [0, 3] }), { reduction }).item()).toBe(0)
    expect(losses.meanSquaredError([[1]], [[3]], { reduction: 'meanWithSampleWeight', sampleWeight: [0] }).item()).toBe(0)
  })
})

describe('logits', () => {
  test('at 0 have the gradient p - y', () => {
    const f = (x: Tensor): Tensor => losses.binaryCrossentropy([[1], [0]], x, { fromLogits: true, reduction: 'sum' })
    expect(grad(f)([[0], [0]]).toArray()).toEqual([[-0.5], [0.5]])
  })

  test('however large give a finite loss', () => {
    expect(losses.binaryCrossentropy([[1], [0]], [[-1000], [1000]], { fromLogits: true }).item()).toBe(1000)
    expect(losses.binaryCrossentropy([[1], [0]], [[1000], [-1000]], { fromLogits: true }).item()).toBe(0)
    expect(losses.categoricalCrossentropy([[1, 0]], [[-1000, 1000]], { fromLogits: true }).item()).toBe(2000)
    expect(losses.binaryCrossentropy([[1]], [[20]], { fromLogits: true }).item()).toBeCloseTo(2.06e-9, 11)
  })
})

test('options that make no sense are an error', () => {
  expect(() => new losses.MeanSquaredError({ reduction: 'average' as never })).toThrow(
    /MeanSquaredError: reduction: unknown 'average', expected sumOverBatchSize/,
  )
  expect(() => new losses.CategoricalGeneralizedCrossEntropy({ q: 1 })).toThrow(ValueError)
  expect(() => losses.cosineSimilarity([[1]], [[1]], { axis: 2 })).toThrow(ShapeError)
})

test('a function is a loss', () => {
  const loss = resolveLoss((yTrue, yPred) => yTrue.sub(yPred).abs().max(-1))
  expect(
    loss
      .apply(
        [
          [1, 5],
          [2, 2],
        ],
        [
          [0, 0],
          [0, 1],
        ],
      )
      .item(),
  ).toBe(3.5)
  // [2] beside [2, 1] is not [2, 2].
  expect(loss.apply([1, 5], [[0], [4]]).item()).toBe(1)
})
