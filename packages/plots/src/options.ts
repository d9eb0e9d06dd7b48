import { ValueError } from '@typegrad/tensor'
import type { Figure } from './figure.ts'

/** One value for every panel, or one per panel by its name; a panel that is not named keeps the default. */
export type PerPanel<T> = T | Readonly<Record<string, T>>

export type YScale = 'linear' | 'log'

/** What every plot understands. */
export interface PlotOptions {
  /** The heading of the figure. */
  title?: string
  /** Width of one panel's plotting area in pixels. @defaultValue 340 */
  width?: number
  /** Height of one panel's plotting area in pixels. @defaultValue 220 */
  height?: number
  /** Colours of the SVG. HTML follows the reader's setting unless this is given. @defaultValue 'light' */
  theme?: 'light' | 'dark'
}

export const plotDefaults = { title: undefined, width: undefined, height: undefined, theme: undefined }

/** The part of a figure that `PlotOptions` decides, checked. */
export function figureOptions(
  op: string,
  options: PlotOptions & { columns?: number },
  panels: number,
): Pick<Figure, 'title' | 'width' | 'height' | 'columns' | 'theme'> {
  const { title, width = 340, height = 220, columns = Math.min(panels, 2), theme } = options
  for (const [name, value] of Object.entries({ width, height, columns })) {
    if (!(Number.isInteger(value) && value > 0)) {
      throw new ValueError(`${op}: ${name} ${value}, must be a positive integer`, { [name]: value })
    }
  }
  if (theme !== undefined && theme !== 'light' && theme !== 'dark') {
    throw new ValueError(`${op}: theme '${String(theme)}', must be 'light' or 'dark'`, { theme })
  }
  return { title, width, height, columns, theme }
}

/** The y axis of one panel, checked: a pair of finite, increasing limits (positive ones on a log scale). */
export function yAxisOptions(
  op: string,
  yLimits: readonly [number, number] | undefined,
  yScale: YScale = 'linear',
): { yLimits: readonly [number, number] | undefined; yScale: YScale } {
  if (yScale !== 'linear' && yScale !== 'log') {
    throw new ValueError(`${op}: yScale '${String(yScale)}', must be 'linear' or 'log'`, { yScale })
  }
  if (yLimits !== undefined) {
    const [low, high] = yLimits
    const details = { yLimits, yScale }
    if (!(yLimits.length === 2 && Number.isFinite(low) && Number.isFinite(high) && low < high)) {
      throw new ValueError(`${op}: yLimits [${yLimits.join(', ')}], must be two finite numbers, the smaller one first`, details)
    }
    if (yScale === 'log' && low <= 0) {
      throw new ValueError(`${op}: yLimits [${yLimits.join(', ')}], a log scale has no values at or below 0`, details)
    }
  }
  return { yLimits, yScale }
}
