import { kernelSettings, type GpuJs, type GpuMode, type KernelRun } from '../gpujs.ts'
import type { GpuCounters } from '../counters.ts'
import { unlimited, type Limits } from '../limits.ts'
import type { Compiled, Handle, Runtime } from './runtime.ts'

interface Memory extends Handle {
  data: Float32Array
}

interface PlainKernel extends Compiled {
  readonly run: KernelRun
}

/**
 * The modes `cpu` and `webasm` of gpu.js, which run the same kernels without a GPU: for tests of the kernels. Memory is a
 * host array, and everything happens at once.
 */
export function plainRuntime(lib: GpuJs, mode: GpuMode, counters: GpuCounters, limits: Partial<Limits> = {}): Runtime {
  const gpu = new lib.GPU({ mode })
  const make = (data: Float32Array): Memory => {
    counters.buffers++
    counters.bytes += data.byteLength
    return { data, length: data.length }
  }
  return {
    mode,
    limits: { ...unlimited, ...limits },
    lost: false,
    compile: (name, source): PlainKernel => ({
      name,
      source,
      run: gpu.createKernel(source.source, kernelSettings(source, false)),
    }),
    launch(kernel, dims, args) {
      const { run } = kernel as PlainKernel
      run.setOutput(dims)
      const values = args.map((arg) => (typeof arg === 'number' ? arg : lib.input((arg as Memory).data, [arg.length])))
      return make(flatten(run(...values), dims))
    },
    upload(data) {
      counters.uploads++
      counters.uploadedBytes += data.byteLength
      return make(data.slice())
    },
    async read(handle, offset, length) {
      counters.readbacks++
      counters.readBytes += length * 4
      return (handle as Memory).data.slice(offset, offset + length)
    },
    free(handle) {
      counters.buffers--
      counters.bytes -= (handle as Memory).data.byteLength
      ;(handle as Memory).data = new Float32Array(0)
    },
    flush() {},
    destroy: () => gpu.destroy(),
  }
}

/** A result of nested rows as one array. */
function flatten(result: unknown, dims: readonly number[]): Float32Array {
  if (result instanceof Float32Array) return result
  const out = new Float32Array(dims.reduce((a, b) => a * b, 1))
  let at = 0
  const visit = (level: unknown): void => {
    if (ArrayBuffer.isView(level)) {
      out.set(level as Float32Array, at)
      at += (level as Float32Array).length
    } else for (const row of level as unknown[]) visit(row)
  }
  visit(result)
  return out
}
