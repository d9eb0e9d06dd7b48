import { optionsOf, required, ShapeError, ValueError } from '@typegrad/tensor'
import { onScale, type Series } from './figure.ts'
import { figureOptions, plotDefaults, yAxisOptions, type PlotOptions, type YScale } from './options.ts'
import { Plot } from './plot.ts'
import { toValues, type Values } from './values.ts'

export interface LinesPlotOptions extends PlotOptions {
  /** The curves by name: their y values, at x = 0, 1, 2 …, or both as `{ x, y }`. */
  series: Readonly<Record<string, Values | { x: Values; y: Values }>>
  /** @defaultValue 'x' */
  xTitle?: string
  /** @defaultValue 'y' */
  yTitle?: string
  /** Lowest and highest value of the y axis; what lies outside is cut off. */
  yLimits?: readonly [number, number]
  /** @defaultValue 'linear' */
  yScale?: YScale
}

const defaults = {
  ...plotDefaults,
  width: 480,
  height: 300,
  series: required,
  xTitle: 'x',
  yTitle: 'y',
  yLimits: undefined,
  yScale: undefined,
} as const

/**
 * Lines in one panel, to compare anything: optimizers, learning rates, activation functions.
 *
 * ```ts
 * plotLines({ series: { sgd: first.loss, adam: second.loss }, xTitle: 'epoch', yTitle: 'loss', yScale: 'log' })
 * ```
 *
 * @throws ValueError where there is nothing to draw; ShapeError where `x` and `y` differ in length.
 */
export function plotLines(given: LinesPlotOptions): Plot {
  const op = 'plotLines'
  const options = optionsOf(op, given, defaults)
  const { xTitle, yTitle } = options
  const axis = yAxisOptions(op, options.yLimits, options.yScale)
  const series = Object.entries(options.series).map(([name, given]) => toSeries(op, name, given))
  if (!series.some(({ y }) => y.length > 0)) throw new ValueError(`${op}: no values: give at least one series`, { series })
  const panel = { title: yTitle, series: onScale(series, axis.yScale), ...axis }
  return new Plot({
    ...figureOptions(op, options, 1),
    xTitle,
    panels: [panel],
    names: series.map(({ name }) => name),
  })
}

function toSeries(op: string, name: string, given: Values | { x: Values; y: Values }): Series {
  if (!('y' in given)) {
    const y = toValues(op, name, given)
    return { name, x: y.map((_, i) => i), y }
  }
  const [x, y] = [toValues(op, `${name}.x`, given.x), toValues(op, `${name}.y`, given.y)]
  if (x.length !== y.length) {
    throw new ShapeError(`${op}: '${name}' has ${x.length} x and ${y.length} y values, there must be as many`, { name, x, y })
  }
  if (x.includes(null)) throw new ValueError(`${op}: x of '${name}', must be finite numbers`, { name, x })
  return { name, x: x as number[], y }
}
