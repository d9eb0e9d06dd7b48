import { hostname, openFile } from '#platform'
import { optionsOf, ValueError, type Tensor } from '@typegrad/tensor'
import { Callback, type Logs } from './callback.ts'
import { eventRecord, versionRecord, type Histogram, type Summary } from './event-file.ts'
import type { Open, Sink } from './sink.ts'

export interface TensorBoardOptions {
  /** The folder; training goes to `train` in it and validation to `validation`. @defaultValue `'logs'` */
  readonly logDir?: string
  /** Writes histograms of all weights after every so many epochs; 0 for never. @defaultValue `0` */
  readonly histogramFreq?: number
  /** When figures are written: after every epoch, and with `'batch'` or a number after every batch, or so many, too. @defaultValue `'epoch'` */
  readonly updateFreq?: 'epoch' | 'batch' | number
  /** Writes how many steps were done in a second. @defaultValue `false` */
  readonly writeStepsPerSecond?: boolean
  /** Opens the files. @defaultValue that of Node's file system */
  readonly open?: Open
}

const defaults = { logDir: 'logs', histogramFreq: 0, updateFreq: 'epoch', writeStepsPerSecond: false, open: openFile } as const

/** Writes event files for TensorBoard: the figures of epochs and batches, and histograms of the weights. */
export class TensorBoard extends Callback {
  readonly #options: Required<TensorBoardOptions>
  readonly #every: number
  readonly #sinks = new Map<'train' | 'validation', Sink>()
  #steps = 0
  #epochStart = 0
  #batchStart = 0
  #epochSteps = 0

  constructor(given?: TensorBoardOptions) {
    super()
    const options = optionsOf('TensorBoard', given, defaults)
    const { updateFreq, histogramFreq } = options
    this.#options = options
    this.#every = updateFreq === 'epoch' ? 0 : updateFreq === 'batch' ? 1 : updateFreq
    for (const [name, value] of Object.entries({ updateFreq: this.#every, histogramFreq })) {
      if (!Number.isInteger(value) || value < 0)
        throw new ValueError(`TensorBoard: ${name} must be an integer ≥ 0, got ${JSON.stringify(options[name as 'updateFreq'])}`)
    }
  }

  /** Figures are asked for after the batches that are written only. */
  override due(): boolean {
    return this.#every > 0 && this.#steps % this.#every === 0
  }

  override getState(): number {
    return this.#steps
  }

  override setState(steps: unknown): void {
    this.#steps = steps as number
  }

  override onTrainBegin(): void {
    this.#steps = 0
  }

  override onEpochBegin(): void {
    this.#epochSteps = 0
    this.#epochStart = performance.now()
  }

  override onTrainBatchBegin(): void {
    this.#steps++
    this.#epochSteps++
    this.#batchStart = performance.now()
  }

  override async onTrainBatchEnd(_batch: number, logs: Logs): Promise<void> {
    if (!this.due()) return
    const speed = this.#options.writeStepsPerSecond ? { steps_per_second: perSecond(1, this.#batchStart) } : {}
    await this.#write('train', prefixed('batch_', { ...logs, ...speed }), this.#steps - 1)
  }

  /** Figures by iteration, which `evaluate` on its own has too. */
  override async onTestEnd(logs: Logs): Promise<void> {
    const entries = Object.entries(logs).map(([name, value]) => [`evaluation_${name}_vs_iterations`, value] as const)
    await this.#write('validation', Object.fromEntries(entries), this.model.optimizer.iterations)
    if (!this.run) await this.abandon()
  }

  override async onEpochEnd(epoch: number, logs: Logs): Promise<void> {
    const { histogramFreq, writeStepsPerSecond } = this.#options
    const speed = writeStepsPerSecond ? { steps_per_second: perSecond(this.#epochSteps, this.#epochStart) } : {}
    const all = { ...logs, learning_rate: this.model.optimizer.currentLearningRate(), ...speed }
    const isValidation = (name: string): boolean => name.startsWith('val_')
    const train = Object.entries(all).filter(([name]) => !isValidation(name))
    const validation = Object.entries(all).filter(([name]) => isValidation(name))
    await this.#write('train', prefixed('epoch_', Object.fromEntries(train)), epoch)
    const unprefixed = validation.map(([name, value]) => [name.slice('val_'.length), value] as const)
    if (validation.length > 0) await this.#write('validation', prefixed('epoch_', Object.fromEntries(unprefixed)), epoch)
    if (histogramFreq > 0 && epoch % histogramFreq === 0) await this.#write('train', this.#histograms(), epoch)
  }

  override onTrainEnd(): Promise<void> {
    return this.abandon()
  }

  #histograms(): Summary {
    const entries = this.model.layers.flatMap((layer) =>
      layer.weights.map((weight) => [`${layer.name}/${weight.name}/histogram`, histogram(weight.value)] as const),
    )
    return Object.fromEntries(entries)
  }

  async #write(run: 'train' | 'validation', summary: Summary, step: number): Promise<void> {
    const now = Date.now() / 1000
    let sink = this.#sinks.get(run)
    if (!sink) {
      const { logDir, open } = this.#options
      const name = `events.out.tfevents.${now.toFixed(3)}.${hostname()}.v2`
      sink = await open(`${logDir}/${run}/${name}`, {})
      this.#sinks.set(run, sink)
      await sink.write(versionRecord(now))
    }
    await sink.write(eventRecord(summary, step, now))
  }

  override async abandon(): Promise<void> {
    const sinks = [...this.#sinks.values()]
    this.#sinks.clear()
    for (const sink of sinks) await sink.close?.()
  }
}

const prefixed = (prefix: string, logs: Logs): Logs =>
  Object.fromEntries(Object.entries(logs).map(([name, value]) => [prefix + name, value]))

const perSecond = (steps: number, start: number): number => (steps * 1000) / Math.max(1e-3, performance.now() - start)

/** Thirty buckets of one width; what is not finite does not count. */
export function histogram(x: Tensor): Histogram {
  const values = Float64Array.from(x.toTypedArray()).filter((value) => Number.isFinite(value))
  if (values.length === 0) return { min: 0, max: 0, count: 0, sum: 0, sumOfSquares: 0, limits: [0], buckets: [0] }
  const min = values.reduce((a, b) => Math.min(a, b))
  const max = values.reduce((a, b) => Math.max(a, b))
  const count = values.length
  const sum = values.reduce((a, b) => a + b)
  const sumOfSquares = values.reduce((a, b) => a + b * b, 0)
  const width = (max - min) / 30
  if (!(width > 0)) return { min, max, count, sum, sumOfSquares, limits: [max], buckets: [count] }
  const limits = Array.from({ length: 30 }, (_, i) => (i === 29 ? max : min + (i + 1) * width))
  const buckets = Array.from<number>({ length: 30 }).fill(0)
  for (const value of values) buckets[Math.min(29, Math.floor((value - min) / width))]++
  return { min, max, count, sum, sumOfSquares, limits, buckets }
}
