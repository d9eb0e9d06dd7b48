import { parseQuoted } from '#platform'
import { CsvError } from '../errors.ts'

export interface Dialect {
  /** What stands between two fields; `'whitespace'` is any run of blanks. */
  delimiter: string
  /** What encloses a field that holds delimiters, line ends or (doubled) quotes; `null` for none, as with blanks. */
  quote: string | null
}

/** Characters that one record may have: past this, a quote was surely left open. */
const maxRecord = 1 << 26

/**
 * Splits CSV text, given piece by piece, into records, and tells the line that each begins on. Blank lines are skipped.
 * What lies between two record ends is split plainly where it has no quote, and by csv-parse where it has one.
 */
export class RecordReader {
  readonly #dialect: Dialect
  readonly #op: string
  readonly #onRecord: (fields: string[], line: number) => void
  /** Text after the last complete record, the line it begins on, and whether it ends inside quotes. */
  #pending: string[] = []
  #line = 1
  #quoted = false

  constructor(dialect: Dialect, op: string, onRecord: (fields: string[], line: number) => void) {
    this.#dialect = dialect
    this.#op = op
    this.#onRecord = onRecord
  }

  push(text: string): void {
    const cut = this.#lastRecordEnd(text)
    if (cut > 0) this.#read(this.#take() + text.slice(0, cut))
    this.#pending.push(text.slice(cut))
    if (this.#pending.reduce((size, part) => size + part.length, 0) > maxRecord) {
      throw new CsvError(
        `${this.#op}: line ${this.#line} begins a record of over ${maxRecord} characters, is a quote left open?`,
        this.#line,
        1,
      )
    }
  }

  end(): void {
    this.#read(this.#take())
  }

  #take(): string {
    const text = this.#pending.join('')
    this.#pending = []
    return text
  }

  /** The index after the last line end of `text` that is not inside quotes, or 0. */
  #lastRecordEnd(text: string): number {
    const quote = this.#dialect.quote?.charCodeAt(0)
    let quoted = this.#quoted
    let cut = 0
    for (let i = 0; i < text.length; i++) {
      const c = text.charCodeAt(i)
      if (c === quote) quoted = !quoted
      // A carriage return that ends the piece may be the first half of a line end.
      else if (!quoted && (c === LF || (c === CR && i + 1 < text.length && text.charCodeAt(i + 1) !== LF))) cut = i + 1
    }
    this.#quoted = quoted
    return cut
  }

  #read(text: string): void {
    const { quote } = this.#dialect
    if (quote !== null && text.includes(quote)) this.#readQuoted(text, quote)
    else this.#readPlain(text)
  }

  #readPlain(text: string): void {
    const { delimiter } = this.#dialect
    const lines = text.split(/\r\n|\n|\r/)
    for (let i = 0; i < lines.length; i++) {
      if (delimiter === 'whitespace') {
        const line = lines[i].trim()
        if (line !== '') this.#onRecord(line.split(/\s+/), this.#line + i)
      } else if (lines[i] !== '') this.#onRecord(lines[i].split(delimiter), this.#line + i)
    }
    this.#line += lines.length - 1
  }

  #readQuoted(text: string, quote: string): void {
    const { starts, openQuote, end } = recordLines(text, quote, this.#line)
    const deliver = (records: readonly string[][]): void => records.forEach((fields, i) => this.#onRecord(fields, starts[i]))
    const dialect = {
      delimiter: this.#dialect.delimiter,
      quote,
      escape: quote,
      record_delimiter: ['\r\n', '\n', '\r'],
      skip_empty_lines: true,
    }
    try {
      deliver(parseQuoted(text, dialect))
    } catch (error) {
      const {
        code,
        records = 0,
        index = 0,
        record,
      } = error as { code?: string; records?: number; index?: number; record?: string[] }
      if (code === undefined) throw error
      if (code === 'CSV_QUOTE_NOT_CLOSED') throw this.#error('a quote is opened and never closed', openQuote, index)
      if (code === 'CSV_RECORD_INCONSISTENT_FIELDS_LENGTH') {
        // Whoever takes the records knows best how long they should be.
        deliver([...parseQuoted(text, { ...dialect, to: records }), record!])
      }
      const line = starts[records]
      if (code === 'INVALID_OPENING_QUOTE')
        throw this.#error('a quote stands inside an unquoted field; quote the field and double the quote', line, index)
      if (code === 'CSV_INVALID_CLOSING_QUOTE') throw this.#error('text follows a closing quote', line, index)
      throw this.#error((error as Error).message, line, index)
    }
    this.#line = end
  }

  #error(why: string, line: number, index: number): CsvError {
    return new CsvError(`${this.#op}: line ${line}, column ${index + 1}: ${why}`, line, index + 1)
  }
}

const LF = 10
const CR = 13

/** The lines on which the records of `text` begin, the one of the last opening quote, and the one after the text. */
function recordLines(text: string, quote: string, first: number): { starts: number[]; openQuote: number; end: number } {
  const starts: number[] = []
  const quoteCode = quote.charCodeAt(0)
  let line = first
  let openQuote = first
  let quoted = false
  let fresh = true
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i)
    if (fresh && c !== LF && c !== CR) {
      starts.push(line)
      fresh = false
    }
    if (c === quoteCode) {
      quoted = !quoted
      // Right after a quote it is the second half of a doubled one.
      if (quoted && text.charCodeAt(i - 1) !== quoteCode) openQuote = line
    } else if (c === LF || (c === CR && text.charCodeAt(i + 1) !== LF)) {
      line++
      if (!quoted) fresh = true
    }
  }
  return { starts, openQuote, end: line }
}
