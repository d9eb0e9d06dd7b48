import { TypegradError, ValueError } from '@typegrad/tensor'

/** CSV text that is not a table, or a cell that is not what its column holds; lines and columns count from 1. */
export class CsvError extends ValueError {
  readonly line: number
  readonly column: number

  constructor(message: string, line: number, column: number, details: Record<string, unknown> = {}) {
    super(message, { ...details, line, column })
    this.line = line
    this.column = column
  }
}

/** Bytes that are not the format they should be: a damaged or hostile zip archive, npy array or pickle. */
export class FormatError extends TypegradError {}

/** A file or an address that cannot be read; `cause` holds the reason given by the system. */
export class LoadError extends TypegradError {
  constructor(message: string, details: Record<string, unknown> = {}, cause?: unknown) {
    super(message, details)
    if (cause !== undefined) this.cause = cause
  }
}
