import {
  deserializeMetric,
  Mean,
  MeanMetricWrapper,
  Metric,
  metrics,
  resolveMetric,
  serializeMetric,
  type MetricName,
  type MetricOptions,
} from '@typegrad/losses'
import {
  IndexError,
  random,
  ShapeError,
  snakeCase,
  tensor,
  ValueError,
  type Tensor,
  type TensorLike,
  type Variable,
} from '@typegrad/tensor'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { checkConfig, conformance, golden, type DefaultsCase, type GoldenCase } from '../conformance.ts'

const file = golden<GoldenCase>('metrics')

conformance('metrics: defaults', { cases: file['defaults'] as DefaultsCase[], tol: file.tol }, (one) => {
  checkConfig(deserializeMetric({ class_name: one.class, config: one.args }).getConfig(), one.config)
})

/** Every class of the export table that can be named. */
const classNames = Object.keys(metrics).filter((name) => !['Metric', 'MeanOf', 'MeanMetricWrapper'].includes(name))

/** What a class must be given. */
const required = (name: string): Record<string, unknown> => ({
  ...(name.endsWith('IoU') && name !== 'BinaryIoU' ? { num_classes: 3 } : {}),
  ...(/^(OneHot)?IoU$/.test(name) ? { target_class_ids: [0, 2] } : {}),
  ...(/At/.test(name) ? { [snakeCase(name.split('At')[1])]: 0.5 } : {}),
})

const make = (name: string, config: Record<string, unknown> = {}): Metric =>
  deserializeMetric({ class_name: name, config: { ...required(name), ...config } })

/** A batch of n samples that suits the class. */
function batch(name: string, n: number, draw: random.Generator): [Tensor, Tensor] {
  const classes = draw.integers([n], { high: 3 })
  if (name === 'Mean' || name === 'Sum') return [draw.normal([n]), draw.normal([n])]
  if (name === 'BinaryIoU') return [draw.integers([n], { high: 2 }), draw.uniform([n])]
  if (/^(Accuracy|IoU|MeanIoU)$/.test(name)) return [classes, draw.integers([n], { high: 3 })]
  if (name.startsWith('Sparse')) return [classes, draw.normal([n, 3]).softmax()]
  if (/Categorical|OneHot|KL|Score/.test(name) && name !== 'R2Score') return [classes.oneHot(3), draw.normal([n, 3]).softmax()]
  if (/Correlation|Cosine|R2|Error|Poisson/.test(name)) return [draw.uniform([n, 3]), draw.uniform([n, 3])]
  return [draw.bernoulli([n, 2]), draw.uniform([n, 2])]
}

const update = (metric: Metric, [yTrue, yPred]: [Tensor, Tensor], weights?: Tensor): void =>
  metric.constructor === Mean || metric.constructor === metrics.Sum
    ? (metric as Mean).updateState(yTrue, weights)
    : metric.updateState(yTrue, yPred, weights)

const values = (metric: Metric): number[] => [...metric.result().toTypedArray()]

const expectNear = (got: readonly number[], expected: readonly number[]): void => {
  expect(got).toHaveLength(expected.length)
  got.forEach((x, i) => (Number.isFinite(expected[i]) ? expect(x).toBeCloseTo(expected[i], 4) : expect(x).toBe(expected[i])))
}

describe.each(classNames)('%s', (name) => {
  const draw = new random.Generator(3)
  const given = batch(name, 12, draw)
  const whole = make(name)
  update(whole, given)

  test('is the same for a batch and for its parts', () => {
    const parts = make(name)
    for (const [from, to] of [
      [0, 5],
      [5, 6],
      [6, 12],
    ])
      update(parts, [given[0].slice([from, to]), given[1].slice([from, to])])
    expectNear(values(parts), values(whole))
  })

  test('does not depend on the order of the samples', () => {
    const order = draw.permutation(12)
    const shuffled = make(name)
    update(shuffled, [given[0].take(order), given[1].take(order)])
    expectNear(values(shuffled), values(whole))
  })

  test('counts a sample of weight 2 twice, and one of weight 0 not at all', () => {
    const [weighted, repeated] = [make(name), make(name)]
    update(weighted, given, tensor([2, 1, 1, 0, 1, 1, 2, 1, 0, 1, 1, 1]))
    const picked = tensor([0, 0, 1, 2, 4, 5, 6, 6, 7, 9, 10, 11], { dtype: 'int32' })
    update(repeated, [given[0].take(picked), given[1].take(picked)])
    expectNear(values(weighted), values(repeated))
  })

  test('begins again after a reset', () => {
    const metric = make(name)
    update(metric, batch(name, 7, draw))
    metric.resetState()
    update(metric, given)
    expectNear(values(metric), values(whole))
    for (const variable of metric.variables) expect(variable.trainable).toBe(false)
  })

  test('goes through Keras JSON and back', () => {
    const json = JSON.parse(JSON.stringify(serializeMetric(make(name, { name: 'mine' }))))
    expect(json).toMatchObject({ module: 'keras.metrics', class_name: name, registered_name: null, config: { name: 'mine' } })
    const again = deserializeMetric(json)
    expect(serializeMetric(again)).toEqual(json)
    update(again, given)
    expectNear(values(again), values(whole))
  })

  test('does not say anything of the variables that predictions came from', () => {
    const predictions = given[1]
    expect(() => update(make(name), [given[0], predictions.stopGradient()])).not.toThrow()
  })
})

