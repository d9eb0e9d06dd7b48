import {
  describe,
  type DType,
  DTypeError,
  dtypes,
  formatShape,
  isFloat,
  random,
  sameShape,
  scope,
  type Shape,
  ShapeError,
  Tensor,
  type TensorLike,
  toTensor,
  TypegradError,
  ValueError,
  Variable,
} from '@typegrad/tensor'
import { resolveConstraint, type ConstraintLike } from './constraints.ts'
import { resolveInitializer, type InitializerLike } from './initializers.ts'
import {
  fillOptions,
  layerConfig,
  optionsFromConfig,
  type CustomLayers,
  type Full,
  type LayerClass,
  type LayerConfig,
} from './layer-config.ts'
import { maskOf, setMask, toMask, withMask, type Mask, type MaskLike } from './masks.ts'
import { layerName, uniqueName } from './names.ts'
import { isStrings, toTensorOrStrings, type Strings } from './preprocessing/strings.ts'
import { resolveRegularizer, type RegularizerLike } from './regularizers.ts'
import { inferred, linkNode, symbolicIn, SymbolicTensor, withValues, type Node, type SymbolicShape } from './symbolic.ts'

export interface LayerOptions {
  /** The layer's name in summaries and files. @defaultValue the class name in snake case, numbered */
  readonly name?: string
  /** Whether `fit` changes the weights. @defaultValue `true` */
  readonly trainable?: boolean
  /** The dtype of weights and results; inputs of the other float dtype are converted to it. @defaultValue `'float32'` */
  readonly dtype?: DType
  /** A penalty of the results, divided by the batch size, that is added to the loss. */
  readonly activityRegularizer?: RegularizerLike | null
}

/** What a call knows besides its input. */
export interface CallContext {
  /** Dropout drops, batch normalization uses the batch's statistics. */
  readonly training: boolean
  /** True where a step of the input counts; of a list of inputs, a list. Given by the caller, or by the layer that made the input. */
  readonly mask?: Mask | undefined
}

/** The context of a call as the caller gives it: all of it may be left out. */
export type CallOptions<C extends CallContext = CallContext> = { readonly [K in keyof Omit<C, 'mask'>]?: C[K] | undefined } & {
  readonly mask?: MaskLike | null | undefined
}

export interface WeightOptions {
  readonly initializer?: InitializerLike
  readonly trainable?: boolean
  readonly regularizer?: RegularizerLike | null | undefined
  readonly constraint?: ConstraintLike | null | undefined
  /** @defaultValue the layer's dtype */
  readonly dtype?: DType
}

/** One result, or several as a list: destructure it where the layer was told to return several. */
export type OneOrSeveral = Tensor & Tensor[]

/** What a layer gives for symbolic inputs: a symbolic tensor, or a list of them where `call` always gives one. */
export type Symbolic<Output> = Output extends Tensor ? SymbolicTensor : SymbolicTensor[]

/** One input, or several as a list. */
export type Inputs<T> = T | readonly T[]

/** Several inputs by name, for a layer whose `call` takes them so. */
export type NamedInputs = Readonly<Record<string, TensorLike>>

/** @internal Whether inputs, or data, are given by name. */
export const isNamed = (inputs: unknown): inputs is NamedInputs =>
  typeof inputs === 'object' && inputs !== null && Object.getPrototypeOf(inputs) === Object.prototype && !('toTensor' in inputs)

/** Whether a shape is a list of them; that of a model may be a record. */
const isSeveral = (shape: SymbolicShape | SymbolicShape[]): shape is SymbolicShape[] =>
  !Array.isArray(shape) || Array.isArray(shape[0])

/** Values as `like` is: one, a list, or a record with its names. */
export function inForm(like: unknown, values: readonly unknown[]): any {
  if (Array.isArray(like)) return values
  return isNamed(like) ? Object.fromEntries(Object.keys(like).map((name, i) => [name, values[i]])) : values[0]
}

