import { downsample } from './downsample.ts'
import { isDiscrete, isEmpty, xDomain, yDomain, type Figure, type Panel } from './figure.ts'
import { dark, light, shapes, type Theme } from './theme.ts'
import { ticks } from './ticks.ts'

/** A Vega-Lite specification, as plain JSON. */
export type VegaLiteSpec = Readonly<Record<string, unknown>>

const schema = 'https://vega.github.io/schema/vega-lite/v6.json'

/** Up to so many points, each is drawn as a dot. */
const dots = 40

const yTicks = 5

/** The figure as Vega-Lite: its panels side by side, sharing the epochs, the colours and one legend. */
export function toSpec(figure: Figure, theme: Theme = figure.theme === 'dark' ? dark : light): VegaLiteSpec {
  return {
    $schema: schema,
    description: [figure.title, ...figure.panels.map((panel) => panel.title)].filter(Boolean).join(', '),
    ...titleOf(figure),
    columns: figure.columns,
    spacing: { row: 28, column: 36 },
    concat: figure.panels.map((panel) => panelSpec(figure, panel, theme, figure.names.length > 1)),
    config: configOf(theme),
  }
}

/** One panel of the figure on its own, without a heading and a legend. */
export function toPanelSpec(figure: Figure, panel: Panel, theme: Theme): VegaLiteSpec {
  return {
    $schema: schema,
    description: panel.title,
    ...panelSpec(figure, panel, theme, false),
    config: { ...configOf(theme), padding: 2 },
  }
}

function titleOf(figure: Figure): VegaLiteSpec {
  const lines = [figure.title, figure.mark?.text].filter((line) => line !== undefined && line !== '')
  if (lines.length === 0) return {}
  const [text, subtitle] = lines
  return {
    title: { text, ...(subtitle !== undefined && { subtitle }), ...(figure.title ? {} : { fontSize: 12, fontWeight: 'normal' }) },
  }
}

function panelSpec(figure: Figure, panel: Panel, theme: Theme, legend: boolean): VegaLiteSpec {
  const series = panel.series.map((one) => downsample(one, figure.width))
  const values = series.flatMap(({ name, x, y }) => x.map((at, i) => ({ x: at, y: within(reach(panel), y[i]), series: name })))
  return {
    width: figure.width,
    height: figure.height,
    data: { values },
    encoding: { x: xAxis(figure), y: yAxis(panel) },
    layer: [
      ...rule(figure, theme),
      lines(figure, panel, theme, legend),
      ...bestPoint(figure, panel, theme),
      ...emptyNote(figure, panel, theme),
    ],
  }
}

function lines(figure: Figure, panel: Panel, theme: Theme, legend: boolean): VegaLiteSpec {
  const { names } = figure
  const domain = { field: 'series', type: 'nominal', legend: legend ? { title: null } : null }
  const colour = { ...domain, scale: { domain: names, range: names.map((_, i) => theme.series[i % theme.series.length]) } }
  const shape = { ...domain, scale: { domain: names, range: names.map((_, i) => shapes[i % shapes.length]) } }
  const longest = Math.max(...panel.series.map(({ y }) => y.length))
  const dense = longest > figure.width && { strokeWidth: 1, opacity: 0.85 }
  const point = longest <= dots && { point: { size: 24, opacity: 1 } }
  return { mark: { type: 'line', clip: isCut(panel), ...dense, ...point }, encoding: { color: colour, ...(point && { shape }) } }
}

/** Whether a value lies outside the limits. Only then are lines clipped: clipping halves a line that runs along a limit. */
function isCut({ yLimits, series }: Panel): boolean {
  return (
    yLimits !== undefined &&
    series.some(({ y }) => y.some((value) => value !== null && (value < yLimits[0] || value > yLimits[1])))
  )
}

/** A million axes away from the limits: what lies further out would overflow the numbers of an SVG. */
function reach({ yLimits: [low, high] = [0, Infinity] }: Panel): [number, number] {
  const far = 1e6 * (high - low)
  return [low - far, high + far]
}

function within([low, high]: readonly [number, number], value: number | null): number | null {
  return value === null ? null : Math.max(low, Math.min(high, value))
}

function rule(figure: Figure, theme: Theme): VegaLiteSpec[] {
  if (!figure.mark) return []
  const mark = { type: 'rule', color: theme.muted, strokeDash: [2, 3] }
  return [{ data: { values: [{ x: figure.mark.x }] }, mark, encoding: { y: null } }]
}

function bestPoint(figure: Figure, panel: Panel, theme: Theme): VegaLiteSpec[] {
  if (figure.mark?.panel !== panel.title || (panel.yScale === 'log' && figure.mark.y <= 0)) return []
  const { x, y } = figure.mark
  const mark = { type: 'point', size: 70, stroke: theme.ink, strokeWidth: 1.5, fill: null, clip: isCut(panel) }
  return [{ data: { values: [{ x, y }] }, mark }]
}

function emptyNote(figure: Figure, panel: Panel, theme: Theme): VegaLiteSpec[] {
  if (!isEmpty(panel)) return []
  const mark = { type: 'text', text: 'no finite values', color: theme.muted }
  return [{ data: { values: [{}] }, mark, encoding: { x: { value: figure.width / 2 }, y: { value: figure.height / 2 } } }]
}

function xAxis(figure: Figure): VegaLiteSpec {
  const axis = {
    title: figure.xTitle,
    tickCount: Math.ceil(figure.width / 70),
    ...(isDiscrete(figure) && { tickMinStep: 1, format: ',d' }),
  }
  return { field: 'x', type: 'quantitative', scale: { domain: xDomain(figure), nice: false, zero: false, padding: 5 }, axis }
}

function yAxis(panel: Panel): VegaLiteSpec {
  const domain = yDomain(panel, yTicks)
  const log = panel.yScale === 'log'
  const scale = { type: panel.yScale, domain, nice: false, ...(!log && { zero: false }) }
  const labels = log ? { values: ticks(domain, 'log', yTicks), format: '~g' } : { tickCount: yTicks }
  return { field: 'y', type: 'quantitative', scale, axis: { title: panel.title, ...labels } }
}

function configOf(theme: Theme): VegaLiteSpec {
  return {
    background: theme.background,
    font: 'system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif',
    padding: 12,
    view: { stroke: null },
    title: {
      anchor: 'start',
      color: theme.ink,
      subtitleColor: theme.muted,
      fontSize: 16,
      subtitleFontSize: 12,
      subtitlePadding: 5,
      offset: 14,
    },
    axis: {
      labelColor: theme.muted,
      titleColor: theme.ink,
      gridColor: theme.grid,
      tickColor: theme.muted,
      domainColor: theme.muted,
    },
    axisX: { grid: false, labelFlush: false, titleFontWeight: 'normal' },
    // The name of the metric stands upright above its axis.
    axisY: {
      domain: false,
      ticks: false,
      labelPadding: 6,
      minExtent: 38,
      titleAngle: 0,
      titleAlign: 'left',
      titleAnchor: 'end',
      titleX: 0,
      titleY: -12,
      titleFontSize: 12,
    },
    legend: { orient: 'top', labelColor: theme.ink, labelFontSize: 12, symbolSize: 80, symbolStrokeWidth: 2.5 },
    line: { strokeWidth: 1.8, strokeCap: 'round', strokeJoin: 'round' },
  }
}