test('F1 takes the labels of two classes as a list', () => {
  const [list, column] = [0, 1].map(() => new metrics.F1Score({ threshold: 0.5 }))
  const predictions = [[0.9], [0.6], [0.2], [0.7]]
  list.updateState([1, 0, 1, 1], predictions)
  column.updateState([[1], [0], [1], [1]], predictions)
  expect(list.result().toArray()).toEqual([expect.closeTo(2 / 3, 6)])
  expect(list.result().toArray()).toEqual(column.result().toArray())
})

describe('names', () => {
  const [y, p] = [tensor([[1]]), tensor([[0.5]])]
  const named = (name: string): string => serializeMetric(resolveMetric(name as MetricName, y, p)).class_name

  test('are those that Keras understands', () => {
    for (const [name, className] of Object.entries(file['names'] as Record<string, string>))
      expect([name, named(name)]).toEqual([name, className])
    expect(['f1_score', 'fbeta_score', 'kld', 'true_positives', 'mean'].map(named)).toEqual([
      'F1Score',
      'FBetaScore',
      'KLDivergence',
      'TruePositives',
      'Mean',
    ])
  })

  test('of accuracy and crossentropy depend on the shapes; the log keeps the name given', () => {
    const kinds: readonly [TensorLike, TensorLike, string][] = [
      [[[1]], [[0.5]], 'Binary'],
      [[1], [[0.5, 0.5]], 'SparseCategorical'],
      [[[1]], [[0.5, 0.5]], 'SparseCategorical'],
      [[[1, 0]], [[0.5, 0.5]], 'Categorical'],
    ]
    for (const [yTrue, yPred, kind] of kinds) {
      for (const [name, what] of [
        ['acc', 'Accuracy'],
        ['accuracy', 'Accuracy'],
        ['ce', 'Crossentropy'],
        ['crossentropy', 'Crossentropy'],
      ] as const) {
        const metric = resolveMetric(name, tensor(yTrue), tensor(yPred))
        expect([serializeMetric(metric).class_name, metric.name]).toEqual([`${kind}${what}`, name])
      }
    }
    expect(resolveMetric('mse', y, p).name).toBe('mse')
    expect(resolveMetric('meanSquaredError', y, p).name).toBe('mean_squared_error')
    expect(resolveMetric('AUC', y, p).name).toBe('auc')
  })

  test('cannot reach anything but the exported classes', () => {
    for (const name of ['__proto__', 'constructor', 'Metric', 'MeanOf', 'hasOwnProperty']) {
      expect(() => named(name)).toThrow(ValueError)
      expect(() => deserializeMetric({ class_name: name, config: {} })).toThrow(ValueError)
    }
    expect(() => named('presicion')).toThrow(/did you mean 'precision'/)
    expect(() => resolveMetric(3 as never, y, p)).toThrow(ValueError)
  })

  test('say which way is better', () => {
    const ways = Object.fromEntries(classNames.map((name) => [name, make(name).direction]))
    expect(ways).toMatchObject({ AUC: 'up', Recall: 'up', MeanIoU: 'up', R2Score: 'up', F1Score: 'up', CosineSimilarity: 'up' })
    expect(ways).toMatchObject({ MeanSquaredError: 'down', RootMeanSquaredError: 'down', LogCoshError: 'down', Hinge: 'down' })
    expect([ways['Mean'], ways['FalsePositives'], ways['Poisson']]).toEqual([undefined, undefined, undefined])
  })
})

