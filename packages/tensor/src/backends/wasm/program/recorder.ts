import type { Item } from '../../../compile/fuse.ts'
import { callNode, isWhole, type Node } from '../../../compile/trace.ts'
import type { DType, TypedArray } from '../../../dtype.ts'
import type { Tensor } from '../../../tensor.ts'
import type { Backend } from '../../backend.ts'
import type { Split } from '../control.ts'
import { conv, convInput, convKernel } from '../conv/index.ts'
import { MemoryBuffer } from '../resident.ts'
import type { Block, Runner } from '../runtime.ts'
import { argsort } from '../sort/index.ts'
import { realOf } from '../stage.ts'
import { pool, poolGradient, poolPick } from '../windows/index.ts'
import type { ProgramHost } from './code.ts'
import { type Storage } from './storage.ts'

const kinds: ReadonlySet<string> = new Set(['conv', 'convInput', 'convKernel', 'pool', 'poolGradient', 'poolPick'])

/** Whether the eager kernel of an item computes in WebAssembly alone, so that its steps can be recorded. */
export const canRecord = (item: Item): item is Node => canSort(item) || canMove(item)

const canSort = ({ kind, inputs: [x] }: Item): boolean => kind === 'argsort' && x.layout.contiguous && x.size > 0

const canMove = (item: Item): boolean =>
  kinds.has(item.kind) &&
  item.inputs.every((x) => x.layout.contiguous && x.dtype === (item as Node).outputs[0].dtype && x.size > 0) &&
  (item as Node).outputs.every((out) => isWhole(out) && realOf(out.dtype) !== undefined && out.size > 0)

/** What a kernel of eager code does to memory: tasks of a job, or bytes that become zero. */
export type Step =
  | { readonly kind: 'run'; readonly kernel: number; readonly job: number; readonly split: Split }
  | { readonly kind: 'zero'; readonly address: number; readonly bytes: number }

/**
 * Stands for the runtime while an eager kernel is called for a program. The operands lie where they will lie, so nothing is
 * staged; jobs and tables are written once and stay, and what would run is noted as steps. So what a kernel does is written
 * once, and a program does it with constant addresses and without a turn through JavaScript.
 */
export class Recorder implements Runner {
  /** What the blocks of jobs and tables, and those of intermediate results, are held by. */
  readonly #blocks: Block[] = []
  readonly #spaces: Block[] = []
  readonly #host: ProgramHost
  #used = 0
  #steps: Step[] = []

  constructor(host: ProgramHost) {
    this.#host = host
  }

  get memory(): WebAssembly.Memory {
    return this.#host.memory
  }

  get shared(): boolean {
    return this.#host.shared
  }

  get fused(): boolean {
    return this.#host.fused
  }

  get i32(): Int32Array {
    return this.#host.view('int32') as Int32Array
  }

  get f32(): Float32Array {
    return this.#host.view('float32') as Float32Array
  }

  get f64(): Float64Array {
    return this.#host.view('float64') as Float64Array
  }

  view(dtype: DType): TypedArray {
    return this.#host.view(dtype)
  }

  threads = (): { count: number } => this.#host.threads()

  /** The kernels that the steps so far run. */
  readonly kernels = new Set<number>()

  kernel(key: string, build: () => Uint8Array<ArrayBuffer>): number {
    const kernel = this.#host.kernel(key, build)
    this.kernels.add(kernel)
    return kernel
  }

  begin(): void {
    this.#used = 0
  }

  /** Space for intermediate results, which other calls use too. */
  reserve(bytes: number): number {
    const found = this.#spaces.findIndex((space, i) => i >= this.#used && space.bytes >= bytes)
    const space = found < 0 ? this.#host.hold(bytes) : this.#spaces.splice(found, 1)[0]
    this.#spaces.splice(this.#used++, 0, space)
    return space.address
  }

  job(bytes: number): number {
    const block = this.#host.hold(bytes)
    this.#blocks.push(block)
    return block.address
  }

  table(table: Int32Array): number {
    const address = this.job(table.byteLength)
    this.i32.set(table, address >> 2)
    return address
  }

  zero(address: number, bytes: number): void {
    this.#steps.push({ kind: 'zero', address, bytes })
  }

  run(kernel: number, job: number, split: Split): void {
    if (split.tasks > 0) this.#steps.push({ kind: 'run', kernel, job, split })
  }

  /** The steps of a node. */
  record(node: Node, storage: Storage): readonly Step[] {
    this.#steps = []
    const place = (x: Tensor): Tensor => new MemoryBuffer(this.#host, x.dtype).tensor(x, storage.address(x))
    callNode(this.#backend as Backend, node, node.inputs.map(place), node.outputs.map(place))
    return this.#steps
  }

  readonly #backend: Partial<Backend> = {
    argsort: (x, descending, out) => argsort(this, x, descending, out),
    conv: (x, kernel, attributes, out) => conv(this, x, kernel, attributes, out, realOf(out.dtype)!),
    convInput: (dy, kernel, attributes, out) => convInput(this, dy, kernel, attributes, out, realOf(out.dtype)!),
    convKernel: (x, dy, attributes, out) => convKernel(this, x, dy, attributes, out, realOf(out.dtype)!),
    pool: (kind, x, attributes, out) => pool(this, kind, x, attributes, out, realOf(out.dtype)!),
    poolGradient: (kind, x, dy, attributes, out) => poolGradient(this, kind, x, dy, attributes, out, realOf(out.dtype)!),
    poolPick: (values, x, attributes, out) => poolPick(this, values, x, attributes, out, realOf(out.dtype)!),
  }
}
