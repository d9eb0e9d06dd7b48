import { optionsOf } from './names.ts'
import type { DType, TypedArray } from './dtype.ts'
import { BackendError, DTypeError, ShapeError, TraceError } from './errors.ts'
import { contiguousLayout, type Layout } from './layout.ts'
import type { Buffer } from './memory.ts'
import type { Interceptor } from './op.ts'
import type { TensorMethods } from './methods.ts'
import { backendOn, currentBackend, startBackend, type Backend } from './backends/backend.ts'
import { print } from './print.ts'
import { formatShape, maxSize, sameShape, sizeOf, type Shape } from './shape.ts'

/** The device of tensors whose numbers are not known yet, because the function that makes them is being compiled. */
export const traceDevice = 'trace'

/** What watches variables while a function is compiled. */
export interface VariableWatcher {
  /** Told of a variable before it is read or replaced. */
  meet(variable: Variable): void
  /** The elements of a value that a variable is to begin with, if they are known already. */
  known(value: Tensor): Tensor | undefined
}

let watcher: VariableWatcher | undefined

/** Runs `f` with a watcher for all variables. */
export function watchVariables<T>(watch: VariableWatcher, f: () => T): T {
  const before = watcher
  watcher = watch
  try {
    return f()
  } finally {
    watcher = before
  }
}

/** Every op is a method too; methods.ts installs them. */
export interface Tensor extends TensorMethods {}

/**
 * An n-dimensional array: a buffer, a layout that says where in it the elements lie, and a dtype.
 * Immutable: ops make new tensors; views share the buffer.
 */
export class Tensor {
  /** @internal */
  declare buffer: Buffer
  /** @internal */
  declare layout: Layout
  readonly dtype: DType
  /** @internal The variable that this is the value of. */
  declare variable?: Variable
  /** @internal Set for a tensor that stands for something else, such as each example of a batch. */
  declare interceptor?: Interceptor

  /** @internal */
  constructor(buffer: Buffer, layout: Layout, dtype: DType) {
    this.buffer = buffer
    this.layout = layout
    this.dtype = dtype
  }

  get shape(): Shape {
    return this.layout.shape
  }

  /** The number of axes. */
  get rank(): number {
    return this.layout.shape.length
  }

  /** The number of elements. */
  get size(): number {
    return this.layout.size
  }

  /** @internal What an op reads: the tensor itself; of a variable, its current value. */
  get value(): Tensor {
    return this
  }

  /** @internal The host array that the layout points into. */
  get array(): TypedArray {
    const { array, device } = this.buffer
    if (this.interceptor) {
      throw new BackendError(
        `the elements of a tensor ${formatShape(this.shape)} inside of vmap are others for each example: an op that reads them (item, unique, nonzero …) cannot run there`,
      )
    }
    if (!array && device === traceDevice)
      throw new TraceError(
        `compile: the numbers of a tensor ${formatShape(this.shape)} are read, which a compiled function cannot do: they are not known yet`,
        { shape: this.shape },
      )
    if (!array)
      throw new BackendError(`the tensor ${formatShape(this.shape)} lies on the ${device}: use 'await data()' to read it`)
    return array
  }

  /** The elements in row-major order, as a fresh typed array, once they are computed. */
  async data(): Promise<TypedArray> {
    const backend = backendOn(this.buffer.device)
    return backend.read ? backend.read(this) : this.toTypedArray()
  }

  /**
   * The same elements on the device of the named backend, which is started if need be (`'gpu'`, of `@typegrad/gpu`; `'cpu'` is the
   * host); x itself when it lies there.
   */
  async to(name: string): Promise<Tensor> {
    const backend = await startBackend(name, 'to')
    if (backend.device === this.buffer.device) return this.value
    if (backend.device !== 'host') return copyOn(backend, this)
    const out = emptyTensor(this.shape, this.dtype, backend)
    out.array.set(await this.data(), out.layout.offset)
    return out
  }

  /** The elements in row-major order, as a fresh typed array; a tensor on a device needs {@link data}. */
  toTypedArray(): TypedArray {
    const { array, layout } = this
    if (layout.contiguous) return array.slice(layout.offset, layout.offset + layout.size)
    const backend = backendOn('host')
    const out = emptyTensor(layout.shape, this.dtype, backend, true)
    backend.copy(this, out)
    return out.array.slice(out.layout.offset, out.layout.offset + layout.size)
  }

  /** The elements as nested arrays of numbers (booleans for bool); a plain number for rank 0. */
  toArray(): any {
    const flat: ArrayLike<number | boolean> =
      this.dtype === 'bool' ? Array.from(this.toTypedArray(), (v) => v !== 0) : this.toTypedArray()
    let at = 0
    const nest = (axis: number): any =>
      axis === this.rank ? flat[at++] : Array.from({ length: this.shape[axis] }, () => nest(axis + 1))
    return nest(0)
  }

