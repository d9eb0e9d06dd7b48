import { plotHistory, type HistoryPlotOptions } from '@typegrad/plots'
import { tensor, TypegradError, ValueError } from '@typegrad/tensor'
import { describe, expect, test } from 'vitest'
import { epoch, history, points, yAxes, type Spec } from './curves.ts'

const specOf = (given: Parameters<typeof plotHistory>[0], options?: HistoryPlotOptions): Spec =>
  plotHistory(given, options).spec as unknown as Spec

describe('panels', () => {
  test('the loss and each metric, training beside validation, epochs from 1', () => {
    const spec = specOf({ epoch, history, params: { epochs: 20 } })
    expect(yAxes(spec).map(({ title }) => title)).toEqual(['loss', 'binary_accuracy'])
    expect(points(spec, 0, 'train')).toEqual(history.loss.map((y, i) => [i + 1, y]))
    expect(points(spec, 1, 'validation')).toEqual(history.val_binary_accuracy.map((y, i) => [i + 1, y]))
    expect(spec.concat[0].encoding.x).toMatchObject({ scale: { domain: [1, 20] }, axis: { title: 'epoch' } })
  })

  test('the bare record is the same figure', () => {
    expect(specOf(history)).toEqual(specOf({ epoch, history }))
  })

  test('a training that was continued keeps its epochs', () => {
    expect(points(specOf({ epoch: [5, 6], history: { loss: [2, 1] } }), 0, 'train')).toEqual([
      [6, 2],
      [7, 1],
    ])
  })

  test('typed arrays and tensors are lists, too', () => {
    const spec = specOf({ loss: Float32Array.of(2, 1), val_loss: tensor([4, 3]) })
    expect([...points(spec, 0, 'train'), ...points(spec, 0, 'validation')].map(([, y]) => y)).toEqual([2, 1, 4, 3])
  })

  test('the loss comes first, and a metric without training values is drawn as validation', () => {
    const spec = specOf({ val_auc: [0.5, 0.6], learning_rate: [0.1, 0.01], loss: [2, 1] })
    expect(yAxes(spec).map(({ title }) => title)).toEqual(['loss', 'auc', 'learning_rate'])
    expect(spec.concat[1].data.values.map(({ series }) => series)).toEqual(['validation', 'validation'])
  })

  test('metrics chooses and orders, in either spelling', () => {
    expect(yAxes(specOf(history, { metrics: ['binaryAccuracy', 'loss'] })).map(({ title }) => title)).toEqual([
      'binary_accuracy',
      'loss',
    ])
    expect(specOf(history, { metrics: ['loss', 'loss'] }).concat).toHaveLength(1)
  })

  test('size and columns', () => {
    const spec = specOf(history, { width: 500, height: 100, columns: 1 })
    expect(spec).toMatchObject({
      columns: 1,
      concat: [
        { width: 500, height: 100 },
        { width: 500, height: 100 },
      ],
    })
  })
})

