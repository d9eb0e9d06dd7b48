import { openFile } from '#platform'
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
  readonly #options: CSVLoggerOptions
  #sink: Sink | undefined
  #keys: readonly string[] | undefined
  #append: boolean

  constructor(filename: string, options: CSVLoggerOptions = {}) {
    super()
    this.#filename = filename
    this.#options = options
    this.#append = options.append ?? false
  }

  override onTrainBegin(): void {
    this.#keys = undefined
    this.#append = this.#options.append ?? false
  }

  override getState(): readonly string[] | null {
    return this.#keys ?? null
  }

  /** Training goes on, and so does the file. */
  override setState(keys: unknown): void {
    this.#keys = (keys as readonly string[] | null) ?? undefined
    this.#append = true
  }

  override async onEpochEnd(epoch: number, logs: Logs): Promise<void> {
    this.#sink ??= await (this.#options.open ?? openFile)(this.#filename, { append: this.#append })
    const header = this.#keys === undefined && (!this.#append || (this.#sink.empty ?? true))
    this.#keys ??= keysOf(logs)
    if (header) await this.#line(['epoch', ...this.#keys])
    await this.#line([String(epoch), ...this.#keys.map((key) => (key in logs ? String(logs[key]) : 'NA'))])
  }

  override async onTrainEnd(): Promise<void> {
    await this.#sink?.close?.()
    this.#sink = undefined
  }

  async #line(fields: readonly string[]): Promise<void> {
    const { separator = ',' } = this.#options
    await this.#sink!.write(new TextEncoder().encode(`${fields.join(separator)}\n`))
  }
}

/** The names of the figures. Validation may come in later epochs only: its columns are there from the first line. */
function keysOf(logs: Logs): string[] {
  const keys = Object.keys(logs).sort()
  return keys.some((key) => key.startsWith('val_')) ? keys : [...keys, ...keys.map((key) => `val_${key}`)]
}