  /** The only element, as a number. */
  item(): number {
    if (this.size !== 1) {
      throw new ShapeError(`item: shape ${formatShape(this.shape)} has ${this.size} elements, expected 1`, { shape: this.shape })
    }
    return this.array[this.layout.offset]
  }

  /** As NumPy prints it. */
  toString(): string {
    return print(this.toTypedArray(), this.shape, this.dtype)
  }

  /** Nested arrays, so that `JSON.stringify` writes the elements; NaN and infinities, which JSON lacks, become `null`. */
  toJSON(): unknown {
    return this.toArray()
  }

  /** To operators of JavaScript a tensor of one element is that number, any other one its text; as a number it throws a ShapeError. */
  [Symbol.toPrimitive](hint: 'number' | 'string' | 'default'): number | string {
    if (hint !== 'string' && this.size === 1) return this.item()
    if (hint !== 'number') return this.toString()
    throw new ShapeError(
      `tensor: shape ${formatShape(this.shape)} is no number for an operator of JavaScript; ops are methods: x.sub(1), x.greater(2)`,
      { shape: this.shape },
    )
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    const head = `${this.constructor === Variable ? 'Variable' : 'Tensor'} ${formatShape(this.shape)} ${this.dtype}`
    return this.buffer.array ? `${head}\n${this.toString()}` : `${head} on ${this.buffer.device}`
  }
}

/**
 * A tensor whose value can be replaced: a weight, an optimizer's slot. Ops take its value at the time they run, so a
 * view or a tape that was made before `assign` keeps the old numbers.
 */
export class Variable extends Tensor {
  name: string
  /** Whether gradients are taken of it by default. */
  trainable: boolean
  /** Maps the value after every optimizer step, as Keras' constraints do. */
  declare constraint?: ((value: Tensor) => Tensor) | undefined
  /** A scalar penalty of the value that is added to the loss, as Keras' regularizers do. */
  declare regularizer?: ((value: Tensor) => Tensor) | undefined
  #value?: Tensor | undefined

  constructor(value: Tensor, options?: { name?: string; trainable?: boolean }) {
    const { name, trainable } = optionsOf('Variable', options, { name: 'variable', trainable: true })
    const start = value.buffer.device === traceDevice ? watcher?.known(value) : value
    if (!start)
      throw new TraceError(
        `compile: the variable '${name}' is made inside a compiled function, of numbers that are not known yet: make it before, and change it there`,
      )
    super(start.buffer, start.layout, start.dtype)
    start.buffer.lifetime?.held()
    this.name = name
    this.trainable = trainable
  }

  override get value(): Tensor {
    watcher?.meet(this)
    if (!this.#value) {
      this.#value = new Tensor(this.buffer, this.layout, this.dtype)
      this.#value.variable = this
    }
    this.buffer.lifetime?.seen()
    return this.#value
  }

  /** Replaces the value by one of the same shape and dtype. */
  assign(value: Tensor): this {
    if (!sameShape(value.shape, this.shape) || value.dtype !== this.dtype) {
      const wrong = sameShape(value.shape, this.shape) ? DTypeError : ShapeError
      throw new wrong(
        `assign: variable '${this.name}' is ${formatShape(this.shape)} ${this.dtype}, the value is ${formatShape(value.shape)} ${value.dtype}`,
        { variable: this.shape, value: value.shape },
      )
    }
    if (value.interceptor)
      throw new BackendError(`assign: variable '${this.name}' cannot take the value of a tensor inside of vmap`)
    watcher?.meet(this)
    // Of another variable what it is now, in a program at every run.
    const { buffer, layout } = value.value
    buffer.lifetime?.held()
    this.buffer.lifetime?.dropped()
    this.store(buffer, layout)
    return this
  }

  /** @internal Says where the elements lie from here on. */
  store(buffer: Buffer, layout: Layout): void {
    this.buffer = buffer
    this.layout = layout
    this.#value = undefined
  }
}

/** A tensor of its own with the same elements. */
export const sameTensor = (x: Tensor): Tensor => new Tensor(x.buffer, x.layout, x.dtype)

/**
 * A contiguous tensor in fresh storage of the current backend, to be written by a kernel: of zeros, or, where the kernel writes all
 * elements, of anything.
 */
export function emptyTensor(shape: Shape, dtype: DType, backend = currentBackend(), isUnwritten = false): Tensor {
  const size = sizeOf(shape)
  if (size > maxSize) throw new ShapeError(`the result ${formatShape(shape)} has more than ${maxSize} elements`, { shape })
  const { buffer, offset } = backend.allocate(dtype, size, isUnwritten)
  return new Tensor(buffer, contiguousLayout(shape, offset), dtype)
}

/** The same elements in fresh storage of a backend that can read them where they lie. */
export function copyOn(backend: Backend, x: Tensor): Tensor {
  const out = emptyTensor(x.shape, x.dtype, backend, true)
  if (out.size > 0) backend.copy(x, out)
  return out
}