describe('y axes', () => {
  test('limits for all panels or by metric', () => {
    expect(yAxes(specOf(history, { yLimits: [0, 1] })).map(({ domain }) => domain)).toEqual([
      [0, 1],
      [0, 1],
    ])
    const [loss, accuracy] = yAxes(specOf(history, { yLimits: { binaryAccuracy: [0.5, 1] } }))
    expect(accuracy.domain).toEqual([0.5, 1])
    expect(loss.domain).toEqual([0, 0.7])
  })

  test('lines are clipped only where a value lies outside: clipping halves one that runs along the limit', () => {
    const clips = (yLimits: [number, number]): unknown => specOf({ accuracy: [0.5, 1] }, { yLimits }).concat[0].layer[0].mark.clip
    expect(clips([0, 1])).toBe(false)
    expect(clips([0, 0.9])).toBe(true)
    expect(clips([0.6, 1])).toBe(true)
  })

  test('what lies astronomically far outside the limits does not overflow the drawing', async () => {
    const plot = plotHistory({ loss: [1, 1e308, -1e308, 0.5] }, { yLimits: [0, 1] })
    expect(await plot.svg()).not.toMatch(/NaN|Infinity/)
    expect(points(plot.spec, 0, 'train').map(([, y]) => y)).toEqual([1, 1e6 + 1, -1e6, 0.5])
  })

  test('a log scale by metric; what is not positive is a gap', () => {
    const spec = specOf({ loss: [10, 0, -1, 0.1], mae: [0, 1, 2, 3] }, { yScale: { loss: 'log' } })
    expect(yAxes(spec)).toMatchObject([{ type: 'log', domain: [0.1, 10] }, { type: 'linear' }])
    expect(points(spec, 0, 'train').map(([, y]) => y)).toEqual([10, null, null, 0.1])
    expect(points(spec, 1, 'train').map(([, y]) => y)).toEqual([0, 1, 2, 3])
  })

  test('a constant curve has room around it', () => {
    const [low, high] = yAxes(specOf({ accuracy: [1, 1, 1] }))[0].domain
    expect(low).toBeLessThan(1)
    expect(high).toBeGreaterThan(1)
  })
})

describe('gaps', () => {
  test('NaN, infinite and null values are null, which JSON can hold', () => {
    const spec = specOf({ loss: [3, NaN, Infinity, 1], val_loss: [null, 2, undefined, 1] })
    expect(JSON.parse(JSON.stringify(spec))).toEqual(spec)
    expect(points(spec, 0, 'train').map(([, y]) => y)).toEqual([3, null, null, 1])
    expect(points(spec, 0, 'validation').map(([, y]) => y)).toEqual([null, 2, null, 1])
    expect(yAxes(spec)[0].domain).toEqual([1, 3])
  })
})

describe('validationFreq', () => {
  const at = (spec: Spec): number[] => points(spec, 0, 'validation').map(([x]) => x)
  const loss = epoch.slice(0, 10)

  test.each([
    [
      [1, 2, 3, 4, 5],
      [2, 4, 6, 8, 10],
    ],
    [
      [1, 2, 3],
      [3, 6, 9],
    ],
    [[1], [10]],
  ])('%j in ten epochs are those of epochs %j', (val_loss, epochs) => {
    expect(at(specOf({ loss, val_loss }))).toEqual(epochs)
  })

  test('as it was given to fit', () => {
    expect(at(specOf({ loss, val_loss: [1] }, { validationFreq: 6 }))).toEqual([6])
    expect(at(specOf({ loss, val_loss: [1, 2, 3] }, { validationFreq: [1, 2, 10] }))).toEqual([1, 2, 10])
    expect(at(specOf({ epoch: loss, history: { loss, val_loss: [1] }, params: { validationFreq: 7 } }))).toEqual([7])
  })

  test('counts from the first epoch of a continued training', () => {
    expect(at(specOf({ epoch: [5, 6, 7, 8], history: { loss: [4, 3, 2, 1], val_loss: [2, 1] } }))).toEqual([6, 9])
  })

  test('a list that fits no epochs is refused', () => {
    expect(() => specOf({ loss, val_loss: [1, 2, 3, 4] })).toThrow(/'val_loss' has 4 values for 10 epochs.*validationFreq of fit/)
    expect(() => specOf({ loss, val_loss: [1, 2] }, { validationFreq: 3 })).toThrow(/validationFreq 3 gives 3/)
    expect(() => specOf({ epoch: [0], history: { loss: [1, 2] } })).toThrow(ValueError)
  })
})

