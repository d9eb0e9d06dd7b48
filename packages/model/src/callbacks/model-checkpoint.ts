import { makeFolderOf } from '#platform'
import { optionsOf, TypegradError, ValueError, type Filled } from '@typegrad/tensor'
import { standardOutput } from '../output.ts'
import type { State } from '../storage.ts'
import { figureIn, type Logs } from './callback.ts'
import { MonitorCallback, monitorDefaults, type MonitorOptions } from './monitor.ts'

export interface ModelCheckpointOptions extends MonitorOptions {
  /** Saves only when the figure is better than ever. @defaultValue `false` */
  readonly saveBestOnly?: boolean
  /** Saves the weights alone. @defaultValue `false` */
  readonly saveWeightsOnly?: boolean
  /** After every epoch, or after every so many batches. @defaultValue `'epoch'` */
  readonly saveFreq?: 'epoch' | number
  /** What the figure must beat to be the first that is saved. */
  readonly initialValueThreshold?: number
  readonly verbose?: 0 | 1
}

const defaults = {
  ...monitorDefaults,
  saveBestOnly: false,
  saveWeightsOnly: false,
  saveFreq: 'epoch',
  initialValueThreshold: undefined,
  verbose: 0,
} as const

/**
 * Saves the model while it is trained. The path may name the epoch and figures: `best-{epoch:02d}-{val_loss:.2f}.keras`; its ending says
 * the format, as in {@link Model.save}.
 */
export class ModelCheckpoint extends MonitorCallback {
  readonly #path: string
  readonly #options: Filled<ModelCheckpointOptions, typeof defaults>
  #epoch = 0
  #batches = 0

  constructor(path: string, given?: ModelCheckpointOptions) {
    const options = optionsOf('ModelCheckpoint', given, defaults)
    // Whether more or less is better matters only where the best is kept.
    super(options.saveBestOnly ? options : { ...options, mode: 'min' })
    const { saveFreq } = options
    if (saveFreq !== 'epoch' && !(Number.isInteger(saveFreq) && saveFreq > 0))
      throw new ValueError(`ModelCheckpoint: saveFreq must be 'epoch' or a positive integer, got ${JSON.stringify(saveFreq)}`)
    this.#path = path
    this.#options = options
    this.best = options.initialValueThreshold
  }

  override getState(): State {
    return { best: this.best ?? null, batches: this.#batches }
  }

  override setState(state: State): void {
    const { best, batches } = state as { best: number | null; batches: number }
    this.best = best ?? undefined
    this.#batches = batches
  }

  /** Figures are asked for after the batches that are saved only. */
  override due(): boolean {
    const { saveFreq } = this.#options
    return typeof saveFreq === 'number' && this.#batches % saveFreq === 0
  }

  override onEpochBegin(epoch: number): void {
    this.#epoch = epoch
  }

  override onTrainBatchBegin(): void {
    this.#batches++
  }

  override async onTrainBatchEnd(batch: number, logs: Logs): Promise<void> {
    if (this.due()) await this.#save({ ...logs, epoch: this.#epoch + 1, batch: batch + 1 })
  }

  override async onEpochEnd(epoch: number, logs: Logs): Promise<void> {
    if (this.#options.saveFreq === 'epoch') await this.#save({ ...logs, epoch: epoch + 1 })
  }

  async #save(logs: Logs): Promise<void> {
    const { saveBestOnly, saveWeightsOnly, verbose } = this.#options
    const path = formatPath(this.#path, logs)
    if (saveBestOnly) {
      const value = this.valueIn(logs)
      if (value === undefined || !this.improves(value, this.best)) return
      if (verbose > 0) standardOutput().print(`Epoch ${logs['epoch']}: ${this.monitor} is now ${value}, saving to ${path}`)
      this.best = value
    } else if (verbose > 0) standardOutput().print(`Epoch ${logs['epoch']}: saving to ${path}`)
    await makeFolderOf(path)
    await (saveWeightsOnly ? this.model.saveWeights(path) : this.model.save(path))
  }
}

/** `{epoch:02d}` with a number of at least two digits in its place, `{loss:.3f}` with three after the point. */
function formatPath(path: string, logs: Logs): string {
  return path.replaceAll(/\{(\w+)(?::([^}]*))?\}/g, (_, name: string, format = '') => {
    const value = figureIn(logs, name)
    if (value === undefined)
      throw new TypegradError(`ModelCheckpoint: '${path}' names ${name}; there are ${Object.keys(logs).join(', ')}`, { name })
    const parts = /^(0?)(\d*)(?:\.(\d+))?([dfe]?)$/.exec(format as string)
    if (!parts) throw new TypegradError(`ModelCheckpoint: the format '${format}' in '${path}' is not known`, { format })
    const [, zero, width, digits, kind] = parts
    const text =
      kind === 'd' || kind === ''
        ? String(digits === undefined ? value : Number(value.toPrecision(Number(digits))))
        : kind === 'f'
          ? value.toFixed(Number(digits ?? 6))
          : value.toExponential(Number(digits ?? 6))
    return text.padStart(Number(width), zero ? '0' : ' ')
  })
}