describe('a metric of your own', () => {
  test('is a function, or a class with its state and result', () => {
    const worst = new MeanMetricWrapper((yTrue, yPred) => yTrue.sub(yPred).abs().max(-1), { name: 'worst' })
    worst.updateState(
      [
        [1, 5],
        [2, 2],
      ],
      [
        [0, 0],
        [0, 1],
      ],
    )
    expect([worst.name, worst.result().item()]).toEqual(['worst', 3.5])
    worst.resetState()
    worst.updateState([1, 5], [[0], [4]])
    expect(worst.result().item()).toBe(1)
    expect(resolveMetric((yTrue, yPred) => yTrue.sub(yPred).mean(-1), tensor(1), tensor(1)).name).toBe('metric')

    class Largest extends Metric<MetricOptions & { readonly floor?: number }> {
      static override readonly defaults = { ...Metric.defaults, floor: 0 }
      readonly most: Variable = this.addVariable('most')
      updateState(_: TensorLike, yPred: TensorLike): void {
        this.most.assign(this.most.maximum(tensor(yPred).max()).maximum(this.options.floor))
      }
      result(): Tensor {
        return this.most.value
      }
    }
    const json = serializeMetric(new Largest({ floor: 2 }))
    expect(json).toMatchObject({ class_name: 'Largest', config: { floor: 2, name: 'largest' } })
    const largest = deserializeMetric(json, { Largest })
    largest.updateState([], [1, 1])
    expect(largest.result().item()).toBe(2)
    largest.resetState()
    expect(largest.result().item()).toBe(0)
  })
})

/** The share of pairs (a positive, a negative) in which the positive is predicted higher; half of a tie. */
function mannWhitney(labels: readonly number[], predictions: readonly number[]): number {
  const of = (label: number): number[] => predictions.filter((_, i) => labels[i] === label)
  const wins = of(1).flatMap((a) => of(0).map((b): number => (a > b ? 1 : a === b ? 0.5 : 0)))
  return wins.reduce((sum, win) => sum + win, 0) / wins.length
}

describe('AUC', () => {
  test('is the share of pairs in the right order, when the thresholds part the predictions', () => {
    const grid = fc.array(fc.tuple(fc.boolean(), fc.integer({ min: 0, max: 20 })), { minLength: 2, maxLength: 40 })
    fc.assert(
      fc.property(grid, (samples) => {
        const labels = samples.map(([label]) => Number(label))
        fc.pre(labels.includes(0) && labels.includes(1))
        const predictions = samples.map(([, k]) => (k + 0.5) / 21)
        for (const options of [{ numThresholds: 22 }, { thresholds: Array.from({ length: 20 }, (_, i) => (i + 1) / 21) }]) {
          const auc = new metrics.AUC(options)
          auc.updateState(labels, predictions)
          expect(auc.result().item()).toBeCloseTo(mannWhitney(labels, predictions), 5)
        }
      }),
    )
  })

  test('by buckets is the same as by comparing', () => {
    const draw = new random.Generator(5)
    const [labels, predictions, weights] = [draw.bernoulli([50, 3]), draw.uniform([50, 3]), draw.uniform([50])]
    for (const multiLabel of [false, true]) {
      const [even, uneven] = [0, 1e-3].map((shift) => {
        const thresholds = Array.from({ length: 19 }, (_, i) => (i + 1 + shift) / 20)
        const auc = new metrics.AUC({ thresholds, multiLabel })
        auc.updateState(labels, predictions.mul(20).floor().add(0.5).div(20), weights)
        return auc.variables.map((variable) => variable.toTypedArray())
      })
      even.forEach((counts, i) => counts.forEach((count, j) => expect(count).toBeCloseTo(uneven[i][j], 4)))
    }
  })

  test('counts predictions beyond [0, 1] at the ends and NaN as 0', () => {
    const counts = new metrics.TruePositives({ thresholds: [0, 0.5, 1] })
    counts.updateState([1, 1, 1, 1], [-3, 7, NaN, 0.5])
    expect(counts.result().toArray()).toEqual([2, 1, 0])
    const auc = new metrics.AUC()
    auc.updateState([0, 1], [NaN, 0.7])
    expect(auc.result().item()).toBe(1)
  })

  test('checks the number of labels', () => {
    const auc = new metrics.AUC({ multiLabel: true })
    expect(auc.result().item()).toBe(0)
    auc.updateState([[1, 0]], [[0.5, 0.5]])
    expect(() => auc.updateState([[1, 0, 1]], [[0.5, 0.5, 0.5]])).toThrow(/expected \[batch, 2\]/)
    expect(() => new metrics.AUC({ multiLabel: true, numLabels: 3 }).updateState([[1, 0]], [[0, 0]])).toThrow(ShapeError)
  })
})

describe('IoU', () => {
  test('keeps fractional weights', () => {
    const iou = new metrics.MeanIoU({ numClasses: 2 })
    iou.updateState([0, 1], [0, 0], [0.25, 0.75])
    expect(iou.result().item()).toBeCloseTo((0.25 / (0.25 + 0.75) + 0) / 2, 5)
  })

  test('drops them where it is told to keep integers, as Keras does by itself', () => {
    const iou = new metrics.MeanIoU({ numClasses: 2, dtype: 'int32' })
    iou.updateState([0, 1], [0, 0], [1.75, 1.25])
    expect(iou.variables[0].dtype).toBe('int32')
    expect(iou.result().item()).toBeCloseTo(0.25, 5)
  })
})

