import type { GpuCounters } from '../counters.ts'
import { kernelSettings, type GpuContext, type GpuJs } from '../gpujs.ts'
import type { KernelSource } from '../kernel-text.ts'
import { deviceLimits, Faults, Reader } from './device.ts'
import { Pool, type PooledBuffer } from './pool.ts'
import { pooledKernelClass, type PooledKernel } from './pooled-kernel.ts'
import { Recorder } from './recorder.ts'
import type { Compiled, Handle, Runtime } from './runtime.ts'

interface Memory extends Handle {
  readonly pooled: PooledBuffer
}

interface RecordedKernel extends Compiled {
  readonly kernel: PooledKernel
}

/** Bind groups that a kernel keeps; a training step uses the same buffers again and again. */
const mostGroups = 256

/** WebGPU by gpu.js' kernels with buffers from a pool and many launches in one submission: nothing waits for anything. */
export function pooledRuntime(lib: GpuJs, context: GpuContext, counters: GpuCounters): Runtime {
  const gpu = new lib.GPU({ mode: 'webgpu' })
  const faults = new Faults(context)
  gpu.Kernel = pooledKernelClass(lib, context, faults)
  const { device } = context
  const pool = new Pool(device, deviceLimits(device).bytes, counters)
  const recorder = new Recorder(device, () => pool.submitted())
  const reader = new Reader(context, faults, counters)

  function compile(name: string, source: KernelSource): RecordedKernel {
    faults.check()
    const kernel = gpu.createKernel(source.source, kernelSettings(source, true)).kernel as unknown as PooledKernel
    kernel.label = name
    kernel.wgsl = source.wgsl
    // gpu.js wants arguments to build for; their types are given, so any will do.
    kernel.build(...source.types.map((type) => (type === 'Input' ? { type: 'WebGPUBuffer' } : 0)))
    return { name, source, kernel }
  }

  function groupOf(kernel: PooledKernel, inputs: readonly PooledBuffer[], out: PooledBuffer): GPUBindGroup {
    const key = `${inputs.map(({ id }) => id).join()}>${out.id}`
    let group = kernel.groups.get(key)
    if (!group) {
      const entries: GPUBindGroupEntry[] = [...inputs, out].map(({ buffer }, i) => ({ binding: i + 1, resource: { buffer } }))
      entries.push({ binding: 0, resource: { buffer: recorder.ring, offset: 0, size: kernel.paramsLayout.byteLength } })
      counters.bindings++
      group = device.createBindGroup({ layout: kernel.bindGroupLayout, entries })
      if (kernel.groups.size >= mostGroups) kernel.groups.clear()
      kernel.groups.set(key, group)
    }
    return group
  }

  return {
    mode: 'webgpu',
    limits: deviceLimits(device),
    get lost() {
      return context.isLost
    },
    compile,
    launch(compiled, dims, args) {
      faults.check()
      const { kernel } = compiled as RecordedKernel
      kernel.output = [...dims]
      const { arrayArgs, scalarArgs, byteLength } = kernel.paramsLayout
      const [x, y = 1, z = 1] = dims
      const { groups, dispatchWidth } = kernel._computeDispatch([x, y, z])
      const inputs = arrayArgs.map(({ index }) => (args[index] as Memory).pooled)
      const out = pool.take(x * y * z * 4)
      const { offset, ints, floats } = recorder.parameters(byteLength)
      ints.set([x, y, z, dispatchWidth])
      arrayArgs.forEach(({ index, dimsOffset }) => {
        const { length } = args[index] as Memory
        ints.set([length, 1, 1, length], dimsOffset / 4)
      })
      for (const { index, type, offset: at } of scalarArgs) {
        if (type === 'Integer') ints[at / 4] = args[index] as number
        else floats[at / 4] = args[index] as number
      }
      recorder.dispatch(kernel.computePipeline, groupOf(kernel, inputs, out), offset, groups)
      return { length: x * y * z, pooled: out } satisfies Memory
    },
    upload(data) {
      faults.check()
      // Written at once, so into memory that nothing recorded but not yet submitted reads.
      const pooled = pool.take(data.byteLength, true)
      device.queue.writeBuffer(pooled.buffer, 0, data as Float32Array<ArrayBuffer>)
      counters.uploads++
      counters.uploadedBytes += data.byteLength
      return { length: data.length, pooled } satisfies Memory
    },
    async read(handle, offset, length) {
      recorder.submit()
      return reader.read((handle as Memory).pooled.buffer, offset, length)
    },
    free: (handle) => pool.give((handle as Memory).pooled),
    flush: () => recorder.submit(),
    async destroy() {
      recorder.destroy()
      reader.destroy()
      pool.destroy()
      await lib.WebGPUContext.destroy()
    },
  }
}
