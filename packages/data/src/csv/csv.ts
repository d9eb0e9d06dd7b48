import { optionsOf, ValueError } from '@typegrad/tensor'
import { LoadError } from '../errors.ts'
import { nameOf, openSource, type Source } from '../source.ts'
import type { Table } from '../table/table.ts'
import { csvDefaults, dialectOf, TableBuilder, type CsvOptions } from './builder.ts'
import { RecordReader } from './records.ts'

export interface ReadCsvOptions extends CsvOptions {
  /** Character encoding, as `TextDecoder` names it (`'euc-kr'`, `'windows-1252'`); a byte-order mark goes before. @defaultValue 'utf-8' */
  encoding?: string
}

export interface ReadCsvChunksOptions extends ReadCsvOptions {
  /** Rows of a chunk. @defaultValue 10000 */
  chunksize?: number
}

const readDefaults = { ...csvDefaults, encoding: undefined }

/**
 * The table that CSV text spells (RFC 4180: quoted fields may hold delimiters, line ends and doubled quotes).
 * @throws {@link CsvError}, with line and column, for empty text, a ragged row, an open quote, a missing number, or text
 * in a column that `dtype` calls numeric.
 */
export function parseCsv(text: string, given?: CsvOptions): Table {
  const op = 'parseCsv'
  const options = optionsOf(op, given, csvDefaults)
  if (typeof text !== 'string') throw new ValueError(`${op}: ${typeof text}, expected text; to read a file use readCsv`)
  const read = (texts?: ReadonlySet<number>): TableBuilder => {
    const builder = new TableBuilder(options, op, texts)
    const reader = new RecordReader(dialectOf(options, op), op, (fields, line) => builder.push(fields, line))
    for (let at = text.startsWith('\ufeff') ? 1 : 0; at < text.length; at += pieceSize)
      reader.push(text.slice(at, at + pieceSize))
    reader.end()
    return builder
  }
  const builder = read()
  return (builder.conflicts.length === 0 ? builder : read(new Set(builder.conflicts))).take()
}

const pieceSize = 1 << 16

/** The table in a CSV file; see {@link parseCsv}. `source` is a path, a URL, or a `File` or `Blob`. */
export async function readCsv(source: Source, given?: ReadCsvOptions): Promise<Table> {
  const op = 'readCsv'
  const options = optionsOf(op, given, readDefaults)
  const open = await openSource(source, op)
  const read = async (texts?: ReadonlySet<number>): Promise<TableBuilder> => {
    const builder = new TableBuilder(options, op, texts)
    const reader = new RecordReader(dialectOf(options, op), op, (fields, line) => builder.push(fields, line))
    for await (const text of decode(open(), options.encoding, op, source)) reader.push(text)
    reader.end()
    return builder
  }
  const builder = await read()
  return (builder.conflicts.length === 0 ? builder : await read(new Set(builder.conflicts))).take()
}

/**
 * The table in a CSV file as a sequence of tables of `chunksize` rows, for files that do not fit in memory. The first
 * chunk decides what each column holds.
 */
export async function* readCsvChunks(source: Source, given?: ReadCsvChunksOptions): AsyncGenerator<Table, void> {
  const op = 'readCsvChunks'
  const options = optionsOf(op, given, { ...readDefaults, chunksize: 10_000 })
  const { chunksize, encoding } = options
  if (!Number.isInteger(chunksize) || chunksize < 1) {
    throw new ValueError(`${op}: chunksize must be a positive integer, got ${chunksize}`, { chunksize })
  }
  const open = await openSource(source, op)
  const ready: Table[] = []
  let builder = new TableBuilder(options, op)
  // The records of the first chunk: they are read again if a column turns out to hold text after numbers.
  let first: { fields: string[]; line: number }[] | undefined = []
  let count = 0
  const take = (): void => {
    if (first && builder.conflicts.length > 0) {
      builder = new TableBuilder(options, op, new Set(builder.conflicts))
      for (const { fields, line } of first) builder.push(fields, line)
    }
    first = undefined
    ready.push(builder.take())
    count++
  }
  const reader = new RecordReader(dialectOf(options, op), op, (fields, line) => {
    first?.push({ fields, line })
    builder.push(fields, line)
    if (builder.length === chunksize) take()
  })
  for await (const text of decode(open(), encoding, op, source)) {
    reader.push(text)
    yield* ready.splice(0)
  }
  reader.end()
  if (builder.length > 0 || count === 0) take()
  yield* ready
}

/** The characters of the bytes; a byte-order mark decides the encoding and is dropped. */
async function* decode(
  chunks: AsyncIterable<Uint8Array>,
  encoding: string | undefined,
  op: string,
  source: Source,
): AsyncGenerator<string, void> {
  let decoder: TextDecoder | undefined
  let bytes = 0
  try {
    for await (const chunk of chunks) {
      if (chunk.length === 0) continue
      decoder ??= new TextDecoder(byteOrderMark(chunk) ?? encoding ?? 'utf-8', { fatal: true })
      const text = decoder.decode(chunk, { stream: true })
      bytes += chunk.length
      yield text
    }
    yield decoder?.decode() ?? ''
  } catch (error) {
    if (error instanceof RangeError) throw new ValueError(`${op}: encoding '${encoding}' is unknown`, { encoding })
    if (!(error instanceof TypeError)) throw error
    const name = decoder?.encoding ?? encoding
    throw new LoadError(
      `${op}: ${nameOf(source)}, not ${name} somewhere after byte ${bytes}; pass its encoding: 'euc-kr', 'windows-1252', 'shift_jis', …`,
      { encoding: name },
      error,
    )
  }
}

function byteOrderMark([a, b]: Uint8Array): string | undefined {
  if (a === 0xff && b === 0xfe) return 'utf-16le'
  if (a === 0xfe && b === 0xff) return 'utf-16be'
  return undefined
}
