import { valueAndGrad } from '@typegrad/autograd'
import {
  Layer,
  serializeLayer,
  SymbolicTensor,
  withMask,
  type AnyLayer,
  type CallContext,
  type CustomLayers,
  type LayerConfig,
  type LayerOptions,
  type Mask,
  type Node,
  type OneOrSeveral,
  type SerializedLayer,
  type Symbolic,
  type SymbolicShape,
} from '@typegrad/layers'
import { isNamed, registerBuiltin, StringTensor } from '@typegrad/layers/internals'
import type { LossLike, Metric, MetricLike } from '@typegrad/losses'
import { resolveOptimizer, type Optimizer, type OptimizerLike } from '@typegrad/optim'
import {
  BackendError,
  describe,
  type ExplainOptions,
  scope,
  stack,
  Tensor,
  toModule,
  TypegradError,
  unheard,
  ValueError,
  zeros,
} from '@typegrad/tensor'
import type { Callback, History, Logs } from './callbacks/callback.ts'
import { CompiledLoss, CompiledMetrics, logsOf, type PerOutput } from './compiled.ts'
import { compileConfig, compileOptions, type CustomObjects } from './config/compile.ts'
import { readGraph } from './config/read-graph.ts'
import { graphConfig, inputName } from './config/write-graph.ts'
import { fetched, onDevice, onHost } from './device.ts'
import { evaluate, predict, type EvaluateOptions, type PredictOptions } from './evaluate.ts'
import { isSource, samplesOf, toArrays, type BatchSource } from './feed.ts'
import { fit, type FitOptions } from './fit.ts'
import { layersOf, runGraph, textCalls, topological } from './graph.ts'
import { toList, withRankOf, type Data } from './inputs.ts'
import { knownOptions } from './known-options.ts'
import { standardOutput } from './output.ts'
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
import type { Entrance } from './texts.ts'
import { callsOf, graphSvg, type Call, type ModelPlotOptions } from './plot/svg.ts'
import { graphRows, parameterCounts, summaryTable, type SummaryOptions, type SummaryRow } from './summary.ts'

export interface ModelOptions extends LayerOptions {
  /** The symbolic inputs of a functional model: one, a list, or by the names under which data is given. */
  readonly inputs?: SymbolicTensor | readonly SymbolicTensor[] | Readonly<Record<string, SymbolicTensor>>
  /** What a functional model computes from them. */
  readonly outputs?: SymbolicTensor | readonly SymbolicTensor[]
}

export interface CompileOptions {
  /** @defaultValue `'rmsprop'` */
  readonly optimizer?: OptimizerLike
  /** A loss for the output, or one for each output, by position or by name. A model whose layers add losses, or with a step of its own, needs none. */
  readonly loss?: PerOutput<LossLike> | null
  /** How much the loss of each output counts. */
  readonly lossWeights?: PerOutput<number>
  /** Figures to watch. They ignore sample weights. */
  readonly metrics?: PerOutput<MetricLike | readonly MetricLike[]> | readonly MetricLike[]
  /** Figures to watch that count sample weights. */
  readonly weightedMetrics?: PerOutput<MetricLike | readonly MetricLike[]> | readonly MetricLike[]
  /**
   * Runs steps as compiled programs where the backend has them: the step runs once, is recorded, and from then on its ops are
   * done again; what it does beside them is not. @defaultValue `true`, but for a step (`trainStep` …) of your own
   */
  readonly jit?: boolean
  /**
   * The backend that `fit`, `evaluate` and `predict` compute on: `'gpu'` (import `@typegrad/gpu` for it), `'auto'` (the gpu where there
   * is one), `'wasm'` or `'cpu'`. It is started if need be, and nothing else is computed there. @defaultValue the current backend
   */
  readonly device?: string
}

/** The one input of a subclass, until it is given some by name. */
const unnamed: readonly string[] = ['x']

/** One step's data: an array per input and output, and weights of the samples (or none). */
export interface Batch {
  readonly x: readonly Tensor[]
  readonly y: readonly Tensor[]
  readonly sampleWeight: readonly Tensor[]
}

