import { valueAndGrad } from '@typegrad/autograd'
import {
  serializeLayer,
  type AnyLayer,
  type LayerConfig,
  type OneOrSeveral,
  type SerializedLayer,
  type SymbolicShape,
} from '@typegrad/layers'
import { registerBuiltin } from '@typegrad/layers/internals'
import type { Metric } from '@typegrad/losses'
import type { Optimizer } from '@typegrad/optim'
import {
  BackendError,
  optionsOf,
  scope,
  stack,
  toModule,
  TypegradError,
  unheard,
  ValueError,
  zeros,
  type ExplainOptions,
  type Tensor,
} from '@typegrad/tensor'
import type { Callback, History, Logs } from './callbacks/callback.ts'
import { logsOf } from './compiled.ts'
import { compileConfig, compileOptions, type CustomObjects } from './config/compile.ts'
import { fetched, onDevice, onHost } from './device.ts'
import { evaluate, predict, type EvaluateOptions, type PredictOptions } from './evaluate.ts'
import { isSource, samplesOf, toArrays, type BatchSource } from './feed.ts'
import { fit, type FitOptions } from './fit.ts'
import type { Data } from './inputs.ts'
import { knownOptions } from './known-options.ts'
import { Network } from './network.ts'
import type { Batch } from './rows.ts'
import { Steps } from './steps.ts'
import {
  storage,
  type Checkpoint,
  type LoadSource,
  type LoadWeightsOptions,
  type SaveOptions,
  type SaveTarget,
  type State,
} from './storage.ts'
import { graphSvg, plotDefaults, type ModelPlotOptions } from './plot/svg.ts'
import { parameterCounts, summaryDefaults, summaryTable, type SummaryOptions } from './summary.ts'
import { namesByLoss, Training, type CompileOptions } from './training.ts'

/**
 * A layer that can be trained: a functional model `new Model({ inputs, outputs })`, or a subclass with a `call` of its
 * own.
 *
 * `fit`, `evaluate` and `predict` do the loops, and call {@link trainStep}, {@link testStep} and {@link predictStep} for every batch. A
 * subclass that trains in another way overrides these, or {@link computeLoss} alone, and keeps callbacks, validation and progress:
 * ```ts
 * class Noisy extends Sequential {
 *   override trainStep(batch: Batch): void {
 *     super.trainStep({ ...batch, x: batch.x.map((x) => x.add(random.normal(x.shape, { stddev: 0.1 }))) })
 *   }
 * }
 * ```
 */
export class Model extends Network {
  #compiled: Training | undefined
  #steps: Steps | undefined
  /** How many layers there were when the model ran to build those that build themselves when they are called. */
  #shown = 0
  /** Set by a callback to end `fit` after the step. */
  stopTraining = false

  static {
    registerBuiltin('Functional', this, 'keras.src.models.functional', 'Functional')
  }

  /** Says how the model is trained. */
  compile(options: CompileOptions): this {
    knownOptions('compile', options)
    this.outputKeys = namesByLoss(options.loss)
    this.#steps = undefined
    this.#compiled = new Training(options, this.outputNames)
    return this
  }

  /**
   * The programs that steps were compiled to, as text: loops with their formulas, kernels, bytes, and why each was made; with
   * `times`, what each kernel takes is measured.
   */
  explain(options?: ExplainOptions): string {
    return this.steps.explain(options)
  }

  /**
   * The text of an ES module that predicts `batchSize` samples at a time without typegrad: weights and code are in it, see
   * {@link toModule}. Throws a BackendError for layers that need more, convolutions among them.
   */
  toModule(options?: { batchSize?: number }): string {
    const { batchSize } = optionsOf('toModule', options, { batchSize: 1 })
    if (!this.built)
      throw new TypegradError(`toModule: model '${this.name}' is not built: fit it, or give its first layer an input shape`)
    if (this.entrances.some(({ input }) => input.dtype === 'string'))
      throw new ValueError(
        `toModule: model '${this.name}' takes strings, modules numbers; make a model of the layers after those of strings`,
      )
    const several = Array.isArray(this.builtShape?.[0])
    const shapes = (several ? this.builtShape : [this.builtShape]) as readonly SymbolicShape[]
    const inputs = shapes.map((shape, i) => ({
      name: this.inputNames[i],
      shape: [batchSize, ...shape.slice(1).map((n) => n ?? 1)],
    }))
    return toModule((...x) => this.predictStep(x), inputs)
  }

