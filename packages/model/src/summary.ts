import { standardOutput } from './output.ts'
import type { AnyLayer, Node, SymbolicShape } from '@typegrad/layers'

/** A shape as Keras writes it: `(None, 3)`; `?` where it is not known. */
export const shapeText = (shape: SymbolicShape | readonly SymbolicShape[] | undefined): string => {
  if (!shape) return '?'
  if (Array.isArray(shape[0])) return `[${(shape as SymbolicShape[]).map(shapeText).join(', ')}]`
  return `(${(shape as SymbolicShape).map((length) => length ?? 'None').join(', ')}${shape.length === 1 ? ',' : ''})`
}

/** Bytes as Keras writes them: `20.00 KB`. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'KB', 'MB', 'GB', 'TB']
  let unit = 0
  let value = bytes
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024
    unit++
  }
  return `${value.toFixed(2)} ${units[unit]}`
}

export interface SummaryRow {
  readonly layer: AnyLayer
  readonly outputShape: SymbolicShape | readonly SymbolicShape[] | undefined
  /** Functional models: the calls that this one takes its inputs from. */
  readonly connectedTo?: readonly string[]
  /** How deep in models within the model. @defaultValue `0` */
  readonly level?: number
}

export interface SummaryOptions {
  /** How wide the table is; with `showTrainable` it is 12 characters wider. @defaultValue `80` */
  readonly lineLength?: number
  /** Where the text goes. @defaultValue the standard output, or the console */
  readonly print?: (text: string) => void
  /** Whether the layers of models within the model are listed, too. @defaultValue `false` */
  readonly expandNested?: boolean
  /** Whether a column says which layers are trained. @defaultValue `false` */
  readonly showTrainable?: boolean
}

export const summaryDefaults = {
  lineLength: 80,
  print: (text: string): void => standardOutput().print(text),
  expandNested: false,
  showTrainable: false,
}

/** Breaks a cell into lines of at most `width` characters, at spaces; a word that is too long is cut. */
function wrapCell(text: string, width: number): string[] {
  const [, indent, rest] = /^( *└ )?(.*)$/.exec(text)!
  const lines: string[] = []
  for (const word of rest.split(' ').map((given, i) => (i === 0 ? (indent ?? '') + given : given))) {
    const last = lines.at(-1)
    if (last !== undefined && last.length + 1 + word.length <= width) lines[lines.length - 1] = `${last} ${word}`
    else lines.push(word.length > width ? `${word.slice(0, width - 1)}…` : word)
  }
  return lines
}

/** Keras' table of layers with output shapes and numbers of parameters. */
export function summaryTable(
  title: string,
  rows: readonly SummaryRow[],
  { lineLength, showTrainable }: Required<Pick<SummaryOptions, 'lineLength' | 'showTrainable'>>,
): string {
  const connected = rows.some((row) => row.connectedTo)
  const head = ['Layer (type)', 'Output Shape', 'Param #', ...(connected ? ['Connected to'] : [])]
  const trainable = head.length
  if (showTrainable) head.push('Trainable')
  // Keras' positions of the columns' ends; its lines between columns take two characters before the last column.
  const ends = (connected ? [0.3, 0.56, 0.74, 1] : [0.45, 0.8, 1]).map((share) => Math.floor(lineLength * share))
  const widths = ends.map((end, i) => end - (ends[i - 1] ?? 0) - (i === ends.length - 2 ? 2 : 1))
  if (showTrainable) widths.push(11)
  const cells = rows.map(({ layer, outputShape, connectedTo, level = 0 }) => {
    const name = `${level > 0 ? `${'   '.repeat(level)}└ ` : ''}${layer.name} (${layer.constructor.name})`
    return [
      name,
      shapeText(outputShape),
      layer.built ? layer.countParams().toLocaleString('en-US') : '0 (unbuilt)',
      ...(connected ? [connectedTo?.join(', ') || '-'] : []),
      ...(showTrainable ? [layer.weights.length === 0 ? '-' : layer.trainable ? 'Y' : 'N'] : []),
    ]
  })
  const rule = (left: string, line: string, middle: string, right: string): string =>
    left + widths.map((width) => line.repeat(width)).join(middle) + right
  const line = (values: readonly string[], bar: string): string => {
    const columns = values.map((value, i) => wrapCell(value, widths[i] - 2))
    const height = Math.max(...columns.map((column) => column.length))
    return Array.from({ length: height }, (_, y) => {
      const parts = columns.map((column, i) => {
        const text = column[y] ?? ''
        const width = widths[i] - 2
        if (i === 2) return ` ${text.padStart(width)} `
        return ` ${(i === trainable ? text.padStart((width + text.length) >> 1) : text).padEnd(width)} `
      })
      return bar + parts.join(bar) + bar
    }).join('\n')
  }
  return [
    title,
    rule('┏', '━', '┳', '┓'),
    line(head, '┃'),
    rule('┡', '━', '╇', '┩'),
    cells.map((row) => line(row, '│')).join(`\n${rule('├', '─', '┼', '┤')}\n`),
    rule('└', '─', '┴', '┘'),
  ].join('\n')
}

/** The lines below the table. */
export function parameterCounts(counts: { trainable: number; nonTrainable: number; optimizer: number }, bytes = 4): string {
  const line = (what: string, n: number): string => ` ${what} params: ${n.toLocaleString('en-US')} (${formatBytes(n * bytes)})`
  const { trainable, nonTrainable, optimizer } = counts
  return [
    line('Total', trainable + nonTrainable + optimizer),
    line('Trainable', trainable),
    line('Non-trainable', nonTrainable),
    ...(optimizer > 0 ? [line('Optimizer', optimizer)] : []),
  ].join('\n')
}

/** The rows of a functional model: one per layer, with the calls that it is connected to. */
export function graphRows(nodes: readonly Node[]): SummaryRow[] {
  const layers = [...new Set(nodes.map((node) => node.layer))]
  const simple = nodes.every((node, i) => node.inputs.length <= 1 && (i === 0 || node.inputs[0]?.node === nodes[i - 1]))
  const label = (node: Node, of: readonly Node[]): string =>
    `${node.layer.name}[${of.filter((n) => n.layer === node.layer).indexOf(node)}]`
  return layers.map((layer) => {
    const calls = nodes.filter((node) => node.layer === layer)
    const shapes = calls[0].outputs.map((output) => output.shape)
    const outputShape = shapes.length === 1 ? shapes[0] : shapes
    if (simple) return { layer, outputShape }
    const connectedTo = calls.flatMap((call) =>
      call.inputs.map((input) => `${label(input.node!, nodes)}[${input.node!.outputs.indexOf(input)}]`),
    )
    return { layer, outputShape, connectedTo }
  })
}
