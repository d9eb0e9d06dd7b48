/** A model as a drawing: a box for every call of a layer, and lines for the tensors between them. */
import type { AnyLayer, Node, SymbolicShape } from '@typegrad/layers'
import { shapeText } from '../summary.ts'
import { layOut, type Box } from './layout.ts'

export interface ModelPlotOptions {
  /** Whether boxes show the shapes of their results. @defaultValue `true` */
  readonly showShapes?: boolean
  /** Whether boxes show the dtype of their results. @defaultValue `false` */
  readonly showDtype?: boolean
  /** Whether boxes show how many weights a layer has. @defaultValue `true` */
  readonly showParams?: boolean
  /** Whether layers that are not trained are marked. @defaultValue `true` */
  readonly showTrainable?: boolean
}

export const plotDefaults = { showShapes: true, showDtype: false, showParams: true, showTrainable: true }

/** A call of a layer. */
export interface Call {
  readonly layer: AnyLayer
  readonly outputs: readonly { readonly shape: SymbolicShape | undefined; readonly dtype: string }[]
  /** The calls that it takes its inputs from, by number. */
  readonly inputs: readonly number[]
}

/** The calls of a functional model. */
export const callsOf = (nodes: readonly Node[]): Call[] =>
  nodes.map(({ layer, outputs, inputs }) => ({
    layer,
    outputs,
    inputs: [...new Set(inputs.map(({ node }) => nodes.indexOf(node!)))].filter((from) => from >= 0),
  }))

interface Line {
  readonly text: string
  readonly kind: 'name' | 'type' | 'detail'
}

/** The width of a letter in pixels, more or less. */
const letter = { name: 8.4, type: 6.8, detail: 6.4 }
const lineHeight = 17
const padding = 10
const gap = 36
const margin = 16

const escape = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;')
const round = (x: number): number => Math.round(x * 10) / 10

const style = `
  .box { fill: #eef3fb; stroke: #4a72b0; } .plain { fill: #f4f4f4; stroke: #8a8a8a; } .input { fill: #eaf6ec; stroke: #4b9460; }
  .frozen { stroke-dasharray: 5 3; fill: #f3f0fa; stroke: #7a68a6; } .line { fill: none; stroke: #777; stroke-width: 1.3; }
  .tip { fill: #777; } text { font: 12px system-ui, sans-serif; fill: #222; text-anchor: middle; }
  .name { font-size: 13px; font-weight: 600; } .detail { fill: #555; font-size: 11px; }
  @media (prefers-color-scheme: dark) {
    .box { fill: #1e2b40; } .plain { fill: #2b2b2b; } .input { fill: #1d3324; } .frozen { fill: #2c2640; }
    text { fill: #eee; } .detail { fill: #bbb; } .line { stroke: #999; } .tip { fill: #999; }
  }`

/** The drawing as SVG text. */
export function graphSvg(title: string, calls: readonly Call[], options: Required<ModelPlotOptions>): string {
  const texts = calls.map((call, i) =>
    linesOf(call, calls.slice(0, i).filter(({ layer }) => layer === call.layer).length, options),
  )
  const widthOf = (lines: readonly Line[]): number =>
    Math.max(90, ...lines.map(({ text, kind }) => text.length * letter[kind])) + 2 * padding
  const boxes = calls.map(({ inputs }, i): Box => ({ inputs, width: widthOf(texts[i]) }))
  const layout = layOut(boxes)
  const heights = texts.map((lines) => lines.length * lineHeight + padding)
  const rowHeights = Array.from({ length: layout.rows }, (_, row) =>
    Math.max(...heights.filter((__, i) => layout.boxes[i].row === row)),
  )
  const tops = rowHeights.map((_, row) => margin + rowHeights.slice(0, row).reduce((sum, height) => sum + height + gap, 0))
  const [width, height] = [layout.width + 2 * margin, (tops.at(-1) ?? 0) + (rowHeights.at(-1) ?? 0) + margin]

  const middleOf = (row: number): number => tops[row] + rowHeights[row] / 2
  const drawn = calls.map((call, i) => {
    const { x, row } = layout.boxes[i]
    const [left, top] = [x + margin - boxes[i].width / 2, middleOf(row) - heights[i] / 2]
    const written = texts[i].map(
      ({ text, kind }, n) =>
        `<text class="${kind}" x="${round(x + margin)}" y="${round(top + (n + 1) * lineHeight)}">${escape(text)}</text>`,
    )
    return [
      `<g><rect class="${looks(call.layer, options)}" x="${round(left)}" y="${round(top)}" width="${round(boxes[i].width)}" height="${heights[i]}" rx="6"/>`,
      ...written,
      '</g>',
    ].join('')
  })
  // Lines come in the order of the boxes that they end at.
  const ends = calls.flatMap(({ inputs }, i) => inputs.map((from) => [from, i] as const))
  const lines = layout.lines.map((points, n) => {
    const [from, to] = ends[n]
    const start = middleOf(layout.boxes[from].row) + heights[from] / 2
    const end = middleOf(layout.boxes[to].row) - heights[to] / 2
    const through = points.slice(1, -1).flatMap(([x, row]) => [
      [x, tops[row]],
      [x, tops[row] + rowHeights[row]],
    ])
    const all = [[points[0][0], start], ...through, [points.at(-1)![0], end - 5]].map(([x, y]) => [round(x + margin), round(y)])
    const path = all.slice(1).map(([x, y], k) => {
      const [x0, y0] = all[k]
      const middle = round((y0 + y) / 2)
      return `C${x0} ${middle} ${x} ${middle} ${x} ${y}`
    })
    const [x, y] = all.at(-1)!
    return `<path class="line" d="M${all[0].join(' ')}${path.join('')}"/><path class="tip" d="M${x - 4} ${y}h8l-4 6z"/>`
  })
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${round(width)} ${round(height)}" width="${round(width)}" height="${round(height)}" role="img" aria-label="${escape(title)}">`,
    `<title>${escape(title)}</title><style>${style}</style>`,
    ...lines,
    ...drawn,
    '</svg>',
    '',
  ].join('\n')
}

function looks(layer: AnyLayer, { showTrainable = true }: ModelPlotOptions): string {
  if (layer.constructor.name === 'InputLayer') return 'input'
  if (layer.weights.length === 0) return 'plain'
  return showTrainable && layer.trainableWeights.length === 0 ? 'box frozen' : 'box'
}

function linesOf(
  { layer, outputs }: Call,
  earlier: number,
  { showShapes = true, showDtype = false, showParams = true, showTrainable = true }: ModelPlotOptions,
): Line[] {
  const type = layer.constructor.name
  const inner = layer.sublayers.length > 0 && 'layers' in layer ? `, ${layer.sublayers.length} layers` : ''
  const shapes = outputs.map(({ shape, dtype }) =>
    [showShapes ? shapeText(shape) : '', showDtype ? dtype : ''].filter((text) => text !== '').join(' '),
  )
  const params = layer.countParams()
  const frozen = showTrainable && params > 0 && layer.trainableWeights.length === 0 ? ', not trained' : ''
  const details = [
    shapes.filter((text) => text !== '').join(', '),
    showParams && params > 0 ? `${params.toLocaleString('en-US')} params${frozen}` : '',
  ]
  return [
    { text: layer.name + (earlier > 0 ? ` (call ${earlier + 1})` : ''), kind: 'name' },
    { text: type + inner, kind: 'type' },
    ...details.filter((text) => text !== '').map((text): Line => ({ text, kind: 'detail' })),
  ]
}
