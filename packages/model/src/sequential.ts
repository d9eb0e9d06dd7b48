import {
  deserializeLayer,
  InputLayer,
  Layer,
  serializeLayer,
  SymbolicTensor,
  withMask,
  type AnyLayer,
  type CallContext,
  type CallOptions,
  type CustomLayers,
  type Inputs,
  type LayerConfig,
  type LayerOptions,
  type NamedInputs,
  type OneOrSeveral,
  type SerializedLayer,
  type Strings,
  type Symbolic,
  type SymbolicShape,
} from '@typegrad/layers'
import { registerBuiltin, StringLayer, StringTensor } from '@typegrad/layers/internals'
import { describe, formatShape, TypegradError, Tensor, unheard, ValueError, type TensorLike } from '@typegrad/tensor'
import { inputFromConfig } from './config/read-graph.ts'
import type { PredictOptions } from './evaluate.ts'
import type { BatchSource } from './feed.ts'
import { withRankOf, type Data } from './inputs.ts'
import { Model } from './model.ts'
import type { Call } from './plot/svg.ts'
import type { SummaryRow } from './summary.ts'
import type { Entrance } from './texts.ts'

/** Layers one after the other: `new Sequential([new Dense({ units: 8, inputShape: [4] }), …])`, or `add` by `add`. */
export class Sequential extends Model {
  readonly #layers: AnyLayer[] = []
  #input: InputLayer | undefined
  /** What goes into each layer and comes out of the last one, once they are connected to the input. */
  #path: SymbolicTensor[] = []
  /** Whether the input is what the first data were taken for. */
  #guessed = false
  /** Whether no Input says the lengths: those of the first data, as long as there are no others. */
  #lengthsOfData = false

  static {
    registerBuiltin('Sequential', this, 'keras')
  }

  /** An `Input({ shape })` at the head, or `inputShape` of the first layer, builds the layers at once; else the first data does. */
  constructor(layers: readonly (AnyLayer | SymbolicTensor)[] = [], options: LayerOptions = {}) {
    super(options)
    if (!Array.isArray(layers)) throw new ValueError('Sequential: takes a list of layers, new Sequential([new Dense({ … }), …])')
    for (const layer of layers as readonly (AnyLayer | SymbolicTensor)[]) this.add(layer)
  }