describe('markBest', () => {
  const markOf = (options?: HistoryPlotOptions, given: Parameters<typeof plotHistory>[0] = history): string | undefined => {
    const { title } = specOf(given, options)
    return title?.text
  }
  const rules = (spec: Spec): unknown[] =>
    spec.concat.map(({ layer }) => layer.find(({ mark }) => mark.type === 'rule')?.data?.values)

  test('the lowest val_loss, in every panel, with a point in its own', () => {
    const spec = specOf(history, { title: 'IMDB' })
    expect(spec.title).toMatchObject({ text: 'IMDB', subtitle: 'lowest val_loss 0.3346 at epoch 4' })
    expect(rules(spec)).toEqual([[{ x: 4 }], [{ x: 4 }]])
    const marked = spec.concat.map(({ layer }) =>
      layer.filter(({ mark }) => mark.type === 'point').map(({ data }) => data?.values),
    )
    expect(marked).toEqual([[[{ x: 4, y: history.val_loss[3] }]], []])
  })

  test('accuracies are best where they are highest, unless mode says otherwise', () => {
    const val_accuracy = [0.5, 0.9, 0.7]
    expect(markOf({ markBest: 'val_accuracy' }, { val_accuracy })).toBe('highest val_accuracy 0.9 at epoch 2')
    expect(markOf({ markBest: { monitor: 'val_accuracy', mode: 'min' } }, { val_accuracy })).toBe(
      'lowest val_accuracy 0.5 at epoch 1',
    )
    expect(markOf({ markBest: 'loss' }, { loss: [3, NaN, 1, 2] })).toBe('lowest loss 1 at epoch 3')
  })

  test('no point where a log scale has no place for it', () => {
    const marks = specOf({ loss: [1, 2], val_loss: [3, -1] }, { yScale: 'log' }).concat[0].layer.map(({ mark }) => mark.type)
    expect(marks).toEqual(['rule', 'line'])
  })

  test('nothing where it is off, there is no val_loss, or none is finite', () => {
    expect(markOf({ markBest: false })).toBeUndefined()
    expect(markOf({}, { loss: [1, 2] })).toBeUndefined()
    expect(markOf({}, { loss: [1, 2], val_loss: [NaN, null] })).toBeUndefined()
    expect(rules(specOf(history, { markBest: false }))).toEqual([undefined, undefined])
  })

  test('an unknown list is refused', () => {
    expect(() => specOf(history, { markBest: 'val_acc' })).toThrow(/markBest 'val_acc'.*known: loss, binary_accuracy, val_loss/)
  })
})

describe('errors', () => {
  test.each<[string, Parameters<typeof plotHistory>[0], HistoryPlotOptions, RegExp]>([
    ['no lists', {}, {}, /no values.*fitted/],
    ['empty lists', { epoch: [], history: { loss: [] } }, {}, /no values.*fitted/],
    ['an unknown metric', history, { metrics: ['acc'] }, /metrics 'acc'.*known: loss, binary_accuracy$/],
    ['no metric', history, { metrics: [] }, /metrics \[\], nothing to draw; known: loss, binary_accuracy$/],
    ['limits of an unknown metric', history, { yLimits: { acc: [0, 1] } }, /yLimits 'acc'.*known: loss, binary_accuracy$/],
    ['reversed limits', history, { yLimits: [1, 0] }, /yLimits \[1, 0\]/],
    ['a limit that is no number', history, { yLimits: [0, NaN] }, /yLimits \[0, NaN\]/],
    ['a log scale from 0', history, { yLimits: [0, 1], yScale: 'log' }, /yLimits \[0, 1\], a log scale/],
    ['an unknown scale', history, { yScale: 'sqrt' as 'log' }, /yScale 'sqrt'/],
    ['an unknown theme', history, { theme: 'blue' as 'dark' }, /theme 'blue'/],
    ['no width', history, { width: 0 }, /width 0, must be a positive integer/],
  ])('%s', (_, given, options, message) => {
    expect(() => plotHistory(given, options)).toThrow(ValueError)
    expect(() => plotHistory(given, options)).toThrow(message)
    expect(() => plotHistory(given, options)).toThrow(/^plotHistory: /)
  })

  test('a list of something else', () => {
    expect(() => plotHistory({ loss: ['a'] as unknown as number[] })).toThrow(TypegradError)
    expect(() => plotHistory({ loss: tensor([[1, 2]]) })).toThrow(/plotHistory: 'loss' is not a row of numbers/)
  })
})
