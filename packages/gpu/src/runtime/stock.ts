import type { GpuCounters } from '../counters.ts'
import { kernelSettings, type GpuContext, type GpuJs, type KernelRun, type ResultHandle } from '../gpujs.ts'
import { deviceLimits, Faults, lostError, Reader, usage } from './device.ts'
import type { Compiled, Handle, Runtime } from './runtime.ts'

interface Memory extends Handle {
  readonly result: ResultHandle
}

interface StockKernel extends Compiled {
  readonly run: KernelRun
}

/**
 * WebGPU by gpu.js' own kernels: every call makes a buffer, a bind group and a submission, and compiles asynchronously.
 * Results stay on the device as handles, which are made flat so that kernels of any rank take them.
 */
export function stockRuntime(lib: GpuJs, context: GpuContext, counters: GpuCounters): Runtime {
  const gpu = new lib.GPU({ mode: 'webgpu' })
  const { device } = context
  const faults = new Faults(context)
  const reader = new Reader(context, faults, counters)
  const make = (buffer: GPUBuffer, length: number): Memory => {
    counters.buffers++
    counters.bytes += length * 4
    return { length, result: new lib.WebGPUBufferResult({ buffer, output: [length], context, kernel: null }) }
  }
  return {
    mode: 'webgpu',
    limits: deviceLimits(device),
    get lost() {
      return context.isLost
    },
    compile: (name, source): StockKernel => ({
      name,
      source,
      run: gpu.createKernel(source.source, kernelSettings(source, true)),
    }),
    launch(kernel, dims, args) {
      faults.check()
      const { run } = kernel as StockKernel
      run.setOutput(dims)
      const values = args.map((arg) => (typeof arg === 'number' ? arg : (arg as Memory).result))
      return (run(...values) as Promise<ResultHandle>).then(
        (result) => {
          const memory = make(
            result.buffer,
            dims.reduce((a, b) => a * b, 1),
          )
          result.delete()
          return memory
        },
        (cause: unknown) => {
          throw context.isLost ? lostError(cause) : cause
        },
      )
    },
    upload(data) {
      faults.check()
      const buffer = device.createBuffer({ size: data.byteLength, usage: usage.storage | usage.copySource | usage.copyTarget })
      device.queue.writeBuffer(buffer, 0, data as Float32Array<ArrayBuffer>)
      counters.uploads++
      counters.uploadedBytes += data.byteLength
      return make(buffer, data.length)
    },
    read: (handle, offset, length) => reader.read((handle as Memory).result.buffer, offset, length),
    free(handle) {
      counters.buffers--
      counters.bytes -= handle.length * 4
      ;(handle as Memory).result.delete()
    },
    flush() {},
    async destroy() {
      reader.destroy()
      await gpu.destroy()
      await lib.WebGPUContext.destroy()
    },
  }
}
