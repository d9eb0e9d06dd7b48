import { type FunctionBuilder, i32, type Local, select, v128 } from '../assembler/index.ts'
import { type Real, reals, transpose } from './real.ts'

/**
 * `width` runs of memory, `stride` bytes apart, that are read side by side: rows of A, columns of B.
 *
 * Where fewer exist, the last one stands for the missing: what is computed from it is never stored, nothing outside
 * the matrix is read, and no padding with zeros is needed.
 */
export class Lanes {
  readonly #f: FunctionBuilder
  readonly #type: Real
  readonly #steps: Local<'i32'>[]

  constructor(f: FunctionBuilder, type: Real, width: number, stride: Local<'i32'>, count: Local<'i32'>) {
    this.#f = f
    this.#type = type
    this.#steps = Array.from({ length: width - 1 }, (_, i) => f.let(select(i32.gtU(count, i + 1), stride, i32.const(0))))
  }

  /** The address of each lane. */
  addresses(start: Local<'i32'>): Local<'i32'>[] {
    const addresses = [this.#f.let(start)]
    for (const step of this.#steps) addresses.push(this.#f.let(i32.add(addresses.at(-1)!, step)))
    return addresses
  }

  /** Calls `use(address, lane)` for each lane, one address alive at a time. */
  each(start: Local<'i32'>, use: (address: Local<'i32'>, lane: number) => void): void {
    this.#f.scope(() => {
      const address = this.#f.let(start)
      use(address, 0)
      this.#steps.forEach((step, i) => {
        this.#f.set(address, i32.add(address, step))
        use(address, i + 1)
      })
    })
  }

  /** One vector of neighbours from each lane, transposed: `use(vector, k, first)` gets element k of the lanes from `first`. */
  transposed(start: Local<'i32'>, use: (vector: Local<'v128'>, k: number, first: number) => void): void {
    const { bytes, lanes: size } = reals[this.#type]
    const rows: Local<'v128'>[] = []
    this.each(start, (address, lane) => {
      rows.push(this.#f.let(v128.load(address, 0, bytes)))
      if (rows.length < size) return
      transpose(this.#f, this.#type, rows.splice(0)).forEach((vector, k) => use(vector, k, lane + 1 - size))
    })
  }

  /** One element from each lane: `use(vector, first)`. */
  gathered(start: Local<'i32'>, use: (vector: Local<'v128'>, first: number) => void): void {
    const { lanes: size, first, lane: load } = reals[this.#type]
    let vector: Local<'v128'>
    this.each(start, (address, lane) => {
      if (lane % size === 0) vector = this.#f.let(first(address))
      else this.#f.set(vector, load(address, vector, lane % size))
      if (lane % size === size - 1) use(vector, lane + 1 - size)
    })
  }
}
