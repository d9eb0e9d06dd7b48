import {
  Layer,
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
  type Symbolic,
  type SymbolicShape,
} from '@typegrad/layers'
import { inForm, isNamed, Operation, StringTensor } from '@typegrad/layers/internals'
import { describe, Tensor, TypegradError, ValueError } from '@typegrad/tensor'
import { readGraph } from './config/read-graph.ts'
import { graphConfig, inputName } from './config/write-graph.ts'
import { layersOf, runGraph, textCalls, topological } from './graph.ts'
import { toList, withRankOf, type Data } from './inputs.ts'
import { callsOf, type Call } from './plot/svg.ts'
import { graphRows, type SummaryRow } from './summary.ts'
import type { Entrance } from './texts.ts'

export interface ModelOptions extends LayerOptions {
  /** The symbolic inputs of a functional model: one, a list, or by the names under which data is given. */
  readonly inputs?: SymbolicTensor | readonly SymbolicTensor[] | Readonly<Record<string, SymbolicTensor>>
  /** What a functional model computes from them: one, a list, or by the names under which results, targets and losses go. */
  readonly outputs?: SymbolicTensor | readonly SymbolicTensor[] | Readonly<Record<string, SymbolicTensor>>
}

/** The one input of a subclass, until it is given some by name. */
const unnamed: readonly string[] = ['x']

/** The one output of a subclass, until its losses or results have names. */
export const anonymous: readonly string[] = ['y']

type Ends = ModelOptions['inputs']

/** The ends of a model, however they are given. */
const listOf = (ends: Ends): readonly SymbolicTensor[] => {
  if (ends === undefined) return []
  if (isNamed(ends)) return Object.values(ends)
  return (Array.isArray(ends) ? ends : [ends]) as readonly SymbolicTensor[]
}

/** Whether ends are a list, or their names. */
const formOf = (ends: Ends): boolean | readonly string[] => (isNamed(ends) ? Object.keys(ends) : Array.isArray(ends))

/** What comes out of a layer that calls within `call` have built; calls that take more than inputs cannot be tried. */
function outputShapeOf(layer: AnyLayer): SummaryRow['outputShape'] {
  try {
    const shape = layer.built ? layer.computeOutputShape(layer.builtShape) : undefined
    return Array.isArray(shape) ? shape : undefined
  } catch {
    return undefined
  }
}

/** What a model computes: a graph of layers between inputs and outputs, or the `call` of a subclass. */
export class Network extends Layer<ModelOptions, OneOrSeveral> {
  static override readonly takesStrings = true
  readonly #nodes: readonly Node[] | undefined
  readonly #inputs: readonly SymbolicTensor[]
  readonly #outputs: readonly SymbolicTensor[]
  /** The names of the inputs of a subclass. */
  #keys: readonly string[] = unnamed
  /** The outputs of a subclass, by the losses that it was compiled with. */
  protected outputKeys: readonly string[] = anonymous
  /** Whether the `call` of a subclass gives a record. */
  #named = false

  constructor(options: ModelOptions = {}) {
    super(options)
    this.supportsMasking = true
    const { inputs, outputs } = options
    this.#inputs = listOf(inputs)
    this.#outputs = listOf(outputs)
    for (const end of [...this.#inputs, ...this.#outputs])
      if (!(end instanceof SymbolicTensor))
        throw new ValueError(
          `Model: inputs and outputs are what Input({ shape }) and layer.apply(…) give, one, a list or a record of names, got ${describe(end)}`,
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
    return this.#nodes ? layersOf(this.#nodes).filter((layer) => !(layer instanceof Operation)) : super.sublayers
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
    return formOf(this.options.inputs) !== false
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
    return inForm(this.options.inputs, this.inputs)
  }

  override get output(): Symbolic<Tensor> {
    return inForm(this.options.outputs, this.outputs)
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
    const { outputs } = this.options
    if (isNamed(outputs)) return Object.keys(outputs)
    return this.#outputs.length > 0 ? this.#outputs.map((output) => output.node!.layer.name) : [...this.outputKeys]
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
    return inForm(this.options.outputs, values)
  }

  override computeOutputShape(inputShape: SymbolicShape): SymbolicShape | SymbolicShape[] {
    if (!this.#nodes) return super.computeOutputShape(inputShape)
    const shapes = this.#outputs.map((output) => output.shape)
    return inForm(this.options.outputs, shapes)
  }

  /** The results have the masks that the layers within gave them. */
  override computeMask(_inputs: any, _mask: Mask | undefined): Mask | undefined {
    return undefined
  }

  /** Whether there is something to run: a subclass may have its own steps in place of a call. */
  protected get computes(): boolean {
    return this.#nodes !== undefined || this.call !== Network.prototype.call
  }

  /** Inputs as `call` takes them. */
  protected passed(x: readonly Tensor[]): Tensor | readonly Tensor[] | Readonly<Record<string, Tensor>> {
    if (this.#keys !== unnamed) return Object.fromEntries(this.#keys.map((name, i) => [name, x[i]]))
    return (this.#nodes ? this.#severalInputs : x.length !== 1) ? x : x[0]
  }

  /** What `call` gave, as a list. */
  protected listed(result: Tensor | readonly Tensor[] | Readonly<Record<string, Tensor>>): Tensor[] {
    if (!isNamed(result)) return (Array.isArray(result) ? result : [result]) as Tensor[]
    const names = Object.keys(result)
    if (!this.#nodes) {
      if (this.outputKeys === anonymous) this.outputKeys = names
      this.#named = true
    }
    const { outputNames } = this
    const missing = outputNames.filter((name) => !Object.hasOwn(result, name))
    if (missing.length > 0)
      throw new ValueError(
        `model '${this.name}': its call gives ${names.join(', ')}, and it is compiled for ${missing.join(', ')}, too`,
      )
    return outputNames.map((name) => result[name])
  }

  /** Outputs as the caller knows them: a list where the model was given one, a record where they have names. */
  protected standing(outputs: Tensor[]): OneOrSeveral {
    const { outputs: given } = this.options
    if (this.#named || isNamed(given)) return Object.fromEntries(this.outputNames.map((name, i) => [name, outputs[i]])) as any
    return (Array.isArray(given) || outputs.length > 1 ? outputs : outputs[0]) as OneOrSeveral
  }

  /** A model at the head of another one says for which samples that is. */
  override get sampleShape(): SymbolicShape | undefined {
    const shape = this.builtShape
    return shape === undefined || Array.isArray(shape[0]) ? undefined : (shape as SymbolicShape).slice(1)
  }

  /** Keras' config of a functional model: its layers and how they are connected. */
  override getConfig(): LayerConfig {
    if (!this.#nodes) return super.getConfig()
    const { inputs, outputs } = this.options
    const lists = { inputs: formOf(inputs), outputs: formOf(outputs) }
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

  /** @internal The rows of the summary. */
  summaryRows(): SummaryRow[] {
    return this.#nodes ? graphRows(this.#nodes) : this.layers.map((layer) => ({ layer, outputShape: outputShapeOf(layer) }))
  }

  protected expandedRows(level = 0): SummaryRow[] {
    return this.summaryRows().flatMap((row): SummaryRow[] => {
      const { layer, outputShape } = row
      const own = level === 0 ? row : { layer, outputShape, level }
      return layer instanceof Network ? [own, ...layer.expandedRows(level + 1)] : [own]
    })
  }

  /** @internal The calls of layers that a drawing shows. */
  calls(): Call[] {
    if (this.#nodes) return callsOf(this.#nodes)
    return this.layers.map((layer) => ({ layer, outputs: [], inputs: [] }))
  }
}
