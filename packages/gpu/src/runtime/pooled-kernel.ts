/**
 * gpu.js' WebGPU kernel with its own ways to compile and to run: gpu.js reads the source, finds the types and writes the
 * WGSL; compiling is synchronous, and launches go to a recorder. It uses members of gpu.js 2.24.1 that are not public,
 * which is why the version is pinned and a self-test decides whether this class is used.
 */
import type { BackendError } from '@typegrad/tensor'
import { kernelError } from '../errors.ts'
import type { GpuJs, GpuContext } from '../gpujs.ts'
import type { Wgsl } from '../kernel-text.ts'
import type { Faults } from './device.ts'

/** The members of gpu.js' WebGPUKernel that are used. */
interface StockWebGPUKernel {
  output: number[]
  workgroupSize: readonly number[]
  readonly compiledSource: string
  readonly paramsLayout: {
    readonly arrayArgs: readonly { readonly index: number; readonly dimsOffset: number }[]
    readonly scalarArgs: readonly { readonly index: number; readonly type: string; readonly offset: number }[]
    readonly byteLength: number
  }
  _device: GPUDevice
  build(...args: unknown[]): unknown
  assembleWGSL(): string
  _computeDispatch(dims: readonly number[]): { readonly groups: readonly number[]; readonly dispatchWidth: number }
}

export interface PooledKernel extends StockWebGPUKernel {
  readonly computePipeline: GPUComputePipeline
  readonly bindGroupLayout: GPUBindGroupLayout
  readonly groups: Map<string, GPUBindGroup>
  /** For errors. */
  label: string
  wgsl: Wgsl | undefined
}

const compute = 4

/** What the compiler says, with the line that it stopped at where it tells one, as Dawn does: `:12:5 error: …`. */
function compileError(name: string, { message }: GPUError, source: string): BackendError {
  const [, line, what] = /:(\d+):\d+ error: (.*)/.exec(message) ?? []
  return kernelError(name, what ?? message, line === undefined ? { source } : { source, line: Number(line) })
}

/** The kernel class for a device. */
export function pooledKernelClass(lib: GpuJs, { device }: GpuContext, faults: Faults): unknown {
  const Stock = lib.WebGPUKernel as new (...args: unknown[]) => StockWebGPUKernel
  return class extends Stock {
    declare computePipeline: GPUComputePipeline
    declare bindGroupLayout: GPUBindGroupLayout
    readonly groups = new Map<string, GPUBindGroup>()
    label = ''
    wgsl: Wgsl | undefined

    override assembleWGSL(): string {
      const stock = super.assembleWGSL()
      if (!this.wgsl) return stock
      // The parameters, bindings and functions are gpu.js', the rest is ours.
      this.workgroupSize = this.wgsl.workgroup
      return stock.slice(0, stock.indexOf('@compute')) + this.wgsl.body
    }

    override _computeDispatch(dims: readonly number[]): { groups: readonly number[]; dispatchWidth: number } {
      if (!this.wgsl) return super._computeDispatch(dims)
      return { groups: this.wgsl.groups(dims), dispatchWidth: 0 }
    }

    /** Called by gpu.js' `build`, when the WGSL is written. */
    _buildAsync(): Promise<void> {
      this._device = device
      const { arrayArgs } = this.paramsLayout
      const storage = (binding: number, type: GPUBufferBindingType): GPUBindGroupLayoutEntry => ({
        binding,
        visibility: compute,
        buffer: { type },
      })
      this.bindGroupLayout = device.createBindGroupLayout({
        entries: [
          { binding: 0, visibility: compute, buffer: { type: 'uniform', hasDynamicOffset: true } },
          ...arrayArgs.map((_, i) => storage(i + 1, 'read-only-storage')),
          storage(arrayArgs.length + 1, 'storage'),
        ],
      })
      device.pushErrorScope('validation')
      const module = device.createShaderModule({ label: this.label, code: this.compiledSource })
      this.computePipeline = device.createComputePipeline({
        label: this.label,
        layout: device.createPipelineLayout({ bindGroupLayouts: [this.bindGroupLayout] }),
        compute: { module, entryPoint: 'main' },
      })
      const check = (error: GPUError | null): BackendError | undefined =>
        error ? compileError(this.label, error, this.compiledSource) : undefined
      faults.expect(device.popErrorScope().then(check))
      return Promise.resolve()
    }
  }
}
