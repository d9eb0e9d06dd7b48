import { bytesPerElement, type TypedArray, type DType } from '../../dtype.ts'
import { contiguousLayout } from '../../layout.ts'
import type { Buffer, Lifetime } from '../../memory.ts'
import { Tensor, type Variable } from '../../tensor.ts'
import { copyElements } from './copy.ts'
import type { Block, Runtime } from './runtime.ts'
import { zeroing } from './zeroing.ts'

/** The elements of a variable where programs read and write them: a block of WebAssembly memory, seen as a host array. */
export class ResidentBuffer implements Buffer {
  readonly device = 'host'
  readonly #runtime: Runtime
  readonly #block: Block
  readonly #dtype: DType
  readonly #size: number
  #view: TypedArray | undefined
  #copy: TypedArray | undefined
  /** Whether a tensor of it may be in somebody's hands. */
  isSeen = false

  constructor(runtime: Runtime, block: Block, dtype: DType, size: number) {
    this.#runtime = runtime
    this.#block = block
    this.#dtype = dtype
    this.#size = size
  }

  get array(): TypedArray {
    if (this.#copy) return this.#copy
    const { buffer } = this.#runtime.memory
    if (this.#view?.buffer !== buffer) {
      const from = this.#block.address / bytesPerElement(this.#dtype)
      this.#view = this.#runtime.view(this.#dtype).subarray(from, from + this.#size)
    }
    return this.#view
  }

  /** Takes its elements elsewhere: tensors that were handed out keep the numbers that they have. */
  leave(): void {
    this.#copy = this.array.slice()
  }

  readonly lifetime: Lifetime = {
    held: () => {
      this.isSeen = true
    },
    dropped: () => {},
    seen: () => {
      this.isSeen = true
    },
  }
}

/** A variable and the block that it has for as long as it lives. */
export class Resident {
  readonly #runtime: Runtime
  readonly #variable: Variable
  readonly block: Block
  #buffer: ResidentBuffer | undefined
  /** Ends when other threads write nothing here any more. */
  #touched: (() => void) | undefined

  constructor(runtime: Runtime, variable: Variable) {
    this.#runtime = runtime
    this.#variable = variable
    this.block = runtime.hold(variable.size * bytesPerElement(variable.dtype))
  }

  /** Other threads, if there are any, begin to touch the pages of the block, before it is entered. */
  expect(): void {
    const { address, bytes } = this.block
    this.#touched ??= this.#runtime.threads().count > 1 ? zeroing(this.#runtime, address, bytes, this.block) : () => {}
  }

  /** Brings the value of the variable into its block, if it is elsewhere; before it is `written`, what others hold of it is copied. */
  enter(written: boolean): void {
    const variable = this.#variable
    const buffer = this.#buffer
    if (buffer && variable.buffer === buffer) {
      if (!written || !buffer.isSeen) return
      buffer.leave()
    } else {
      if (buffer?.isSeen) buffer.leave()
      if (!buffer) {
        this.expect()
        this.#touched!()
      }
      writeElements(this.#runtime, variable, this.block.address)
    }
    const { dtype, size, shape } = variable
    this.#buffer = new ResidentBuffer(this.#runtime, this.block, dtype, size)
    variable.store(this.#buffer, contiguousLayout(shape))
  }
}

const residents = new WeakMap<Variable, Resident>()

/** The block of a variable, made when it is first asked for. */
export function residentOf(runtime: Runtime, variable: Variable): Resident {
  let resident = residents.get(variable)
  if (!resident) residents.set(variable, (resident = new Resident(runtime, variable)))
  return resident
}

/** Writes the elements of x, in row-major order, to an address. */
export function writeElements(runtime: Pick<Runtime, 'view'>, x: Tensor, address: number): void {
  const { layout, dtype } = x
  const at = address / bytesPerElement(dtype)
  const elements = layout.contiguous ? x.array : x.toTypedArray()
  const offset = layout.contiguous ? layout.offset : 0
  copyElements(elements, offset, layout.size, runtime.view(dtype), at)
}

/** Where an eager kernel runs: what is small, and not on the memory of a program, in a memory that no thread shares. */
export const runtimeFor = (runtime: Runtime, out: Tensor, isSmall: boolean): Runtime =>
  isSmall && !(out.buffer instanceof MemoryBuffer) ? runtime.local : runtime

/** The memory as a buffer, for kernels that run on tensors in the midst of a program. */
export class MemoryBuffer implements Buffer {
  readonly device = 'host'
  readonly #runtime: Pick<Runtime, 'view'>
  readonly #dtype: DType

  constructor(runtime: Pick<Runtime, 'view'>, dtype: DType) {
    this.#runtime = runtime
    this.#dtype = dtype
  }

  get array(): TypedArray {
    return this.#runtime.view(this.#dtype)
  }

  /** A view of the elements from `address` on, as x is a view of its value. */
  tensor(x: Tensor, address: number): Tensor {
    return new Tensor(this, { ...x.layout, offset: address / bytesPerElement(x.dtype) }, x.dtype)
  }
}
