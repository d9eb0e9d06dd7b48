import { valueOf, Value, type Graph } from '../../../compile/trace.ts'
import type { Standalone } from '../../../compile/program.ts'
import type { DType, TypedArray } from '../../../dtype.ts'
import { BackendError } from '../../../errors.ts'
import { contiguousLayout } from '../../../layout.ts'
import { Tensor } from '../../../tensor.ts'
import type { Backend } from '../../backend.ts'
import { gemmScratchBytes } from '../gemm/index.ts'
import type { Block } from '../runtime.ts'
import { ProgramCode, type ProgramHost } from './code.ts'
import { prepare } from './program.ts'

const page = 65536
/** Bytes of memory that are written, or left out, together. */
const piece = 256

/** A memory of its own, without threads and without what not every engine has: one that a program can take with it. */
class StandaloneHost implements ProgramHost {
  readonly memory = new WebAssembly.Memory({ initial: 1 })
  readonly shared = false
  readonly fused = false
  readonly deterministic = false
  readonly scratch = 64
  readonly kernels = new Map<string, Uint8Array<ArrayBuffer>>()
  #end = 64 + Math.ceil(Math.max(gemmScratchBytes('f32'), gemmScratchBytes('f64')) / 64) * 64

  /** Where the first block lies: what is before it begins as zeros. */
  readonly first = this.#end

  threads = (): { count: number } => ({ count: 1 })

  hold(bytes: number): Block {
    const block = { address: this.#end, bytes }
    this.#end += Math.ceil((bytes + 128) / 64) * 64
    const missing = this.#end - this.memory.buffer.byteLength
    if (missing > 0) this.memory.grow(Math.ceil(missing / page))
    return block
  }

  view(dtype: DType): TypedArray {
    const { buffer } = this.memory
    if (dtype === 'float32') return new Float32Array(buffer)
    if (dtype === 'float64') return new Float64Array(buffer)
    return dtype === 'int32' ? new Int32Array(buffer) : new Uint8Array(buffer)
  }

  kernel(key: string, build: () => Uint8Array<ArrayBuffer>): number {
    if (!this.kernels.has(key)) this.kernels.set(key, build())
    return [...this.kernels.keys()].indexOf(key)
  }

  /** The stretches of memory that do not begin as zeros. */
  contents(): { readonly address: number; readonly bytes: Uint8Array }[] {
    const bytes = new Uint8Array(this.memory.buffer)
    const found: { address: number; bytes: Uint8Array }[] = []
    for (let at = this.first; at < this.#end; at += piece) {
      if (!bytes.subarray(at, at + piece).some((byte) => byte !== 0)) continue
      const last = found.at(-1)
      const address = last && last.address + last.bytes.length === at ? last.address : at
      if (address === last?.address) found.pop()
      found.push({ address, bytes: bytes.subarray(address, at + piece) })
    }
    return found
  }
}

/** A graph as modules and memory that run without anything else; variables become constants. */
export function buildStandalone(backend: Backend, traced: Graph): Standalone {
  if (traced.host.length > 0)
    throw new BackendError(
      'toModule: the function draws random numbers or changes state of the host in every run, which a module cannot do',
    )
  const changed = traced.assigned.map(({ variable }) => variable.name)
  if (changed.length > 0) throw new BackendError(`toModule: the function changes variables: ${changed.join(', ')}`)
  const { graph, items } = prepare(frozen(traced), backend, false)
  const host = new StandaloneHost()
  const code = new ProgramCode(host, backend, graph, items, () => {
    throw new BackendError('toModule: a variable is left')
  })
  const outside = code.parts.flatMap((part) => (part.kind === 'host' ? [part.name] : []))
  if (outside.length > 0)
    throw new BackendError(`toModule: there is no code yet for ${[...new Set(outside)].join(', ')}, which a module would need`, {
      kernels: outside,
    })
  return {
    pages: host.memory.buffer.byteLength / page,
    memory: host.contents(),
    program: code.module.toBytes(),
    kernels: [...host.kernels.values()],
    parts: code.parts.flatMap((part) => (part.kind === 'function' ? [part.name] : [])),
    inputs: graph.inputs.map((value) => ({ address: code.plan.offsets.has(value) ? code.start(value) : 0, dtype: value.dtype })),
    outputs: graph.outputs.map((x) => ({
      address: code.storage.address(x),
      dtype: x.dtype,
      shape: x.shape,
      whole: x.layout.contiguous,
    })),
    failure: code.arena.address,
  }
}

/** The graph with variables as the constants that they are now. */
function frozen(graph: Graph): Graph {
  const constants = new Map<Value, Value>()
  const read = (x: Tensor): Tensor => {
    const value = valueOf(x)
    if (value.origin.kind !== 'variable') return x
    let constant = constants.get(value)
    if (!constant) {
      const { value: now } = value.origin.variable
      const array = now.toTypedArray()
      const tensor = new Tensor({ device: 'host', array }, contiguousLayout([array.length]), x.dtype)
      constants.set(value, (constant = new Value(value.id, value.dtype, value.size, { kind: 'constant', tensor })))
    }
    return new Tensor(constant, x.layout, x.dtype)
  }
  const nodes = graph.nodes.map((node) => ({ ...node, inputs: node.inputs.map(read) }))
  return { ...graph, nodes, outputs: graph.outputs.map(read) }
}
