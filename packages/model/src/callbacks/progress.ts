import { Callback, type Logs } from './callback.ts'
import { standardOutput, type Output } from '../output.ts'

/** The progress of `fit` as Keras shows it: a live bar (verbose 1), or a line per epoch (verbose 2). */
export class ProgbarLogger extends Callback {
  readonly #output: Output
  #epochStart = 0
  #drawn = 0
  #done = 0
  #begun = 0

  constructor(output: Output = standardOutput()) {
    super()
    this.#output = output
  }

  override onEpochBegin(epoch: number): void {
    if (this.params.epochs > 1 || this.params.verbose === 2) this.#output.print(`Epoch ${epoch + 1}/${this.params.epochs}`)
    this.#epochStart = performance.now()
    this.#drawn = 0
    this.#done = 0
  }

  override onTrainBatchBegin(batch: number): void {
    this.#begun = batch + 1
  }

  /** A live line is redrawn at most twenty times a second. */
  override due(): boolean {
    return this.params.verbose === 1 && this.#output.live && performance.now() - this.#drawn >= 50
  }

  override onTrainBatchEnd(batch: number, logs: Logs): void {
    this.#done = batch + 1
    this.#draw(logs)
  }

  override onEpochEnd(_: number, logs: Logs): void {
    this.#done = this.#begun
    this.#finish(this.params.verbose === 2 ? this.#line(logs, false) : this.#line(logs, true))
  }

  /** `evaluate` and `predict` on their own show a bar too; inside of `fit` they are silent. */
  begin(): void {
    this.#epochStart = performance.now()
    this.#drawn = 0
    this.#done = 0
  }

  step(done: number, logs: Logs): void {
    this.#done = done
    this.#draw(logs)
  }

  end(logs: Logs): void {
    this.#finish(this.#line(logs, this.params.verbose === 1))
  }

  #draw(logs: Logs): void {
    if (!this.due()) return
    this.#drawn = performance.now()
    this.#output.rewrite(this.#line(logs, true).slice(0, this.#output.columns - 1))
  }

  #finish(line: string): void {
    this.#output.print(line)
  }

  /** `12/45 ━━━━━━━━━━━━━━━━━━━━ 0s 3ms/step - accuracy: 0.9123 - loss: 0.2931` */
  #line(logs: Logs, bar: boolean): string {
    const { steps } = this.params
    const seconds = (performance.now() - this.#epochStart) / 1000
    const total = steps || this.#done
    const running = this.#done < total
    const width = 20
    const filled = total === 0 ? width : Math.round((width * this.#done) / total)
    const time = running && this.#done > 0 ? duration((seconds / this.#done) * (total - this.#done)) : duration(seconds)
    const perStep = `${this.#done === 0 ? 0 : duration(seconds / this.#done, true)}/step`
    const head = `${String(this.#done).padStart(String(total).length)}/${total}`
    const figures = Object.entries(logs).map(([name, value]) => ` - ${name}: ${formatFigure(value)}`)
    return bar
      ? `${head} ${'━'.repeat(filled)}${running ? ' '.repeat(width - filled) : ''} ${time} ${perStep}${figures.join('')}`
      : `${head} - ${time} - ${perStep}${figures.join('')}`
  }
}

/** Four digits after the point, or an exponent for what is very small or large. */
export const formatFigure = (value: number): string =>
  value !== 0 && (Math.abs(value) < 1e-3 || Math.abs(value) >= 1e7) ? value.toExponential(4) : value.toFixed(4)

const duration = (seconds: number, step = false): string => {
  if (step) {
    if (seconds >= 1) return `${seconds.toFixed(0)}s`
    return seconds >= 1e-3 ? `${Math.round(seconds * 1e3)}ms` : `${Math.round(seconds * 1e6)}us`
  }
  if (seconds >= 3600)
    return `${Math.floor(seconds / 3600)}:${String(Math.floor((seconds % 3600) / 60)).padStart(2, '0')}:${String(Math.floor(seconds % 60)).padStart(2, '0')}`
  return seconds >= 60
    ? `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, '0')}`
    : `${Math.round(seconds)}s`
}
