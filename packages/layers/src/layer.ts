import {
  snakeCase,
  Tensor,
  toTensor,
  TypegradError,
  ValueError,
  Variable,
  type Shape,
  type TensorLike,
  formatShape,
  sameShape,
} from '@typegrad/tensor'
import { resolveInitializer, type InitializerLike } from './initializers.ts'
import { uniqueName } from './names.ts'
import { SymbolicTensor, type SymbolicShape } from './symbolic.ts'

export interface LayerOptions {
  /** The layer's name in summaries and files. @defaultValue the class name in snake case, numbered */
  readonly name?: string
  /** Whether `fit` changes the weights. @defaultValue `true` */
  readonly trainable?: boolean
}

/** What a call knows besides its input. */
export interface CallContext {
  /** Dropout drops, batch normalization uses the batch's statistics. */
  readonly training: boolean
}

export interface WeightOptions {
  readonly initializer?: InitializerLike
  readonly trainable?: boolean
  readonly regularizer?: ((value: Tensor) => Tensor) | undefined
  readonly constraint?: ((value: Tensor) => Tensor) | undefined
}

/** What a layer gives for symbolic inputs: one symbolic tensor, or a list of them. */
export type Symbolic<Output> = Output extends Tensor[] ? SymbolicTensor[] : SymbolicTensor

/** One input, or several as a list. */
export type Inputs<T> = T | readonly T[]

/**
 * A function with weights. A subclass makes its weights in `build`, computes in `call`, and says in `computeOutputShape`
 * what comes out. A Variable, a Layer or a list of layers on a property is registered by being there; the property's
 * name is the weight's name.
 */
export abstract class Layer<O extends LayerOptions = LayerOptions, Output extends Tensor | Tensor[] = Tensor> {
  readonly options: O
  readonly name: string
  /** @internal The shape that the layer was built for. */
  builtShape?: SymbolicShape | readonly SymbolicShape[]
  #trainable: boolean
  /** The training mode of the call around this one. */
  static #training = false

  constructor(options: O = {} as O) {
    this.options = options
    this.name = options.name ?? uniqueName(snakeCase(new.target.name))
    this.#trainable = options.trainable ?? true
  }

  /** Makes the weights for an input shape (or the shapes of a list of inputs). Called once, before the first call. */
  build(_inputShape: any): void {}

  /** The result for an input tensor (or a list of them). */
  abstract call(inputs: any, context: CallContext): Output

  /** The shape of the result for an input shape: the same, unless a layer says otherwise. */
  computeOutputShape(inputShape: any): SymbolicShape | SymbolicShape[] {
    return inputShape
  }

  get built(): boolean {
    return this.builtShape !== undefined
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
  apply(inputs: Inputs<SymbolicTensor>): Symbolic<Output>
  apply(inputs: Inputs<TensorLike>, context?: Partial<CallContext>): Output
  apply(inputs: Inputs<TensorLike> | Inputs<SymbolicTensor>, context: Partial<CallContext> = {}): Output | Symbolic<Output> {
    const list = Array.isArray(inputs) && (inputs[0] instanceof Tensor || inputs[0] instanceof SymbolicTensor)
    const all = (list ? inputs : [inputs]) as readonly (TensorLike | SymbolicTensor)[]
    if (all[0] instanceof SymbolicTensor) return this.#link(all as readonly SymbolicTensor[], list)
    const tensors = (all as readonly TensorLike[]).map((input) => toTensor(input))
    return this.#located(() => {
      const shapes = tensors.map((x) => x.shape)
      if (!this.built) this.buildFor(list ? shapes.map(withoutBatch) : withoutBatch(shapes[0]))
      const before = Layer.#training
      Layer.#training = context.training ?? before
      try {
        return this.call(list ? tensors : tensors[0], { training: Layer.#training })
      } finally {
        Layer.#training = before
      }
    })
  }

  #link(inputs: readonly SymbolicTensor[], list: boolean): Symbolic<Output> {
    const shapes = inputs.map((x) => x.shape)
    return this.#located(() => {
      this.buildFor(list ? shapes : shapes[0])
      const shape = this.computeOutputShape(list ? shapes : shapes[0])
      const several = Array.isArray(shape[0])
      const outputs = ((several ? shape : [shape]) as SymbolicShape[]).map((one) => new SymbolicTensor(one))
      for (const output of outputs) output.node = { layer: this, inputs, list, outputs }
      return (several ? outputs : outputs[0]) as Symbolic<Output>
    })
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

  /** A weight of this layer; assign it to a property. */
  protected addWeight(
    shape: Shape,
    { initializer = 'glorotUniform', trainable = true, regularizer, constraint }: WeightOptions = {},
  ): Variable {
    const variable = new Variable(resolveInitializer(initializer).call(shape), { trainable })
    if (regularizer) variable.regularizer = regularizer
    if (constraint) variable.constraint = constraint
    return variable
  }

  /** The layers on the properties of this one, in order. */
  get sublayers(): AnyLayer[] {
    return Object.values(this).flatMap((value): AnyLayer[] => {
      if (value instanceof Layer) return [value]
      return Array.isArray(value) && value[0] instanceof Layer ? value.filter((v): v is AnyLayer => v instanceof Layer) : []
    })
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
    const own = Object.values(this).filter((value): value is Variable => value instanceof Variable && value.trainable)
    return [...new Set([...own, ...this.sublayers.flatMap((layer) => layer.trainableWeights)])]
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

  /** Penalties of the weights (regularizers), each a scalar. */
  get losses(): Tensor[] {
    return this.trainableWeights.flatMap((weight) => (weight.regularizer ? [weight.regularizer(weight)] : []))
  }
}

/** Any layer, whatever its options and outputs. */
export type AnyLayer = Layer<any, any>

const withoutBatch = (shape: Shape): SymbolicShape => [null, ...shape.slice(1)]

/** Throws unless `value` is a positive integer. */
export function positiveInteger(value: unknown, layer: string, option: string): void {
  if (!Number.isInteger(value) || (value as number) <= 0) {
    throw new ValueError(`${layer}: ${option} must be a positive integer, got ${JSON.stringify(value)}`, { [option]: value })
  }
}
