import type { AnyLayer, Node, SymbolicShape } from '@typegrad/layers'

const shapeText = (shape: SymbolicShape | readonly SymbolicShape[] | undefined): string => {
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
}

/** Breaks a cell into lines of at most `width` characters, at spaces where there are some. */
function wrapCell(text: string, width: number): string[] {
  const lines: string[] = []
  for (const word of text.split(' ')) {
    const last = lines.at(-1)
    if (last !== undefined && last.length + 1 + word.length <= width) lines[lines.length - 1] = `${last} ${word}`
    else for (let rest = word; rest !== '' || lines.length === 0; rest = rest.slice(width)) lines.push(rest.slice(0, width))
  }
  return lines
}

/** Keras' table of layers with output shapes and numbers of parameters. */
export function summaryTable(title: string, rows: readonly SummaryRow[], lineLength = 80): string {
  const connected = rows.some((row) => row.connectedTo)
  const head = ['Layer (type)', 'Output Shape', 'Param #', ...(connected ? ['Connected to'] : [])]
  // Keras' positions of the columns' ends; its lines between columns take two characters before the last column.
  const ends = (connected ? [0.3, 0.56, 0.74, 1] : [0.45, 0.8, 1]).map((share) => Math.floor(lineLength * share))
  const widths = ends.map((end, i) => end - (ends[i - 1] ?? 0) - (i === ends.length - 2 ? 2 : 1))
  const cells = rows.map(({ layer, outputShape, connectedTo }) => {
    const name = `${layer.name} (${layer.constructor.name})`
    return [
      name,
      shapeText(outputShape),
      layer.countParams().toLocaleString('en-US'),
      ...(connected ? [connectedTo?.join(', ') || '-'] : []),
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
        return ` ${i === 2 ? text.padStart(widths[i] - 2) : text.padEnd(widths[i] - 2)} `
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
