import { nice } from './ticks.ts'

/**
 * A figure before it is drawn: what the Vega-Lite, HTML and terminal renderers all start from.
 */
export interface Figure {
  readonly title?: string | undefined
  readonly xTitle: string
  readonly panels: readonly Panel[]
  /** The names of the curves, in the order of their colours; one name alone needs no legend. */
  readonly names: readonly string[]
  /** The x position that every panel marks, and the sentence that says what it is. */
  readonly mark?: Mark | undefined
  /** Pixels of one panel's plotting area. */
  readonly width: number
  readonly height: number
  /** Panels beside each other. */
  readonly columns: number
  readonly theme?: 'light' | 'dark' | undefined
}

/** One pair of axes. */
export interface Panel {
  readonly title: string
  readonly series: readonly Series[]
  readonly yLimits?: readonly [number, number] | undefined
  readonly yScale: 'linear' | 'log'
}

/** One curve: `y[i]` stands at `x[i]`, and null is a gap. */
export interface Series {
  readonly name: string
  readonly x: readonly number[]
  readonly y: readonly (number | null)[]
}

export interface Mark {
  readonly x: number
  readonly y: number
  /** The panel that holds the point; the others show the rule only. */
  readonly panel: string
  readonly text: string
}

/** Whether every x is a whole number, as epochs are: then the labels are, too. */
export function isDiscrete(figure: Figure): boolean {
  return figure.panels.every((panel) => panel.series.every((series) => series.x.every(Number.isInteger)))
}

/** The smallest and largest x of the figure: its panels share one x axis. */
export function xDomain(figure: Figure): [number, number] {
  const rows = figure.panels.flatMap((panel) => panel.series.map((series) => series.x))
  return widen(extent([...rows, figure.mark ? [figure.mark.x] : []]), 0.5)
}

/** The limits that were asked for, or those of the values drawn, widened to round numbers. */
export function yDomain(panel: Panel, count: number): [number, number] {
  if (panel.yLimits) return [...panel.yLimits]
  const [low, high] = extent(panel.series.map((series) => series.y))
  if (low === high) return panel.yScale === 'log' ? [low / 2, high * 2] : widen([low, high], Math.abs(low) / 10 || 0.5)
  return nice([low, high], panel.yScale, count)
}

/** The series with a gap where a log scale has no place: at and below 0. */
export function onScale(series: readonly Series[], yScale: 'linear' | 'log'): readonly Series[] {
  if (yScale === 'linear') return series
  return series.map(({ name, x, y }) => ({ name, x, y: y.map((value) => (value !== null && value > 0 ? value : null)) }))
}

/** Whether the panel has nothing to show: every value is a gap. */
export function isEmpty(panel: Panel): boolean {
  return panel.series.every((series) => series.y.every((value) => value === null))
}

/** Smallest and largest value; 0.1 to 1, which suits any scale, where there is none. */
function extent(rows: readonly (readonly (number | null)[])[]): [number, number] {
  let [low, high] = [Infinity, -Infinity]
  for (const row of rows) {
    for (const value of row) {
      if (value === null) continue
      if (value < low) low = value
      if (value > high) high = value
    }
  }
  return low > high ? [0.1, 1] : [low, high]
}

function widen([low, high]: readonly [number, number], margin: number): [number, number] {
  return low === high ? [low - margin, high + margin] : [low, high]
}
