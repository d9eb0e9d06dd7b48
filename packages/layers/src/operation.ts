import { internals, Tensor, tensor, ValueError, type DType, type TensorLike } from '@typegrad/tensor'
import type { LayerConfig } from './layer-config.ts'
import { inForm, Layer, type LayerOptions } from './layer.ts'
import { layerName, uniqueName } from './names.ts'
import { dataDependent, inferred, linkNode, SymbolicTensor } from './symbolic.ts'

/** Stands for an input among the arguments of an operation. */
class Place {
  readonly input: number

  constructor(input: number) {
    this.input = input
  }
}

export interface OperationOptions extends LayerOptions {
  /** The method of tensors that is called. */
  readonly op: string
  /** What it is called on, and its arguments; places of tensors among them. */
  readonly args: readonly unknown[]
}

/** One op in a graph of layers: what `x.add(y)` makes of symbolic tensors. */
export class Operation extends Layer<OperationOptions, Tensor & Tensor[]> {
  protected override readonly autocast = false

  constructor(options: OperationOptions) {
    super(options)
    // Keras has no masks behind an op either.
    this.supportsMasking = false
  }

  call(inputs: readonly Tensor[]): Tensor & Tensor[] {
    const { op } = this.options
    const [first, ...rest] = this.argumentsFor(inputs)
    const x: any = first instanceof Tensor ? first : tensor(first as TensorLike)
    return x[op](...rest)
  }

  /** What it is called on, and with, is said by the graph. */
  override getConfig(): LayerConfig {
    return { name: this.name, op: this.options.op }
  }

  /** @internal What the op is called on, and its arguments, with these for the inputs. */
  argumentsFor(inputs: readonly unknown[]): unknown[] {
    return this.options.args.map((arg) => (arg instanceof Place ? inputs[arg.input] : arg))
  }
}

/** @internal Adds an op to the graph that its symbolic arguments are of, the first of which it is a method of. */
export function operate(op: string, args: readonly unknown[], name?: string): SymbolicTensor | SymbolicTensor[] {
  const inputs = args.filter((arg) => arg instanceof SymbolicTensor)
  if (inputs.some(({ dtype }) => dtype === 'string'))
    throw new ValueError(
      `${op}: symbolic strings, expected numbers: TextVectorization, StringLookup and Hashing make numbers of them`,
    )
  let place = 0
  const places = args.map((arg) => (arg instanceof SymbolicTensor ? new Place(place++) : arg))
  const layer = new Operation({ op, args: places, name: name ?? uniqueName(layerName(op[0].toUpperCase() + op.slice(1))) })
  layer.buildFor(inputs.map(({ shape }) => shape))
  let result: unknown
  const specs = inferred(inputs as { shape: SymbolicTensor['shape']; dtype: DType }[], (values) => {
    result = layer.call(values)
    if (![result].flat().every((one) => one instanceof Tensor))
      throw new ValueError(
        `${op}: gives a record (${Object.keys(result as object).join(', ')}), expected a tensor or several in a graph`,
      )
    return result as Tensor | Tensor[]
  })
  const outputs = specs.map(({ shape, dtype }) => new SymbolicTensor(shape, dtype))
  linkNode(layer, outputs, { inputs, list: true })
  return inForm(result, outputs)
}

/** @internal Makes ops methods of symbolic tensors; inputs call it, since a bundler may leave out what a module does when it is loaded. */
export function installOperations(): void {
  const { prototype } = SymbolicTensor
  if (Object.hasOwn(prototype, 'add')) return
  const install = (name: string | symbol, value: (this: SymbolicTensor, ...args: any[]) => unknown): void =>
    void Object.defineProperty(prototype, name, { value, writable: true, configurable: true })
  for (const name of internals.methodNames.filter((op) => !(dataDependent as readonly string[]).includes(op)))
    install(name, function (...args) {
      return operate(name, [this, ...args])
    })
  // What functions of tensors and operators of JavaScript ask for.
  const refuse = (what: string) =>
    function (this: SymbolicTensor): never {
      throw new ValueError(`${String(this)}: symbolic, it has no numbers, expected ${what}: ops are its methods, x.add(y)`)
    }
  install('toTensor', refuse('a tensor'))
  install(Symbol.toPrimitive, function (hint: string) {
    return hint === 'string' ? this.toString() : refuse('a number').call(this)
  })
}
