import { optionsOf, ValueError } from '@typegrad/tensor'
import { bestEpoch, type Monitor } from './best.ts'
import { epochsOf, type ValidationFreq } from './epochs.ts'
import { onScale, type Panel, type Series } from './figure.ts'
import { figureOptions, plotDefaults, yAxisOptions, type PerPanel, type PlotOptions, type YScale } from './options.ts'
import { Plot } from './plot.ts'
import { toValues, type Values } from './values.ts'

/** Values by epoch under the names that Keras logs them by: `loss`, `accuracy`, `val_loss`, `val_accuracy` … */
export type Curves = Readonly<Record<string, Values>>

/** What `fit` returns. */
export interface HistoryLike {
  /** The epochs that ran, counted from 0. */
  readonly epoch: ArrayLike<number>
  readonly history: Curves
  readonly params?: unknown
}

export interface HistoryPlotOptions extends PlotOptions {
  /** The metrics to draw, and their order. `'loss'` draws `loss` beside `val_loss`. @defaultValue every metric */
  metrics?: readonly string[]
  /** Lowest and highest value of the y axis, for all panels or by metric; what lies outside is cut off. */
  yLimits?: PerPanel<readonly [number, number]>
  /** Scale of the y axis, for all panels or by metric. On a log scale values at or below 0 are gaps. @defaultValue 'linear' */
  yScale?: PerPanel<YScale>
  /**
   * Mark the epoch with the best value of `val_loss`, or of another monitored quantity. Accuracies and their like are
   * best where they are highest, everything else where it is lowest; `mode` says otherwise.
   *
   * @defaultValue true where there is a `val_loss`
   */
  markBest?: boolean | string | Monitor
  /** The epochs that were validated, as `fit` takes it, where the `val_` lists are shorter. @defaultValue found from the lengths */
  validationFreq?: ValidationFreq
  /** Panels beside each other. @defaultValue 2 */
  columns?: number
}

const defaults = {
  ...plotDefaults,
  metrics: undefined,
  yLimits: undefined,
  yScale: undefined,
  markBest: undefined,
  validationFreq: undefined,
  columns: undefined,
}

/**
 * The learning curves of a training: one panel for the loss and one for each metric, training beside validation.
 * Epochs are counted from 1, as the progress lines do. A value that is NaN, infinite or null leaves a gap.
 *
 * ```ts
 * const history = await model.fit(x, y, { epochs: 20, validationSplit: 0.2 })
 * const plot = plotHistory(history, { title: 'IMDB', yLimits: { accuracy: [0, 1] } })
 * console.log(plot.text())
 * await plot.save('history.html')
 * ```
 *
 * @param history what `fit` returned, or its record of lists alone
 * @throws ValueError where there is nothing to draw, an option names an unknown metric, or a list fits no epochs.
 */
export function plotHistory(history: HistoryLike | Curves, given?: HistoryPlotOptions): Plot {
  const options = optionsOf(op, given, defaults)
  const curves = toSeries(history, options.validationFreq)
  const known = [...new Set([...curves.keys()].map(metricOf))].toSorted((a, b) => Number(b === 'loss') - Number(a === 'loss'))
  const pick = (name: string, option: string): string => find(name, known, option)

  const chosen = options.metrics ? [...new Set(options.metrics.map((name) => pick(name, 'metrics')))] : known
  if (chosen.length === 0) throw new ValueError(`${op}: metrics [], nothing to draw; known: ${known.join(', ')}`, { known })
  const yLimits = perPanel(
    options.yLimits,
    (given) => Array.isArray(given),
    (name) => pick(name, 'yLimits'),
  )
  const yScale = perPanel(
    options.yScale,
    (given) => typeof given === 'string',
    (name) => pick(name, 'yScale'),
  )

  const panels = chosen.map((metric): Panel => {
    const axis = yAxisOptions(op, yLimits(metric), yScale(metric))
    const series = [curves.get(metric), curves.get(`val_${metric}`)].filter((found) => found !== undefined)
    return { title: metric, series: onScale(series, axis.yScale), ...axis }
  })
  const validated = panels.some((panel) => panel.series.some((series) => series.name === 'validation'))
  const names = validated ? ['train', 'validation'] : ['train']
  const mark = bestEpoch(op, curves, options.markBest)
  return new Plot({ ...figureOptions(op, options, panels.length), xTitle: 'epoch', panels, names, mark })
}

const op = 'plotHistory'

/** Every list with the epochs that its values belong to, named by the role that it plays in its panel. */
function toSeries(given: HistoryLike | Curves, validationFreq: ValidationFreq | undefined): Map<string, Series> {
  const { history, epoch, params } = isHistory(given) ? given : { history: given, epoch: undefined, params: undefined }
  const lists = Object.entries(history).map(([key, list]) => [key, toValues(op, key, list)] as const)
  const length = Math.max(0, ...lists.map(([, list]) => list.length))
  const epochs = Array.from(epoch ?? Array.from({ length }, (_, i) => i), (number) => number + 1)
  if (!lists.some(([, list]) => list.length > 0)) {
    throw new ValueError(`${op}: the history has no values: has the model been fitted?`, { history })
  }
  const freq = validationFreq ?? (params as { validationFreq?: ValidationFreq } | undefined)?.validationFreq
  return new Map(
    lists.map(([key, y]) => {
      const name = key.startsWith('val_') ? 'validation' : 'train'
      return [key, { name, x: epochsOf(op, key, y.length, epochs, freq), y }]
    }),
  )
}

function isHistory(given: HistoryLike | Curves): given is HistoryLike {
  return 'history' in given && typeof given.history === 'object' && !('length' in given.history)
}

function metricOf(key: string): string {
  return key.replace(/^val_/, '')
}

/** `name` as the history spells it: `binaryAccuracy` finds `binary_accuracy`. */
function find(name: string, known: readonly string[], option: string): string {
  const found = known.find((metric) => metric === name) ?? known.find((metric) => snake(metric) === snake(name))
  if (found !== undefined) return found
  throw new ValueError(`${op}: ${option} '${name}', the history has no such metric; known: ${known.join(', ')}`, { name, known })
}

function snake(name: string): string {
  return name.replace(/([a-z0-9])([A-Z])/g, '$1_$2').toLowerCase()
}

function perPanel<T>(
  given: PerPanel<T> | undefined,
  isSingle: (given: PerPanel<T>) => boolean,
  resolve: (name: string) => string,
): (metric: string) => T | undefined {
  if (given === undefined) return () => undefined
  if (isSingle(given)) return () => given as T
  const byMetric = new Map(Object.entries(given as Record<string, T>).map(([name, value]) => [resolve(name), value]))
  return (metric) => byMetric.get(metric)
}