  /** Appends a layer. */
  add(layer: AnyLayer | SymbolicTensor): this {
    if (layer instanceof SymbolicTensor) {
      if (this.#layers.length > 0 || this.#input) throw new ValueError('Sequential: an Input can only come first')
      this.#input = layer.node!.layer as InputLayer
      return this
    }
    if (!(layer instanceof Layer))
      throw new ValueError(`Sequential: expected a layer, such as new Dense({ units: 8 }), got ${describe(layer)}`)
    if (this.#layers.some((other) => other.name === layer.name)) {
      throw new ValueError(`Sequential: two layers are named '${layer.name}'; give one another name`, { name: layer.name })
    }
    const given = layer.sampleShape
    if (given && this.#layers.length === 0) {
      const dtype = (layer instanceof Model ? layer.entrances[0]?.input.dtype : undefined) ?? layer.dtype
      this.#input ??= new InputLayer({ shape: given, dtype })
    }
    this.#layers.push(layer)
    if (this.#path.length > 0) this.#connect()
    else if (this.#inputShape) {
      delete this.builtShape
      this.buildFor(this.#inputShape)
    }
    return this
  }

  /** Takes the last layer away and returns it. */
  pop(): AnyLayer {
    const layer = this.#layers.pop()
    if (!layer) throw new ValueError('Sequential: there is no layer to pop')
    if (this.#path.length > 1) this.#path.pop()
    return layer
  }

  /** Calls the layers that were not yet called on what comes out of those before them; builds them. */
  #connect(): void {
    if (!this.#input) return
    if (this.#path.length === 0) this.#path.push(this.#input.output)
    for (const layer of this.#layers.slice(this.#path.length - 1))
      this.#path.push(layer.apply(this.#path.at(-1)!) as SymbolicTensor)
  }

  #graph(what: string): SymbolicTensor[] {
    this.#connect()
    if (this.#path.length > 0) return this.#path
    throw new TypegradError(
      `${what}: model '${this.name}' is not built: begin it with Input({ shape }), give its first layer an inputShape, or show it data`,
    )
  }

  override get inputs(): SymbolicTensor[] {
    return this.#graph('inputs').slice(0, 1)
  }

  override get outputs(): SymbolicTensor[] {
    return this.#graph('outputs').slice(-1).flat()
  }

  get #inputShape(): SymbolicShape | undefined {
    return this.#input?.output.shape
  }

  override get sublayers(): AnyLayer[] {
    return [...this.#layers]
  }

  /** @internal The one input has its name. */
  override meet(): void {}

  override get outputNames(): string[] {
    return [this.#layers.at(-1)?.name ?? 'y']
  }

  override build(inputShape: SymbolicShape): void {
    const [batchSize, ...sample] = inputShape
    this.#guessed = this.#input === undefined
    this.#lengthsOfData = this.#guessed
    this.#input ??= new InputLayer({ shape: sample, batchSize, dtype: this.#layers[0]?.dtype })
    if (!this.#guessed) return this.#connect()
    // Data without an Input may be strings, as the call will see.
    let shape = inputShape
    for (const layer of this.#layers) {
      layer.buildFor(shape)
      shape = layer.computeOutputShape(shape) as SymbolicShape
    }
  }

  override get entrances(): readonly Entrance[] {
    if (!this.#input) return []
    const { output: input } = this.#input
    const [first] = this.#layers
    return [{ input, encoder: input.dtype === 'string' && first instanceof StringLayer ? first : undefined }]
  }

  override call(given: Tensor, { training, mask }: CallContext): Tensor {
    const strings = given instanceof StringTensor
    if (strings && this.#guessed) {
      const [batchSize, ...shape] = this.#input!.output.shape
      this.#input = new InputLayer({ shape, batchSize, dtype: 'string', name: this.#input!.name })
    }
    if (this.#guessed) unheard(() => this.#connect())
    this.#guessed = false
    const encoder = strings ? undefined : this.entrances[0]?.encoder
    if (encoder) return this.#through(this.#layers.slice(1), given, training)
    const expected = this.#inputShape
    const x = !expected ? given : strings ? given.withRank(expected.length) : withRankOf(given, expected)
    const through = (): Tensor => this.#through(this.#layers, withMask(x, mask as Tensor | undefined), training)
    if (!expected || (x.rank === expected.length && expected.every((n, i) => n === null || i === 0 || n === x.shape[i])))
      return through()
    const refuse = (cause?: unknown): never => {
      const message = `model '${this.name}' takes batches of shape ${formatShape(expected)}, got ${formatShape(x.shape)}`
      const error = new ValueError(message, { expected, given: x.shape })
      error.cause = cause
      throw error
    }
    if (!this.#lengthsOfData || x.rank !== expected.length) return refuse()
    try {
      const y = through()
      this.#leaveOpen(expected.slice(1).map((n, i) => (n === x.shape[i + 1] ? n : null)))
      return y
    } catch (error) {
      if (error instanceof TypegradError) return refuse(error)
      throw error
    }
  }

  /** The input has these lengths from now on, of which some turned out to differ from one batch to another. */
  #leaveOpen(shape: SymbolicShape): void {
    const { output, name, dtype } = this.#input!
    this.#input = new InputLayer({ shape, batchSize: output.shape[0], dtype: output.dtype === 'string' ? 'string' : dtype, name })
    this.#path = []
    unheard(() => this.#connect())
  }

  #through(layers: readonly AnyLayer[], x: Tensor, training: boolean | undefined): Tensor {
    return layers.reduce((value: Tensor, layer) => layer.apply(value, { training }) as Tensor, x)
  }

  override computeOutputShape(inputShape: SymbolicShape): SymbolicShape {
    return this.#layers.reduce((shape: SymbolicShape, layer) => layer.computeOutputShape(shape) as SymbolicShape, inputShape)
  }

  // One tensor comes out. What any model gives stands below, so that a Sequential is a Model.
  override apply(inputs: TensorLike | NamedInputs | Strings, context?: CallOptions): Tensor
  override apply(inputs: Inputs<TensorLike> | NamedInputs | Strings, context?: CallOptions): OneOrSeveral
  override apply(inputs: Inputs<SymbolicTensor>, context?: CallOptions): Symbolic<Tensor>
  override apply(inputs: any, context?: CallOptions): any {
    const list = Array.isArray(inputs) && (inputs[0] instanceof Tensor || inputs[0] instanceof SymbolicTensor)
    if (list && inputs.length > 1)
      throw new ValueError(`model '${this.name}' takes one input, got a list of ${inputs.length}`, { given: inputs.length })
    return super.apply((list ? inputs[0] : inputs) as Tensor, context)
  }

  override predict(x: Data | BatchSource, options?: PredictOptions): Promise<Tensor>
  override predict(x: Data | BatchSource, options?: PredictOptions): Promise<OneOrSeveral>
  override predict(x: Data | BatchSource, options?: PredictOptions): Promise<OneOrSeveral> {
    return super.predict(x, options)
  }

  override predictOnBatch(x: Data): Tensor
  override predictOnBatch(x: Data): OneOrSeveral
  override predictOnBatch(x: Data): OneOrSeveral {
    return super.predictOnBatch(x)
  }

  override getConfig(): LayerConfig {
    const layers = this.#input ? [this.#input, ...this.#layers] : this.#layers
    return {
      ...super.getConfig(),
      layers: layers.map((layer) => serializeLayer(layer)),
      ...(this.#inputShape && { build_input_shape: this.#inputShape }),
    }
  }

  static override fromConfig<T>(this: new (...args: any[]) => T, config: LayerConfig, custom: CustomLayers = {}): T {
    const { layers, name, trainable } = config as { layers: SerializedLayer[]; name?: string; trainable?: boolean }
    const shape = config['build_input_shape'] as SymbolicShape | undefined
    const parts = layers.map((layer): AnyLayer | SymbolicTensor =>
      layer.class_name === 'InputLayer' ? inputFromConfig(layer.config) : deserializeLayer(layer, custom),
    )
    const model = new this(parts, { name, trainable })
    if (model instanceof Sequential && !model.built && shape) model.buildFor(shape)
    return model
  }

  override calls(): Call[] {
    const rows = this.summaryRows()
    const all = this.#input ? [{ layer: this.#input as AnyLayer, outputShape: this.#inputShape }, ...rows] : rows
    return all.map(({ layer, outputShape }, i) => {
      const shapes = Array.isArray(outputShape?.[0])
        ? (outputShape as SymbolicShape[])
        : [outputShape as SymbolicShape | undefined]
      return {
        layer,
        outputs: shapes.map((shape) => ({ shape, dtype: layer instanceof InputLayer ? layer.output.dtype : layer.dtype })),
        inputs: i === 0 ? [] : [i - 1],
      }
    })
  }

  override summaryRows(): SummaryRow[] {
    let shape = this.#inputShape
    return this.#layers.map((layer) => {
      shape = shape && (layer.computeOutputShape(shape) as SymbolicShape)
      return { layer, outputShape: shape }
    })
  }
}
