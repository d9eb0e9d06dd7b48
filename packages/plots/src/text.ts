import { Canvas } from './canvas.ts'
import { isDiscrete, isEmpty, xDomain, yDomain, type Figure, type Panel, type Series } from './figure.ts'
import { ticks } from './ticks.ts'
import { formatTicks, formatValue } from './values.ts'

export interface TextOptions {
  /** Columns of the whole text, 24 at least. @defaultValue 80 */
  width?: number | undefined
  /** Rows of one panel with its name and its axis, 6 at least. @defaultValue 14 */
  height?: number | undefined
}

/**
 * The panels of a figure below each other, in characters. The first curve is a line of braille dots, the others are
 * letters, so that they can be told apart without colour. Dots resolve eight points per character.
 *
 * This is not a library because none was found that draws this: simple-ascii-chart 5.4.0 throws on a NaN, tells curves
 * apart by colour only and labels every point; asciichart 1.5.25 has no x axis, no legend and one character per point.
 */
export function toText(figure: Figure, { width, height }: { readonly width: number; readonly height: number }): string {
  const [columns, rows] = [Math.max(24, Math.floor(width)), Math.max(6, Math.floor(height))]
  const blocks = figure.panels.map((panel) => panelRows(figure, panel, columns, rows).join('\n'))
  return [figure.title, ...blocks, figure.mark && `▲ ${figure.mark.text}`].filter(Boolean).join('\n\n')
}

function panelRows(figure: Figure, panel: Panel, width: number, height: number): string[] {
  const rows = height - 3
  const count = Math.max(2, Math.floor(rows / 2.5))
  const [low, high] = yDomain(panel, count)
  const log = panel.yScale === 'log'
  const toRow = log ? scale(Math.log10(high), Math.log10(low), rows) : scale(high, low, rows)
  const rowOf = (y: number): number => toRow(log ? Math.log10(y) : y)

  const at = ticks([low, high], panel.yScale, count)
  const labels = new Map((log ? at.map(formatValue) : formatTicks(at)).map((label, i) => [Math.floor(rowOf(at[i])), label]))
  const gutter = Math.max(
    1 + Math.max(3, ...[...labels.values()].map((label) => label.length)),
    Math.min(figure.xTitle.length, 12),
  )
  const columns = width - gutter - 1
  const columnOf = scale(...xDomain(figure), columns)

  const { names } = figure
  const canvas = new Canvas(columns, rows)
  for (const series of panel.series) draw(canvas, series, names.indexOf(series.name), columnOf, rowOf)
  if (isEmpty(panel)) canvas.write(1, rows / 2, 'no finite values')

  const body = canvas.rows().map((row, i) => `${(labels.get(i) ?? '').padStart(gutter)}${labels.has(i) ? '┤' : '│'}${row}`)
  const [line, below] = xAxisRows(figure, columns, columnOf)
  const axis = [`${' '.repeat(gutter)}└${line}`, `${figure.xTitle.slice(0, gutter).padStart(gutter)} ${below}`]
  return [heading(panel, names, gutter), ...body, ...axis].map((row) => row.trimEnd())
}

/** A function from `[from, to]` to the middle of the first … the last of `cells` characters. */
function scale(from: number, to: number, cells: number): (value: number) => number {
  return (value) => 0.5 + ((value - from) / (to - from)) * (cells - 1)
}

function heading(panel: Panel, names: readonly string[], gutter: number): string {
  const legend = panel.series.map(({ name }) => `${letterOf(names.indexOf(name)) ?? '⠒⠒'} ${name}`)
  return `${' '.repeat(gutter)} ${panel.title}${names.length > 1 ? `    ${legend.join('   ')}` : ''}`
}

/** The letter of a curve; the first is drawn in dots. */
function letterOf(index: number): string | undefined {
  return index === 0 ? undefined : 'ox+*#'[(index - 1) % 5]
}

function draw(
  canvas: Canvas,
  { x, y }: Series,
  index: number,
  columnOf: (x: number) => number,
  rowOf: (y: number) => number,
): void {
  const letter = letterOf(index)
  // Where points are close, letters take every other column: what lies below stays visible between them.
  const crowded = x.length > canvas.width / 2
  for (let i = 0; i < y.length; i++) {
    const [before, value, after] = [y[i - 1] ?? null, y[i], y[i + 1] ?? null]
    if (value === null) continue
    const [column, row] = [columnOf(x[i]), rowOf(value)]
    if (letter !== undefined) canvas.write(crowded ? Math.floor(column / 2) * 2 : column, row, letter)
    else if (before !== null) canvas.line(columnOf(x[i - 1]), rowOf(before), column, row)
    else if (after === null) canvas.write(column, row, '•')
  }
}

/** The axis with a notch at every label and ▲ at the mark, and the labels below. */
function xAxisRows(figure: Figure, columns: number, columnOf: (x: number) => number): [string, string] {
  const line = Array.from({ length: columns }, () => '─')
  const at = ticks(xDomain(figure), 'linear', Math.ceil(columns / 12)).filter(
    (tick) => !isDiscrete(figure) || Number.isInteger(tick),
  )
  let below = ''
  for (const [i, label] of formatTicks(at).entries()) {
    const column = Math.floor(columnOf(at[i]))
    const start = Math.max(0, Math.min(columns - label.length, column - Math.floor(label.length / 2)))
    if (below !== '' && start <= below.length) continue
    below = below.padEnd(start) + label
    line[column] = '┬'
  }
  if (figure.mark) line[Math.floor(columnOf(figure.mark.x))] = '▲'
  return [line.join(''), below]
}
