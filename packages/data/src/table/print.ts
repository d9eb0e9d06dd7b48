import type { SeriesValues } from './series.ts'

interface Column {
  name: string
  values: SeriesValues
}

const maxRows = 20
const edgeRows = 5
const maxWidth = 100
const maxCell = 50

/** Rows numbered and aligned, numbers to the right, with at most six decimals. */
export function printTable(columns: readonly Column[], rows: number): string {
  const size = `[${rows} rows x ${columns.length} columns]`
  if (rows === 0 || columns.length === 0)
    return `Empty table, columns: ${columns.map(({ name }) => show(name)).join(', ')}\n${size}`
  const cut = rows > maxRows
  const shown = Array.from({ length: rows }, (_, i) => i).filter((i) => !cut || i < edgeRows || i >= rows - edgeRows)
  const dots = (cells: string[]): string[] => (cut ? cells.toSpliced(edgeRows, 0, '...') : cells)
  const block = ({ name, values }: Column): string[] =>
    align([show(name), ...dots(format(values, shown))], typeof values[0] === 'number')

  const numbers = align(['', ...dots(shown.map(String))], true)
  const blocks = fitting(columns, block, maxWidth - numbers[0].length)
  const lines = numbers.map((_, i) =>
    [numbers, ...blocks]
      .map((cells) => cells?.[i] ?? '...')
      .join('  ')
      .trimEnd(),
  )
  return `${lines.join('\n')}${cut || blocks.includes(undefined) ? `\n\n${size}` : ''}`
}

/** The blocks of the columns that fit into `room`, from both ends in turn; `undefined` stands for what is left out. */
function fitting(columns: readonly Column[], block: (column: Column) => string[], room: number): (string[] | undefined)[] {
  const front: string[][] = []
  const back: string[][] = []
  for (let i = 0, j = columns.length - 1; i <= j;) {
    const fromFront = front.length <= back.length
    const cells = block(fromFront ? columns[i++] : columns[j--])
    room -= displayWidth(cells[0]) + 2
    if (room < 0 && front.length > 0) return [...front, undefined, ...back.toReversed()]
    if (fromFront) front.push(cells)
    else back.push(cells)
  }
  return [...front, ...back.toReversed()]
}

function format(values: SeriesValues, rows: readonly number[]): string[] {
  const cells = rows.map((i) => values[i])
  const finite = cells.filter((v): v is number => typeof v === 'number' && Number.isFinite(v))
  const largest = finite.reduce((a, b) => Math.max(a, Math.abs(b)), 0)
  const smallest = finite.reduce((a, b) => (b === 0 ? a : Math.min(a, Math.abs(b))), Infinity)
  const scientific = largest >= 1e12 || smallest < 1e-5
  const decimals = finite.reduce(
    (most, v) =>
      Math.max(
        most,
        v
          .toFixed(6)
          .replace(/\.?0+$/, '')
          .split('.')[1]?.length ?? 0,
      ),
    0,
  )
  return cells.map((v) => {
    if (typeof v === 'string') return show(v)
    if (!Number.isFinite(v)) return Number.isNaN(v) ? 'NaN' : v > 0 ? 'inf' : '-inf'
    return scientific ? v.toExponential(4) : v.toFixed(decimals)
  })
}

/** On one line, and not too long. */
function show(text: string): string {
  const short = text.length > maxCell ? `${text.slice(0, maxCell - 3)}...` : text
  return short.replace(/\p{Cc}/gu, (c) => ({ '\n': '\\n', '\r': '\\r', '\t': '\\t' })[c] ?? '?')
}

function align(cells: readonly string[], right: boolean): string[] {
  const width = cells.reduce((w, cell) => Math.max(w, displayWidth(cell)), 0)
  return cells.map((cell) => {
    const blanks = ' '.repeat(width - displayWidth(cell))
    return right ? blanks + cell : cell + blanks
  })
}

/** Columns of a terminal that `text` takes: East Asian letters take two. */
function displayWidth(text: string): number {
  let width = 0
  for (const letter of text)
    width +=
      /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]/u.test(
        letter,
      )
        ? 2
        : 1
  return width
}