  /** @internal How steps are taken. */
  get steps(): Steps {
    return (this.#steps ??= new Steps(
      this,
      (kind) => this.#compiled?.options.jit ?? this[kind] === Model.prototype[kind],
      this.#compiled?.options.device,
    ))
  }

  get #training(): Training {
    if (!this.#compiled) throw new TypegradError(`model '${this.name}' is not compiled: call compile({ optimizer, loss }) first`)
    return this.#compiled
  }

  /** How the model is trained, as Keras writes it; `undefined` if it is not compiled. */
  getCompileConfig(): LayerConfig | undefined {
    return this.#compiled && compileConfig(this.#compiled.options, this.#compiled.optimizer)
  }

  /** Compiles as {@link getCompileConfig} or Keras wrote it; functions and classes of yours are found in `custom`, by name. */
  compileFromConfig(config: LayerConfig, custom: CustomObjects = {}): this {
    this.compile(compileOptions(config, custom))
    if (this.built) this.optimizer.build(this.trainableWeights)
    return this
  }

  /** The model without its weights as Keras' `to_json()` has it: `JSON.stringify(model)` is that text. {@link modelFromConfig} reads it. */
  toJSON(): SerializedLayer {
    return serializeLayer(this)
  }

  /** Whether {@link compile} was called. */
  get compiled(): boolean {
    return this.#compiled !== undefined
  }

  /** @internal The outputs that nothing is compared with, so that there need not be targets for them. */
  get uncompared(): readonly string[] {
    return this.#training.uncompared
  }

  /** The optimizer given to {@link compile}. */
  get optimizer(): Optimizer {
    return this.#training.optimizer
  }

  /** The loss and the metrics that are accumulated, in the order of the logs. */
  get metrics(): Metric[] {
    return this.#compiled?.metrics ?? []
  }

  resetMetrics(): void {
    this.steps.placement.run(() =>
      scope(() => {
        for (const metric of this.metrics) metric.resetState()
      }),
    )
  }

  /** The figures since the last reset. Throws a BackendError where they lie on a device: {@link readLogs} waits for them. */
  logs(): Logs {
    this.#assertReadable('logs')
    return logsOf(this.metrics, (metric) => metric.result().item())
  }

  /** The figures since the last reset, from wherever they are computed; from a device all are read together. */
  async readLogs(): Promise<Logs> {
    const { metrics } = this
    const { placement } = this.steps
    if (!placement.run(onDevice)) return this.logs()
    if (metrics.length === 0) return {}
    const [read] = await placement.run(() => fetched(() => [stack(metrics.map((metric) => metric.result()))]))
    const values = read.toTypedArray()
    return logsOf(metrics, (_, i) => values[i])
  }

  #assertReadable(what: string): void {
    if (!this.steps.placement.run(onDevice)) return
    throw new BackendError(
      `${what}: the figures lie on the gpu, where they cannot be read at once: use fit and evaluate, or steps of your own and 'await model.readLogs()'`,
    )
  }

  /** The outputs for the inputs of a batch, as a list. */
  protected outputsOf(x: readonly Tensor[], training: boolean): Tensor[] {
    return this.listed(this.apply(this.passed(x), { training }))
  }

  /** Makes all weights, by running the model once on some samples if need be. */
  buildOn(x: readonly Tensor[]): void {
    const layers = nested(this)
    if (layers.length === this.#shown || layers.every((layer) => layer.built)) return
    this.#shown = layers.length
    if (!this.computes) return
    onHost(() => unheard(() => this.outputsOf(rowsOf(x), false)))
    this.resetStates()
  }

  /** The loss of a batch, penalties of the weights included. Override it for a loss that needs more than targets and predictions. */
  computeLoss({ y, sampleWeight }: Batch, yPred: readonly Tensor[]): Tensor {
    const loss = this.#training.loss.call(y, yPred, sampleWeight)
    const parts = [...(loss ? [loss] : []), ...this.losses]
    if (parts.length === 0)
      throw new ValueError(
        `model '${this.name}': there is no loss to make small: give one to compile, such as { loss: 'mse' }, let a layer addLoss, or override trainStep`,
      )
    return parts.reduce((sum, part) => sum.add(part))
  }

  /**
   * One step of training on one batch: loss, gradients, update, metrics. Override it for a step of your own, which changes the weights by
   * `this.optimizer.apply(grads, this.trainableWeights)` and tells the figures with {@link track}.
   */
  trainStep(batch: Batch): void {
    const { optimizer } = this.#training
    const weights = this.trainableWeights
    let [yPred, loss]: [Tensor[], Tensor | undefined] = [[], undefined]
    const { grads } = valueAndGrad(() => {
      yPred = this.outputsOf(batch.x, true)
      loss = this.computeLoss(batch, yPred)
      return optimizer.scaleLoss(loss)
    }, weights)
    if (weights.length > 0) optimizer.apply(grads, weights)
    this.track(batch, yPred, loss!)
  }

  /** One step of evaluation on one batch: loss and metrics. */
  testStep(batch: Batch): void {
    const yPred = this.outputsOf(batch.x, false)
    this.track(batch, yPred, this.computeLoss(batch, yPred))
  }

  /** The predictions for one batch. */
  predictStep(x: readonly Tensor[]): Tensor[] {
    return this.outputsOf(x, false)
  }

  /** Takes a batch into the running loss and metrics, which the logs show. */
  protected track(batch: Batch, yPred: readonly Tensor[], loss: Tensor): void {
    this.#training.track(batch, yPred, loss)
  }

  /**
   * Trains for a number of epochs on arrays, or on a source of batches `[x, y]` or `[x, y, sampleWeight]`: an iterable, an async
   * iterable, a generator, or a function that returns one for every epoch. The history has the figures of each epoch.
   */
  async fit(x: Data, y: Data | null | undefined, options?: FitOptions): Promise<History>
  async fit(batches: BatchSource, options?: FitOptions): Promise<History>
  async fit(x: Data | BatchSource, ...rest: unknown[]): Promise<History> {
    void this.#training
    const { y, options } = targetsIn(x, rest)
    return fit(this, x, y, options)
  }

  /** Loss and metrics on arrays, or on a source of batches, by name. */
  async evaluate(x: Data, y: Data | null | undefined, options?: EvaluateOptions): Promise<Logs>
  async evaluate(batches: BatchSource, options?: EvaluateOptions): Promise<Logs>
  async evaluate(x: Data | BatchSource, ...rest: unknown[]): Promise<Logs> {
    void this.#training
    const { y, options } = targetsIn(x, rest)
    return evaluate(this, x, y, options)
  }

  /**
   * The outputs for data, batch by batch: a tensor, or a list or record of them for a model with such outputs
   * (`await model.predict<{ age: Tensor; kind: Tensor }>(x)`).
   */
  async predict<T = OneOrSeveral>(x: Data | BatchSource, options: PredictOptions = {}): Promise<T> {
    return this.standing(await predict(this, x, options)) as T
  }

  /** One step of training, on the host; the figures go on from earlier steps until {@link resetMetrics}. */
  trainOnBatch(x: Data, y?: Data | null, options?: { sampleWeight?: Data }): Logs {
    const { sampleWeight } = optionsOf('trainOnBatch', options, { sampleWeight: undefined })
    this.#stepsOn('trainOnBatch', (batch) => this.steps.train(batch), x, y, sampleWeight)
    return this.logs()
  }

  /** One step of evaluation, on the host. */
  testOnBatch(x: Data, y?: Data | null, options?: { sampleWeight?: Data }): Logs {
    const { sampleWeight } = optionsOf('testOnBatch', options, { sampleWeight: undefined })
    this.#stepsOn('testOnBatch', (batch) => this.steps.test(batch), x, y, sampleWeight)
    return this.logs()
  }

  /** The outputs for one batch, on the host, at once: {@link predict} without a promise, callbacks and batches. */
  predictOnBatch(x: Data): OneOrSeveral {
    let outputs: Tensor[] = []
    this.#stepsOn('predictOnBatch', (batch) => (outputs = this.steps.predict(batch.x) as Tensor[]), x)
    return this.standing(outputs)
  }

  #stepsOn(what: string, step: (batch: Batch) => void, x: Data, y?: Data | null, sampleWeight?: Data): void {
    this.#assertReadable(what)
    const batch = toArrays(this, x, y, sampleWeight)
    samplesOf(batch)
    this.buildOn(batch.x)
    this.steps.look()
    step(batch)
  }

  /**
   * Writes architecture, weights, and (if compiled) how the model is trained with the state of its optimizer. The name's ending says
   * the format: `.keras`, or `.safetensors`. The file is replaced as a whole or not at all. `loadModel` reads it.
   */
  async save(target: SaveTarget, options?: SaveOptions): Promise<void> {
    await storage('save').save(this, target, optionsOf('save', options, { includeOptimizer: true }))
  }

  /** Writes the weights alone, as `.weights.h5` or `.safetensors`. */
  saveWeights(target: SaveTarget): Promise<void> {
    return storage('saveWeights').saveWeights(this, target)
  }

  /** Reads the weights of a file in any of the formats; all of them must fit by place and shape, or none is changed. */
  async loadWeights(source: LoadSource, options?: LoadWeightsOptions): Promise<void> {
    await storage('loadWeights').loadWeights(this, source, optionsOf('loadWeights', options, { onProgress: undefined }))
  }

  /**
   * Writes all that a training run needs to go on bit by bit as one `.safetensors` file: weights, optimizer, random generators,
   * states of layers and callbacks, and the progress that the caller gives.
   */
  saveCheckpoint(target: SaveTarget, checkpoint: Checkpoint): Promise<void> {
    return storage('saveCheckpoint').saveCheckpoint(this, target, checkpoint)
  }

  /** Puts back what {@link saveCheckpoint} wrote and returns the progress; `undefined` where there is no such file. */
  loadCheckpoint(source: SaveTarget, { callbacks = [] }: { callbacks?: readonly Callback[] } = {}): Promise<State | undefined> {
    return storage('loadCheckpoint').loadCheckpoint(this, source, callbacks)
  }

  /** The model as a drawing, SVG text: a box for every call of a layer, and lines for the tensors between them. */
  plot(options?: ModelPlotOptions): string {
    return graphSvg(`model ${this.name}`, this.calls(), optionsOf('plot', options, plotDefaults))
  }

  /** Keras' table of layers, shapes and parameter counts; printed, and returned as text. */
  summary(given?: SummaryOptions): string {
    const options = optionsOf('summary', given, summaryDefaults)
    const { print, expandNested } = options
    const count = (weights: readonly Tensor[]): number => weights.reduce((sum, weight) => sum + weight.size, 0)
    const optimizer = this.#compiled?.optimizer
    const text = [
      summaryTable(`Model: "${this.name}"`, expandNested ? this.expandedRows() : this.summaryRows(), options),
      parameterCounts({
        trainable: count(this.trainableWeights),
        nonTrainable: count(this.nonTrainableWeights),
        // Keras counts the step and the learning rate, too, if it is a number.
        optimizer: optimizer?.steps ? count(optimizer.variables) + (typeof optimizer.learningRate === 'number' ? 2 : 1) : 0,
      }),
      '',
    ].join('\n')
    print(text)
    return text
  }
}

/** A layer and all that are in it. */
const nested = (layer: AnyLayer): AnyLayer[] => [layer, ...layer.sublayers.flatMap(nested)]

/** `(x, y, options)`, or `(batches, options)`. */
function targetsIn(x: unknown, rest: readonly unknown[]): { y: Data | null | undefined; options: object } {
  const [y, options = {}] = isSource(x) && rest.length < 2 ? [undefined, rest[0]] : rest
  return { y: y as Data | null | undefined, options: options as object }
}

/** The first row of each array; zeros in place of what lies on a device. */
const rowsOf = (x: readonly Tensor[]): Tensor[] =>
  x.map((array) =>
    array.buffer.device === 'host' ? array.slice([0, 1]) : zeros([1, ...array.shape.slice(1)], { dtype: array.dtype }),
  )