/**
 * A function with weights. A subclass makes its weights in `build`, computes in `call`, and may say in `computeOutputShape`
 * what comes out; where it does not, `call` is run on zeros to see. A Variable, a Layer or a list of layers on a property is registered by being there; the property's
 * name is the weight's name.
 *
 * `static defaults` names the options of the class with their defaults: from it come the values in `this.options`, the error
 * for an unknown option, `getConfig` and `fromConfig`. A subclass of a class with options adds to them:
 * `{ ...Parent.defaults, units: required }`.
 */
export abstract class Layer<
  O extends object = LayerOptions,
  Output extends Tensor | Tensor[] = Tensor,
  C extends CallContext = CallContext,
> {
  /** The options of the class with their defaults, `null` for none; a class without it takes any option, unchecked. */
  static readonly defaults: Readonly<Record<string, unknown>> | undefined = undefined
  /** Fields of Keras' config that have one value here. */
  static readonly fixed: Readonly<Record<string, unknown>> = {}
  /** Options that Keras' config lacks: ours has them when they are not the default, so that nothing is lost. */
  static readonly unwritten: readonly string[] = []
  /**
   * Whether `call` does the same ops for every input of one shape, so that they can be recorded once and run again without it.
   * Set it to `false` in a layer whose `call` looks at values (`item`, `toArray`), or depends on more than its arguments, weights
   * and random numbers: models with it are not compiled.
   */
  static readonly traceable: boolean = true
  /** Whether results are integers where inputs are. */
  static readonly keepsIntegers: boolean = false
  /** Whether Keras' `call` takes several inputs as arguments of their own, not as a list. */
  static readonly separateInputs: boolean = false
  /** Whether inputs may be strings. */
  static readonly takesStrings: boolean = false
  /** Whether results have the shape of the inputs. */
  static readonly keepsShape: boolean = false

  /** The options, with the defaults for those that were not given. */
  readonly options: Full<O & LayerOptions>
  readonly name: string
  readonly dtype: DType
  /** Whether masks pass through, as {@link computeMask} says; otherwise they end here. */
  supportsMasking = false
  /** Whether inputs of another float dtype are converted to the layer's. */
  protected autocast = true
  /** Whether each sample's result depends on that sample alone, in training too. */
  readonly samplewise: boolean = false
  /** @internal The shape that the layer was built for. */
  builtShape?: SymbolicShape | readonly SymbolicShape[]
  #trainable: boolean
  #added: Tensor[] = []
  /** Its first call in a graph. */
  #call: Node | undefined
  readonly #generators: random.Generator[] = []
  /** The training mode of the call around this one; `undefined` outside of calls. */
  static #around: boolean | undefined

  constructor(options: O & LayerOptions = {} as O) {
    this.options = fillOptions(new.target as unknown as LayerClass, options)
    this.name = options.name ?? uniqueName(layerName(new.target.name))
    this.dtype = options.dtype ?? 'float32'
    if (!dtypes.includes(this.dtype))
      throw new DTypeError(
        `${new.target.name}: unknown dtype ${JSON.stringify(this.dtype)}, expected one of ${dtypes.join(', ')}`,
      )
    this.#trainable = options.trainable ?? true
  }

  /** Makes the weights for an input shape (or the shapes of a list of inputs). Called once, before the first call. */
  build(_inputShape: any): void {}

  /** The result for an input tensor (or a list of them). */
  abstract call(inputs: any, context: C): Output

  /** The shape of the result for an input shape (a list of them for several): that of `call` on zeros, unless a layer says it. */
  computeOutputShape(inputShape: any, context?: CallOptions<C>): SymbolicShape | SymbolicShape[] {
    if ((this.constructor as typeof Layer).keepsShape) return inputShape
    const list = isSeveral(inputShape as SymbolicShape)
    const shapes = (list ? inputShape : [inputShape]) as readonly SymbolicShape[]
    const { result, specs } = this.#tried(
      shapes.map((shape) => ({ shape, dtype: this.dtype })),
      list,
      context,
    )
    return inForm(
      result,
      specs.map(({ shape }) => shape),
    )
  }

  /** What `call` gives for zeros of these shapes. Weights of layers within are made by that, and those that are there stay as they are. */
  #tried(inputs: readonly { readonly shape: SymbolicShape; readonly dtype: DType }[], list: boolean, context?: CallOptions<C>) {
    const values = this.weights.map((weight) => [weight, weight.value] as const)
    const further = symbolicIn(context ?? {})
    let result: unknown
    const specs = inferred([...inputs, ...(further as (SymbolicTensor & { dtype: DType })[])], (all) => {
      const given = withValues(context ?? {}, (x) => all[inputs.length + further.indexOf(x)]) as CallOptions<C>
      result = this.#compute(all.slice(0, inputs.length), list, { ...given, training: false })
      return (result instanceof Tensor ? [result] : Object.values(result as object)) as Tensor[]
    })
    this.#forget()
    for (const [weight, value] of values) if (weight.value !== value) weight.assign(value)
    return { result, specs }
  }

  /** The dtype of the result for inputs of these dtypes: the layer's, or integers for integers where a layer keeps them. */
  computeOutputDType(inputs: readonly DType[]): DType {
    const { keepsIntegers } = this.constructor as typeof Layer
    if (!keepsIntegers || inputs.some(isFloat)) return this.dtype
    return inputs.every((dtype) => dtype === inputs[0]) ? inputs[0] : 'int32'
  }

  /** The mask of the result (or the masks of a list of results), for the input's: the same, unless a layer says otherwise. */
  computeMask(_inputs: any, mask: Mask | undefined): Mask | undefined {
    return mask
  }

  get built(): boolean {
    return this.builtShape !== undefined
  }

  #revision = 0

  /** Says that calls compute otherwise from now on, by something that no weight holds: programs that were made before are stale. */
  protected changed(): void {
    this.#revision++
  }

  /** @internal How often this layer and all in it have {@link changed}. */
  get revision(): number {
    return this.sublayers.reduce((sum, layer) => sum + layer.revision, this.#revision)
  }

  /** Whether this layer and all in it are {@link Layer.traceable | traceable}. */
  get traceable(): boolean {
    return (this.constructor as typeof Layer).traceable && this.sublayers.every((layer) => layer.traceable)
  }

  /** Whether `fit` changes the weights of this layer and all in it. */
  get trainable(): boolean {
    return this.#trainable
  }

  set trainable(value: boolean) {
    this.#trainable = value
    for (const layer of this.sublayers) layer.trainable = value
  }

  /** Builds the layer unless it is built. */
  buildFor(shape: SymbolicShape | readonly SymbolicShape[]): void {
    if (this.built) return
    this.build(shape)
    this.builtShape = shape
    for (const [key, value] of Object.entries(this)) if (value instanceof Variable) value.name = key
  }

  /** Calls the layer: on tensors it computes, on symbolic tensors it adds a node to the graph of a functional model. */
  apply(inputs: Inputs<TensorLike> | NamedInputs | Strings, context?: CallOptions<C>): Output
  apply(inputs: Inputs<SymbolicTensor>, context?: CallOptions<C>): Symbolic<Output>
  apply(
    inputs: Inputs<TensorLike> | NamedInputs | Strings | Inputs<SymbolicTensor>,
    given: CallOptions<C> = {},
  ): Output | Symbolic<Output> {
    if (isNamed(inputs)) return this.#located(() => this.#compute(Object.values(inputs), Object.keys(inputs), given))
    const list = Array.isArray(inputs) && (inputs[0] instanceof Tensor || inputs[0] instanceof SymbolicTensor)
    const all = (list ? inputs : [inputs]) as readonly (TensorLike | Strings | SymbolicTensor)[]
    if (all[0] instanceof SymbolicTensor) return this.#link(all as readonly SymbolicTensor[], list, given)
    return this.#located(() => this.#compute(all as readonly (TensorLike | Strings)[], list, given))
  }

  /** `list`: whether `call` takes a list, or the names by which it takes the inputs. */
  #compute(inputs: readonly (TensorLike | Strings)[], list: boolean | readonly string[], given: CallOptions<C>): Output {
    const originals = inputs.map(toTensorOrStrings)
    if (originals.some(isStrings)) this.#meetStrings()
    const attached = originals.map(maskOf)
    const tensors = this.autocast ? originals.map((x) => this.cast(x)) : originals
    const x = list ? tensors : tensors[0]
    if (!this.built) this.buildFor(list ? tensors.map((one) => withoutBatch(one.shape)) : withoutBatch(tensors[0].shape))
    const mask = toMask(given.mask, list !== false) ?? (list ? (attached.some(Boolean) ? attached : undefined) : attached[0])
    const before = Layer.#around
    if (before === undefined) this.#forget()
    const training = given.training ?? before ?? false
    Layer.#around = training
    try {
      const passed = typeof list === 'object' ? Object.fromEntries(list.map((name, i) => [name, tensors[i]])) : x
      // Not by spreading: contexts of several forms take V8 a microsecond so.
      const output = this.call(passed, Object.assign({}, given, { training, mask }) as unknown as C)
      if (this.options.activityRegularizer) this.#penalize(output)
      return this.#masked(x, output, mask)
    } finally {
      Layer.#around = before
    }
  }

  /** x in the layer's dtype, if both are floats. */
  protected cast(x: Tensor): Tensor {
    return x.dtype !== this.dtype && isFloat(x.dtype) && isFloat(this.dtype) ? x.cast(this.dtype) : x
  }

  /**
   * The results with their masks. One that has a mask already, from a layer within, keeps it; one that is an input itself
   * has the input's, and loses it if this layer does not support masks.
   */
  #masked(x: Tensor | readonly Tensor[], output: Output, mask: Mask | undefined): Output {
    const inputs: readonly Tensor[] = x instanceof Tensor ? [x] : x
    const outputs: readonly Tensor[] = output instanceof Tensor ? [output] : Object.values(output)
    const computed = this.supportsMasking ? this.computeMask(x, mask) : undefined
    const masks = computed === undefined ? [] : computed instanceof Tensor ? [computed] : computed
    const results = outputs.map((y, i) => {
      if (inputs.includes(y)) return masks[i] || !this.supportsMasking ? withMask(y, masks[i]) : y
      if (masks[i] && !maskOf(y)) setMask(y, masks[i])
      return y
    })
    return inForm(output, results)
  }

  #link(inputs: readonly SymbolicTensor[], list: boolean, context: CallOptions<C>): Symbolic<Output> {
    const shapes = inputs.map((x) => x.shape)
    return this.#located(() => {
      this.buildFor(list ? shapes : shapes[0])
      if (!this.#saysShape) return this.#linkTried(inputs, list, context)
      const shape = this.computeOutputShape(list ? shapes : shapes[0], context)
      const shapesOut = isSeveral(shape) ? Object.values(shape) : [shape]
      if (inputs.some((x) => x.dtype === 'string')) this.#meetStrings()
      const dtype = this.computeOutputDType(inputs.map((x) => x.dtype as DType))
      const outputs = shapesOut.map((one) => new SymbolicTensor(one, dtype))
      linkNode(this, outputs, { inputs, list, context })
      return isSeveral(shape) ? inForm(shape, outputs) : outputs[0]
    })
  }

  get #saysShape(): boolean {
    const { keepsShape } = this.constructor as typeof Layer
    return keepsShape || this.computeOutputShape !== Layer.prototype.computeOutputShape
  }

  #linkTried(inputs: readonly SymbolicTensor[], list: boolean, context: CallOptions<C>): Symbolic<Output> {
    const { result, specs } = this.#tried(inputs as readonly { shape: SymbolicShape; dtype: DType }[], list, context)
    const outputs = specs.map(({ shape, dtype }) => new SymbolicTensor(shape, dtype))
    linkNode(this, outputs, { inputs, list, context })
    return inForm(result, outputs) as Symbolic<Output>
  }

  /** @internal Takes note of a call in a graph. */
  linked(node: Node): void {
    this.#call ??= node
  }

  #firstCall(what: string): Node {
    if (this.#call) return this.#call
    throw new ValueError(
      `${what}: layer '${this.name}' was not called on an Input yet: apply it to one, or give the Sequential around it an input shape`,
    )
  }

  /** What the layer was called on in a graph of layers (the first time), symbolic; a list where it was called on one. */
  get input(): Symbolic<Tensor> {
    const { inputs, positional, list, outputs } = this.#firstCall('input')
    return (list ? inputs.slice(0, positional) : (inputs[0] ?? outputs[0])) as unknown as Symbolic<Tensor>
  }

  /**
   * What the layer made of it: `new Model({ inputs: model.inputs, outputs: model.getLayer('conv2d').output })` shows what a layer
   * within a model computes.
   */
  get output(): Symbolic<Tensor> {
    const { outputs } = this.#firstCall('output')
    return (outputs.length > 1 ? outputs : outputs[0]) as unknown as Symbolic<Tensor>
  }

  #meetStrings(): void {
    const { takesStrings, name: kind } = this.constructor as typeof Layer
    if (!takesStrings)
      throw new DTypeError(`${kind}: strings, expected numbers: TextVectorization, StringLookup and Hashing make numbers of them`)
  }

  /** Errors from within say in which layer they arose. */
  #located<T>(f: () => T): T {
    try {
      return f()
    } catch (error) {
      if (error instanceof TypegradError && !error.message.includes("in layer '")) error.message += ` (in layer '${this.name}')`
      throw error
    }
  }

  /** How the options say that the weight of this name is made: `kernelInitializer`, `kernelRegularizer` and `kernelConstraint`. */
  protected weightOptions(weight: string): WeightOptions {
    const options = this.options as Readonly<Record<string, unknown>>
    const [initializer, regularizer, constraint] = ['Initializer', 'Regularizer', 'Constraint'].map(
      (kind) => options[weight + kind],
    )
    return { initializer, regularizer, constraint } as WeightOptions
  }

  /** A weight of this layer; assign it to a property. */
  protected addWeight(
    shape: Shape,
    { initializer = 'glorotUniform', trainable = true, regularizer, constraint, dtype = this.dtype }: WeightOptions = {},
  ): Variable {
    if (!Array.isArray(shape))
      throw new ShapeError(`addWeight: expected a shape such as [4, 8], or [] for one number, got ${describe(shape)}`)
    const variable = scope(() => new Variable(resolveInitializer(initializer).call(shape).cast(dtype), { trainable }))
    variable.regularizer = resolveRegularizer(regularizer)
    variable.constraint = resolveConstraint(constraint)
    return variable
  }

  /** A random generator of the layer's own, if there is a seed for it; checkpoints keep where it is. */
  protected seeded(seed: number | null | undefined): random.Generator | undefined {
    if (typeof seed !== 'number') return undefined
    const generator = new random.Generator(seed)
    this.#generators.push(generator)
    return generator
  }

  /** @internal The random generators of the layer's own, without those of layers within. */
  get generators(): readonly random.Generator[] {
    return this.#generators
  }

  /** The shape of one sample, if the options say it: what the first layer of a model is built for. */
  get sampleShape(): SymbolicShape | undefined {
    const { inputShape, inputDim } = this.options as { inputShape?: SymbolicShape; inputDim?: number }
    return inputShape ?? (inputDim === undefined ? undefined : [inputDim])
  }

  /** Lets stateful layers in this one begin anew. */
  resetStates(): void {
    for (const layer of this.sublayers) layer.resetStates()
  }

  /** The layers on the properties of this one, in order. */
  get sublayers(): AnyLayer[] {
    const found: AnyLayer[] = []
    for (const key in this) {
      const value: unknown = this[key]
      if (value instanceof Layer) found.push(value)
      else if (Array.isArray(value) && value[0] instanceof Layer) found.push(...value.filter((v) => v instanceof Layer))
    }
    return found
  }

  /** All weights: own trainable ones, own others, then those of the layers within. */
  get weights(): Variable[] {
    const own = Object.values(this).filter((value): value is Variable => value instanceof Variable)
    const all = [
      ...own.filter((w) => w.trainable),
      ...own.filter((w) => !w.trainable),
      ...this.sublayers.flatMap((layer) => layer.weights),
    ]
    return [...new Set(all)]
  }

  get trainableWeights(): Variable[] {
    if (!this.trainable) return []
    const found = new Set<Variable>()
    // Every step asks: a list of the properties would take longer than some kernels.
    for (const key in this) {
      const value: unknown = this[key]
      if (value instanceof Variable && value.trainable) found.add(value)
    }
    for (const layer of this.sublayers) for (const weight of layer.trainableWeights) found.add(weight)
    return [...found]
  }

  get nonTrainableWeights(): Variable[] {
    const trainable = new Set(this.trainableWeights)
    return this.weights.filter((weight) => !trainable.has(weight))
  }

  /** The number of elements of all weights. */
  countParams(): number {
    return this.weights.reduce((sum, weight) => sum + weight.size, 0)
  }

  /** The values of all weights. */
  getWeights(): Tensor[] {
    return this.weights.map((weight) => weight.value)
  }

  /** Replaces the values of all weights, in the order of {@link weights}. */
  setWeights(values: readonly TensorLike[]): void {
    const { weights } = this
    if (values.length !== weights.length) {
      throw new ValueError(
        `setWeights: layer '${this.name}' has ${weights.length} weights, got ${values.length} values${this.built ? '' : '; build the layer first'}`,
      )
    }
    const tensors = values.map((value, i) => toTensor(value).cast(weights[i].dtype))
    tensors.forEach((value, i) => {
      if (!sameShape(value.shape, weights[i].shape)) {
        throw new ValueError(
          `setWeights: weight ${i} of layer '${this.name}' has shape ${formatShape(weights[i].shape)}, the value ${formatShape(value.shape)}`,
        )
      }
    })
    tensors.forEach((value, i) => weights[i].assign(value))
  }

  /** Adds a scalar to the losses of the call under way, for `fit` to add to its loss. */
  protected addLoss(loss: Tensor): void {
    this.#added.push(loss)
  }

  #penalize(output: Output): void {
    const penalty = resolveRegularizer(this.options.activityRegularizer)!
    for (const y of (output instanceof Tensor ? [output] : output) as readonly Tensor[]) {
      const loss = penalty(y)
      this.addLoss(y.rank === 0 ? loss : loss.div(Math.max(1, y.shape[0])))
    }
  }

  /** Drops what the last call added to the losses. */
  #forget(): void {
    this.#added = []
    for (const layer of this.sublayers) layer.#forget()
  }

  /** What the last call added, here and in the layers within. */
  get #addedLosses(): readonly Tensor[] {
    const within = this.sublayers
    return within.length === 0 ? this.#added : [...this.#added, ...[...new Set(within)].flatMap((layer) => layer.#addedLosses)]
  }

  /** Scalars for `fit` to add to its loss: what the last call added (activity regularizers), and the penalties of the weights. */
  get losses(): Tensor[] {
    return [
      ...this.#addedLosses,
      ...this.trainableWeights.flatMap((weight) => (weight.regularizer ? [weight.regularizer(weight)] : [])),
    ]
  }

  /** The options as Keras writes them into JSON, with all defaults: `{ name, trainable, dtype, units, use_bias, … }`. */
  getConfig(): LayerConfig {
    return layerConfig(this)
  }

  /** @internal What the layer was built for, as Keras writes it. */
  getBuildConfig(): LayerConfig | undefined {
    return this.builtShape && { input_shape: this.builtShape }
  }

  /** The layer that a config describes, unbuilt; `custom` names classes of yours that it may hold. */
  static fromConfig<T>(this: new (options: any) => T, config: LayerConfig, custom: CustomLayers = {}): T {
    return new this(optionsFromConfig(this, config, custom))
  }
}

/** Any layer, whatever its options, outputs and context. */
export type AnyLayer = Layer<any, any, any>

const withoutBatch = (shape: Shape): SymbolicShape => [null, ...shape.slice(1)]

/** Throws unless `value` is a positive integer. */
export function positiveInteger(value: unknown, layer: string, option: string): void {
  if (!Number.isInteger(value) || (value as number) <= 0) {
    throw new ValueError(`${layer}: ${option} must be a positive integer, got ${JSON.stringify(value)}`, { [option]: value })
  }
}