describe('what makes no sense is an error', () => {
  const wrong: readonly [string, () => unknown][] = [
    ['Precision: thresholds must lie in [0, 1], got [0.5,2]', () => new metrics.Precision({ thresholds: [0.5, 2] })],
    ['Recall: thresholds', () => new metrics.Recall({ thresholds: NaN })],
    ['TruePositives: thresholds', () => new metrics.TruePositives({ thresholds: [] })],
    ['precision: topK is 5 for 2 classes', () => new metrics.Precision({ topK: 5 }).updateState([[0, 1]], [[0, 1]])],
    ['AUC: numThresholds', () => new metrics.AUC({ numThresholds: 1 })],
    ['AUC: thresholds', () => new metrics.AUC({ thresholds: [NaN] })],
    ["AUC: curve: unknown 'x'", () => new metrics.AUC({ curve: 'x' as 'PR' })],
    ["AUC: summationMethod: unknown 'x'", () => new metrics.AUC({ summationMethod: 'x' as 'majoring' })],
    ['AUC: numLabels', () => new metrics.AUC({ numLabels: 3 })],
    ['FBetaScore: beta must be positive', () => new metrics.FBetaScore({ beta: NaN })],
    ['F1Score: threshold must lie in (0, 1]', () => new metrics.F1Score({ threshold: 0 })],
    ["F1Score: average: unknown 'mini'", () => new metrics.F1Score({ average: 'mini' as 'micro' })],
    ['PrecisionAtRecall: recall must lie in [0, 1], got undefined', () => new metrics.PrecisionAtRecall({} as never)],
    ['RecallAtPrecision: numThresholds', () => new metrics.RecallAtPrecision({ precision: 0.5, numThresholds: 0 })],
    ['MeanIoU: numClasses', () => new metrics.MeanIoU({ numClasses: 0 })],
    ['IoU: target class 3 is outside', () => new metrics.IoU({ numClasses: 3, targetClassIds: [3] })],
    ["R2Score: classAggregation: unknown 'sum'", () => new metrics.R2Score({ classAggregation: 'sum' as never })],
    ['R2Score: numRegressors', () => new metrics.R2Score({ numRegressors: -1 })],
    ['MeanSquaredError: unknown option axis', () => metrics.MeanSquaredError.fromConfig({ axis: 1 })],
  ]
  test.each(wrong)('%s', (message, f) => {
    expect(f).toThrow(ValueError)
    expect(f).toThrow(message)
  })

  const shapes: readonly [string, () => unknown][] = [
    ['binary_accuracy', () => new metrics.BinaryAccuracy().updateState([[1, 0]], [[0.5]])],
    ['categorical_accuracy', () => new metrics.CategoricalAccuracy().updateState([1], [[0.5, 0.5]])],
    ['sparse_categorical_accuracy', () => new metrics.SparseCategoricalAccuracy().updateState([1, 2], [[0.5, 0.5]])],
    [
      'precision',
      () =>
        new metrics.Precision().updateState(
          [1, 0],
          [
            [1, 0],
            [1, 0],
          ],
        ),
    ],
    ['f1_score', () => new metrics.F1Score().updateState([1, 0], [1, 0])],
    ['r2_score', () => new metrics.R2Score().updateState([1, 0], [1, 0])],
    ['mean_io_u', () => new metrics.MeanIoU({ numClasses: 2 }).updateState([1, 0, 1], [1, 0])],
    ['mean: sampleWeight [3] for values [2]', () => new Mean().updateState([1, 2], [1, 2, 3])],
    ['recall: sampleWeight [3]', () => new metrics.Recall().updateState([1, 0], [1, 0], [1, 2, 3])],
  ]
  test.each(shapes)('shapes of %s', (message, f) => {
    expect(f).toThrow(ShapeError)
    expect(f).toThrow(message)
  })

  test('a class outside the last axis', () => {
    expect(() => new metrics.Precision({ classId: 2 }).updateState([[0, 1]], [[0, 1]])).toThrow(IndexError)
    expect(() => new metrics.Precision({ classId: 0 }).updateState([0, 1], [0, 1])).toThrow(IndexError)
  })
})

test('labels that are no class are wrong answers, not wrapped around', () => {
  const accuracy = new metrics.SparseTopKCategoricalAccuracy({ k: 3 })
  accuracy.updateState(
    [-1, 3, 1],
    [
      [0.1, 0.2, 0.7],
      [0.1, 0.2, 0.7],
      [0.1, 0.2, 0.7],
    ],
  )
  expect(accuracy.result().item()).toBeCloseTo(1 / 3)
})

test('weights of a mean may be the second argument, as in Keras, or the third, as in other metrics', () => {
  const [second, third] = [new Mean(), new Mean()]
  second.updateState([1, 3], [3, 1])
  third.updateState([1, 3], undefined, [3, 1])
  expect([second.result().item(), third.result().item()]).toEqual([1.5, 1.5])
})