interface Compiled {
  readonly options: CompileOptions
  readonly optimizer: Optimizer
  readonly loss: CompiledLoss
  readonly metrics: CompiledMetrics
  readonly weightedMetrics: CompiledMetrics
}

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
export class Model extends Layer<ModelOptions, OneOrSeveral> {
  static override readonly takesStrings = true
  readonly #nodes: readonly Node[] | undefined
  readonly #inputs: readonly SymbolicTensor[]
  readonly #outputs: readonly SymbolicTensor[]
  #compiled: Compiled | undefined
  #steps: Steps | undefined
  #jit: boolean | undefined
  /** How many layers there were when the model ran to build those that build themselves when they are called. */
  #shown = 0
  /** The names of the inputs of a subclass. */
  #keys: readonly string[] = unnamed
  /** The outputs of a subclass, by the losses that it was compiled with. */
  #named: string[] = ['y']
  /** Set by a callback to end `fit` after the step. */
  stopTraining = false

  static {
    registerBuiltin('Functional', this, 'keras.src.models.functional', 'Functional')
  }

  constructor(options: ModelOptions = {}) {
    super(options)
    this.supportsMasking = true
    const { inputs, outputs } = options
    const list = (value: SymbolicTensor | readonly SymbolicTensor[] | undefined): readonly SymbolicTensor[] =>
      value === undefined ? [] : Array.isArray(value) ? value : [value as SymbolicTensor]
    this.#inputs = isNamed(inputs) ? Object.values(inputs) : list(inputs as SymbolicTensor | undefined)
    this.#outputs = list(outputs)
    for (const end of [...this.#inputs, ...this.#outputs])
      if (!(end instanceof SymbolicTensor))
        throw new ValueError(
          `Model: inputs and outputs are what Input({ shape }) and layer.apply(…) give, one or a list (inputs also by name), got ${describe(end)}`,
        )
    if (this.#inputs.length > 0 !== this.#outputs.length > 0)
      throw new ValueError('Model: inputs and outputs are given together, or neither')
    if (this.#inputs.length > 0) {
      this.#nodes = topological(this.#inputs, this.#outputs)
      const shapes = this.#inputs.map((input) => input.shape)
      this.builtShape = this.#severalInputs ? shapes : shapes[0]
    }
  }

  /** The layers, in the order in which data meets them. */
  get layers(): AnyLayer[] {
    return this.sublayers
  }

  override get sublayers(): AnyLayer[] {
    return this.#nodes ? layersOf(this.#nodes) : super.sublayers
  }

  /** The layer with this name, or at this position. */
  getLayer(key: string | number): AnyLayer {
    const found = typeof key === 'number' ? this.layers.at(key) : this.layers.find((layer) => layer.name === key)
    if (!found)
      throw new ValueError(
        `getLayer: no layer ${JSON.stringify(key)}; the layers are ${this.layers.map((layer) => layer.name).join(', ')}`,
      )
    return found
  }

  /** The names of the inputs, by which data may be given. A subclass has those of the first data that it was given by name. */
  get inputNames(): readonly string[] {
    const { inputs } = this.options
    if (isNamed(inputs)) return Object.keys(inputs)
    return this.#inputs.length > 0 ? this.#inputs.map(inputName) : this.#keys
  }

  /** Whether inputs are a list to the caller, or a record. */
  get #severalInputs(): boolean {
    const { inputs } = this.options
    return Array.isArray(inputs) || isNamed(inputs)
  }

  /** The symbolic inputs, as a list. */
  get inputs(): SymbolicTensor[] {
    return this.#ends('inputs', this.#inputs)
  }

  /** The symbolic outputs, as a list. */
  get outputs(): SymbolicTensor[] {
    return this.#ends('outputs', this.#outputs)
  }

  #ends(what: string, ends: readonly SymbolicTensor[]): SymbolicTensor[] {
    if (this.#nodes) return [...ends]
    throw new TypegradError(`${what}: model '${this.name}' computes by its own call(), there is no graph of it`)
  }

  override get input(): Symbolic<Tensor> {
    return (this.#severalInputs ? this.inputs : this.inputs[0]) as Symbolic<Tensor>
  }

  override get output(): Symbolic<Tensor> {
    return (Array.isArray(this.options.outputs) ? this.outputs : this.outputs[0]) as Symbolic<Tensor>
  }

  /** @internal Learns the names of the inputs from data, for a `call` that takes them by name. */
  meet(x: Data): void {
    if (this.inputNames === unnamed && isNamed(x)) this.#keys = Object.keys(x)
  }

  /** @internal Where data enters the model; nothing of a subclass is known. */
  get entrances(): readonly Entrance[] {
    const calls = textCalls(this.#nodes ?? [], this.#inputs)
    return this.#inputs.map((input, i) => ({ input, encoder: calls[i]?.layer }))
  }

  /** Strings become numbers before a step. */
  override get traceable(): boolean {
    const { entrances } = this
    return (
      (this.constructor as typeof Layer).traceable &&
      entrances.every(({ input, encoder }) => input.dtype !== 'string' || encoder) &&
      this.sublayers.every((layer) => layer.traceable || entrances.some(({ encoder }) => encoder === layer))
    )
  }

  /** The names of the outputs, by which targets, losses and metrics may be given. */
  get outputNames(): string[] {
    return this.#outputs.length > 0 ? this.#outputs.map((output) => output.node!.layer.name) : this.#named
  }

  call(inputs: Tensor | readonly Tensor[] | Readonly<Record<string, Tensor>>, context: CallContext): any {
    if (!this.#nodes)
      throw new TypegradError(
        `${this.constructor.name}: a subclass of Model defines call(), a functional model is given inputs and outputs`,
      )
    const masks = context.mask instanceof Tensor ? [context.mask] : (context.mask ?? [])
    const given = toList(inputs, this.inputNames, 'x')
    const masked = given.map((x, i) =>
      x instanceof StringTensor
        ? x.withRank(this.#inputs[i].shape.length)
        : withMask(withRankOf(x, this.#inputs[i].shape), masks[i]),
    )
    const values = runGraph(this.#nodes, this.#inputs, this.#outputs, masked, context)
    return Array.isArray(this.options.outputs) ? values : values[0]
  }

  override computeOutputShape(inputShape: SymbolicShape): SymbolicShape | SymbolicShape[] {
    if (!this.#nodes) return super.computeOutputShape(inputShape)
    const shapes = this.#outputs.map((output) => output.shape)
    return Array.isArray(this.options.outputs) ? shapes : shapes[0]
  }

  /** The results have the masks that the layers within gave them. */
  override computeMask(_inputs: any, _mask: Mask | undefined): Mask | undefined {
    return undefined
  }

  /** Says how the model is trained. */
  compile(options: CompileOptions): this {
    knownOptions('compile', options)
    const { optimizer = 'rmsprop', loss, lossWeights, metrics, weightedMetrics } = options
    this.#named = namesByLoss(loss)
    this.#jit = options.jit
    this.#steps = undefined
    const names = this.outputNames
    const unweighted = new CompiledMetrics(metrics, names)
    this.#compiled = {
      options,
      optimizer: resolveOptimizer(optimizer),
      loss: new CompiledLoss(loss, lossWeights, names),
      metrics: unweighted,
      weightedMetrics: new CompiledMetrics(weightedMetrics, names, unweighted),
    }
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
  toModule({ batchSize = 1 }: { batchSize?: number } = {}): string {
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
      (kind) => this.#jit ?? this[kind] === Model.prototype[kind],
      this.#compiled?.options.device,
    ))
  }

  get #training(): Compiled {
    if (!this.#compiled) throw new TypegradError(`model '${this.name}' is not compiled: call compile({ optimizer, loss }) first`)
    return this.#compiled
  }

  /** A model at the head of another one says for which samples that is. */
  override get sampleShape(): SymbolicShape | undefined {
    const shape = this.builtShape
    return shape === undefined || Array.isArray(shape[0]) ? undefined : (shape as SymbolicShape).slice(1)
  }

  /** Keras' config of a functional model: its layers and how they are connected. */
  override getConfig(): LayerConfig {
    if (!this.#nodes) return super.getConfig()
    const inputs = isNamed(this.options.inputs) ? this.inputNames : Array.isArray(this.options.inputs)
    const lists = { inputs, outputs: Array.isArray(this.options.outputs) }
    const graph = graphConfig({ nodes: this.#nodes, inputs: this.#inputs, outputs: this.#outputs, lists })
    return { name: this.name, trainable: this.trainable, ...graph }
  }

  static override fromConfig<T>(this: new (options: any) => T, config: LayerConfig, custom: CustomLayers = {}): T {
    if ('input_layers' in config) return new this(readGraph(config, custom))
    return Layer.fromConfig.call(this, config, custom) as T
  }

  /** @internal */
  override getBuildConfig(): LayerConfig | undefined {
    return this.#nodes ? { input_shape: null } : super.getBuildConfig()
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

  /** The optimizer given to {@link compile}. */
  get optimizer(): Optimizer {
    return this.#training.optimizer
  }

  /** The loss and the metrics that are accumulated, in the order of the logs. */
  get metrics(): Metric[] {
    if (!this.#compiled) return []
    const { loss, metrics, weightedMetrics } = this.#compiled
    return [...loss.metrics, ...metrics.metrics, ...weightedMetrics.metrics]
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
    const result = this.apply(this.#passed(x), { training })
    return Array.isArray(result) ? result : [result]
  }

  /** Inputs as `call` takes them. */
  #passed(x: readonly Tensor[]): Tensor | readonly Tensor[] | Readonly<Record<string, Tensor>> {
    if (this.#keys !== unnamed) return Object.fromEntries(this.#keys.map((name, i) => [name, x[i]]))
    return (this.#nodes ? this.#severalInputs : x.length !== 1) ? x : x[0]
  }

  /** Makes all weights, by running the model once on some samples if need be. */
  buildOn(x: readonly Tensor[]): void {
    const layers = nested(this)
    if (layers.length === this.#shown || layers.every((layer) => layer.built)) return
    this.#shown = layers.length
    // A subclass may have its own steps in place of a call.
    if (!this.#nodes && this.call === Model.prototype.call) return
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
  protected track({ x, y, sampleWeight }: Batch, yPred: readonly Tensor[], loss: Tensor): void {
    const { loss: compiledLoss, metrics, weightedMetrics } = this.#training
    compiledLoss.track(loss, x[0].shape[0])
    metrics.update(y, yPred, sampleWeight)
    weightedMetrics.update(y, yPred, sampleWeight)
  }

  /**
   * Trains for a number of epochs on arrays, or on a source of batches `[x, y]` or `[x, y, sampleWeight]`: an iterable, an async
   * iterable, a generator, or a function that returns one for every epoch. The history has the figures of each epoch.
   */
  async fit(x: Data, y: Data | null, options?: FitOptions): Promise<History>
  async fit(batches: BatchSource, options?: FitOptions): Promise<History>
  async fit(x: Data | BatchSource, ...rest: unknown[]): Promise<History> {
    void this.#training
    const { y, options } = targetsIn(x, rest)
    return fit(this, x, y, options)
  }

  /** Loss and metrics on arrays, or on a source of batches, by name. */
  async evaluate(x: Data, y: Data | null, options?: EvaluateOptions): Promise<Logs>
  async evaluate(batches: BatchSource, options?: EvaluateOptions): Promise<Logs>
  async evaluate(x: Data | BatchSource, ...rest: unknown[]): Promise<Logs> {
    void this.#training
    const { y, options } = targetsIn(x, rest)
    return evaluate(this, x, y, options)
  }

  /** The outputs for data, batch by batch: a tensor, or a list of them for a model with a list of outputs. */
  async predict(x: Data | BatchSource, options: PredictOptions = {}): Promise<OneOrSeveral> {
    return this.#standing(await predict(this, x, options))
  }

  /** One step of training, on the host; the figures go on from earlier steps until {@link resetMetrics}. */
  trainOnBatch(x: Data, y: Data | null, { sampleWeight }: { sampleWeight?: Data } = {}): Logs {
    this.#stepsOn('trainOnBatch', (batch) => this.steps.train(batch), x, y, sampleWeight)
    return this.logs()
  }

  /** One step of evaluation, on the host. */
  testOnBatch(x: Data, y: Data | null, { sampleWeight }: { sampleWeight?: Data } = {}): Logs {
    this.#stepsOn('testOnBatch', (batch) => this.steps.test(batch), x, y, sampleWeight)
    return this.logs()
  }

  /** The outputs for one batch, on the host, at once: {@link predict} without a promise, callbacks and batches. */
  predictOnBatch(x: Data): OneOrSeveral {
    let outputs: Tensor[] = []
    this.#stepsOn('predictOnBatch', (batch) => (outputs = this.steps.predict(batch.x) as Tensor[]), x)
    return this.#standing(outputs)
  }

  #stepsOn(what: string, step: (batch: Batch) => void, x: Data, y?: Data | null, sampleWeight?: Data): void {
    this.#assertReadable(what)
    const batch = toArrays(this, x, y, sampleWeight)
    samplesOf(batch)
    this.buildOn(batch.x)
    this.steps.look()
    step(batch)
  }

  /** Outputs as the caller knows them: a list where the model was given one. */
  #standing(outputs: Tensor[]): OneOrSeveral {
    return (Array.isArray(this.options.outputs) || outputs.length > 1 ? outputs : outputs[0]) as OneOrSeveral
  }

  /**
   * Writes architecture, weights, and (if compiled) how the model is trained with the state of its optimizer. The name's ending says
   * the format: `.keras`, or `.safetensors`. The file is replaced as a whole or not at all. `loadModel` reads it.
   */
  save(target: SaveTarget, options: SaveOptions = {}): Promise<void> {
    return storage('save').save(this, target, options)
  }

  /** Writes the weights alone, as `.weights.h5` or `.safetensors`. */
  saveWeights(target: SaveTarget): Promise<void> {
    return storage('saveWeights').saveWeights(this, target)
  }

  /** Reads the weights of a file in any of the formats; all of them must fit by place and shape, or none is changed. */
  loadWeights(source: LoadSource, options: LoadWeightsOptions = {}): Promise<void> {
    return storage('loadWeights').loadWeights(this, source, options)
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

  /** @internal The rows of the summary. */
  summaryRows(): SummaryRow[] {
    return this.#nodes ? graphRows(this.#nodes) : this.layers.map((layer) => ({ layer, outputShape: undefined }))
  }

  #expandedRows(level = 0): SummaryRow[] {
    return this.summaryRows().flatMap((row): SummaryRow[] => {
      const { layer, outputShape } = row
      const own = level === 0 ? row : { layer, outputShape, level }
      return layer instanceof Model ? [own, ...layer.#expandedRows(level + 1)] : [own]
    })
  }

  /** @internal The calls of layers that a drawing shows. */
  calls(): Call[] {
    if (this.#nodes) return callsOf(this.#nodes)
    return this.layers.map((layer) => ({ layer, outputs: [], inputs: [] }))
  }

  /** The model as a drawing, SVG text: a box for every call of a layer, and lines for the tensors between them. */
  plot(options: ModelPlotOptions = {}): string {
    return graphSvg(`model ${this.name}`, this.calls(), options)
  }

  /** Keras' table of layers, shapes and parameter counts; printed, and returned as text. */
  summary(options: SummaryOptions = {}): string {
    const { print = (text: string) => standardOutput().print(text), expandNested = false } = options
    const count = (weights: readonly Tensor[]): number => weights.reduce((sum, weight) => sum + weight.size, 0)
    const optimizer = this.#compiled?.optimizer
    const text = [
      summaryTable(`Model: "${this.name}"`, expandNested ? this.#expandedRows() : this.summaryRows(), options),
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

/** Outputs that nothing else names: by the keys of their losses, or numbered as in Keras. */
function namesByLoss(loss: CompileOptions['loss']): string[] {
  if (loss === undefined || loss === null) return ['y']
  if (Array.isArray(loss)) return loss.map((_, i) => `output_${i + 1}`)
  const named = typeof loss === 'object' && Object.getPrototypeOf(loss) === Object.prototype && !('class_name' in loss)
  return named ? Object.keys(loss) : ['y']
}

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
