import { optionsOf } from '@typegrad/tensor'
import { openFile } from '#platform'
import type { State } from '../storage.ts'
import { Callback, type Logs } from './callback.ts'
import type { Open, Sink } from './sink.ts'

export interface CSVLoggerOptions {
  /** @defaultValue `','` */
  readonly separator?: string
  /** Goes on with the file, if there is one, in place of a new one. @defaultValue `false` */
  readonly append?: boolean
  /** Opens the file. @defaultValue that of Node's file system */
  readonly open?: Open
}

/** Writes the figures of every epoch as a line of a CSV file: `epoch,accuracy,loss,val_accuracy,val_loss`. */
export class CSVLogger extends Callback {
  readonly #filename: string
  readonly #options: Required<CSVLoggerOptions>
  #sink: Sink | undefined
  #keys: readonly string[] | undefined
  #append: boolean
  /** The bytes of the file. */
  #size = 0
  /** Those to keep of a file that is gone on with. */
  #kept: number | undefined

  constructor(filename: string, options?: CSVLoggerOptions) {
    super()
    this.#filename = filename
    this.#options = optionsOf('CSVLogger', options, { separator: ',', append: false, open: openFile })
    this.#append = this.#options.append
  }

  override onTrainBegin(): void {
    this.#keys = undefined
    this.#append = this.#options.append
    this.#kept = undefined
  }

  override getState(): State {
    return this.#keys ? { keys: this.#keys, size: this.#size } : null
  }

  /** Training goes on, and so does the file where it was then. */
  override setState(state: State): void {
    const { keys, size } = state as { keys: string[]; size: number }
    this.#keys = keys
    this.#kept = size
    this.#append = true
  }

  override async onEpochEnd(epoch: number, logs: Logs): Promise<void> {
    if (!this.#sink) {
      this.#sink = await this.#options.open(this.#filename, { append: this.#append, size: this.#kept })
      this.#size = this.#sink.size ?? 0
    }
    const header = this.#keys === undefined && this.#size === 0
    this.#keys ??= keysOf(logs)
    if (header) await this.#line(['epoch', ...this.#keys])
    await this.#line([String(epoch), ...this.#keys.map((key) => (key in logs ? String(logs[key]) : 'NA'))])
  }

  override onTrainEnd(): Promise<void> {
    return this.abandon()
  }

  override async abandon(): Promise<void> {
    const sink = this.#sink
    this.#sink = undefined
    await sink?.close?.()
  }

  async #line(fields: readonly string[]): Promise<void> {
    const { separator } = this.#options
    const line = new TextEncoder().encode(`${fields.join(separator)}\n`)
    this.#size += line.length
    await this.#sink!.write(line)
  }
}

/** The names of the figures. Validation may come in later epochs only: its columns are there from the first line. */
function keysOf(logs: Logs): string[] {
  const keys = Object.keys(logs).sort()
  return keys.some((key) => key.startsWith('val_')) ? keys : [...keys, ...keys.map((key) => `val_${key}`)]
}
