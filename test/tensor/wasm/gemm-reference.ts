import type { Activation } from '../../../packages/tensor/src/backends/wasm/gemm/index.ts'
import {
  type BatchAxis,
  blockDepth,
  buildGemm,
  gemmJobBytes,
  gemmScratchBytes,
  type GemmSpec,
  type Real,
  writeGemmJob,
} from '../../../packages/tensor/src/backends/wasm/gemm/index.ts'

export type Floats = Float32Array<ArrayBuffer> | Float64Array<ArrayBuffer>

/** A product of whole arrays: where a matrix begins is an index, strides are in elements. */
export interface Product {
  readonly m: number
  readonly n: number
  readonly k: number
  readonly a: { readonly data: Floats; readonly start: number; readonly rowStride: number; readonly columnStride: number }
  readonly b: { readonly data: Floats; readonly start: number; readonly rowStride: number; readonly columnStride: number }
  readonly c: { readonly data: Floats; readonly start: number; readonly rowStride: number }
  readonly bias?: { readonly data: Floats; readonly start: number; readonly stride: number } | undefined
  readonly accumulate?: boolean | undefined
  readonly batch?: readonly BatchAxis[] | undefined
}

/** The product as its documentation defines it, by a plain loop; `round` is `Math.fround` for float32. */
export function reference(product: Product, round: (x: number) => number, activation: (x: number) => number = (x) => x): Floats {
  const { m, n, k, a, b, c, bias, accumulate = false, batch = [] } = product
  const out = c.data.slice()
  for (const [aAt, bAt, cAt] of offsets(batch)) {
    for (let i = 0; i < m; i++) {
      for (let j = 0; j < n; j++) {
        const to = c.start + cAt + i * c.rowStride + j
        let total = accumulate ? out[to] : 0
        for (let front = 0; front < k; front += blockDepth) {
          let sum = 0
          for (let p = front; p < Math.min(k, front + blockDepth); p++) {
            const x = a.data[a.start + aAt + i * a.rowStride + p * a.columnStride]
            const y = b.data[b.start + bAt + p * b.rowStride + j * b.columnStride]
            sum = round(sum + round(x * y))
          }
          total = front === 0 && !accumulate ? sum : round(total + sum)
        }
        out[to] = activation(bias ? round(total + bias.data[bias.start + j * bias.stride]) : total)
      }
    }
  }
  return out
}

/** `Σ |a·b| + |c| + |bias|` for each element: what rounding errors are measured by. */
export function magnitude(product: Product): Floats {
  const absolute = <T extends { readonly data: Floats }>(operand: T): T => ({ ...operand, data: operand.data.map(Math.abs) })
  return reference(
    {
      ...product,
      a: absolute(product.a),
      b: absolute(product.b),
      c: absolute(product.c),
      bias: product.bias && absolute(product.bias),
    },
    (x) => x,
  )
}

function offsets(batch: readonly BatchAxis[]): [number, number, number][] {
  return batch.reduce<[number, number, number][]>(
    (all, { size, ...step }) =>
      all.flatMap(([a, b, c]) =>
        Array.from({ length: size }, (_, i): [number, number, number] => [a + i * step.a, b + i * step.b, c + i * step.c]),
      ),
    [[0, 0, 0]],
  )
}

type Gemm = (job: number, begin: number, end: number, scratch: number) => void

/** Runs products on a memory of its own, with guard values behind each array. */
export class GemmRunner {
  readonly #type: Real
  readonly #memory: WebAssembly.Memory
  readonly #gemm: Gemm
  readonly #scratch: number

  constructor(type: Real, options: { fused?: boolean; activation?: Activation } = {}) {
    this.#type = type
    this.#memory = new WebAssembly.Memory({ initial: 64, maximum: 64, shared: true })
    new Float32Array(this.#memory.buffer).fill(NaN)
    this.#scratch = this.#memory.buffer.byteLength - gemmScratchBytes(type) - 4096
    const module = new WebAssembly.Module(buildGemm({ type, fused: false, shared: true, ...options }))
    this.#gemm = new WebAssembly.Instance(module, { env: { memory: this.#memory } }).exports.gemm as Gemm
  }

  /** The array of C after the product; `order` says how to run the tasks. */
  run(product: Product, threads = 1, order: Order = orders.together): Floats {
    const { buffer } = this.#memory
    const arrays = product.c.data.constructor as Float32ArrayConstructor
    const bytes = arrays.BYTES_PER_ELEMENT
    let top = 16
    const place = (data: Floats): number => {
      const address = top
      top += (data.byteLength + 79) & ~15
      if (top > this.#scratch) throw new Error(`${top} bytes needed`)
      new arrays(buffer, address, data.length).set(data)
      new Uint32Array(buffer, top - 16, 4).fill(0x7fc00000)
      return address
    }
    const at = ({ data, start }: { data: Floats; start: number }): number => place(data) + start * bytes
    const cArray = place(product.c.data)
    const spec: GemmSpec = {
      ...product,
      a: { ...product.a, address: at(product.a) },
      b: { ...product.b, address: at(product.b) },
      c: { ...product.c, address: cArray + product.c.start * bytes },
      bias: product.bias && { ...product.bias, address: at(product.bias) },
    }
    if (top + gemmJobBytes(spec) > this.#scratch) throw new Error(`${top + gemmJobBytes(spec)} bytes needed`)
    const split = writeGemmJob(new Int32Array(buffer), top, this.#type, spec, threads)
    for (const [begin, end] of order(split.tasks, split.begin)) this.#gemm(top, begin, end, this.#scratch)
    const behind = new Uint32Array(buffer, buffer.byteLength - 4096)
    if (!behind.every((word) => word === 0x7fc00000)) throw new Error('wrote behind the scratch memory')
    return new arrays(buffer, cArray, product.c.data.length).slice()
  }
}

/** How to run tasks, of which each may begin with an element of C. */
type Order = (tasks: number, begin?: (task: number) => number) => [begin: number, end: number][]

/** Every way to cut `tasks` that the tests use: all at once, one by one, backwards. */
export const orders: Record<string, Order> = {
  together: (tasks) => [[0, tasks]],
  alone: (tasks) => Array.from({ length: tasks }, (_, i) => [i, i + 1]),
  backwards: (tasks) => Array.from({ length: tasks }, (_, i): [number, number] => [i, i + 1]).toReversed(),
}
