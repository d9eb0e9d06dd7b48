/**
 * The part of gpu.js 2.24.1 that is used here. Its own typings lag behind: they know neither `Input` arguments nor
 * `loopMaxIterations`, and nothing of WebGPU.
 */
import { BackendError } from '@typegrad/tensor'
import type { KernelSource } from './kernel-text.ts'

export type GpuMode = 'webgpu' | 'webgl2' | 'webasm' | 'cpu'

export interface GpuContext {
  readonly adapter: GPUAdapter
  readonly device: GPUDevice
  /** Set by gpu.js when the device is lost. */
  readonly isLost: boolean
}

/** What a kernel that leaves its result on the device returns. */
export interface ResultHandle {
  readonly buffer: GPUBuffer
  delete(): void
}

/** A compiled kernel: a function with the kernel object behind it. */
export interface KernelRun {
  (...args: unknown[]): unknown
  setOutput(dims: readonly number[]): void
  readonly kernel: { readonly constructor: { readonly mode: string }; destroy(): void }
}

export interface GpuInstance {
  Kernel: unknown
  createKernel(source: string, settings: object): KernelRun
  destroy(): Promise<void>
}

export interface GpuJs {
  readonly GPU: new (settings: { readonly mode: GpuMode }) => GpuInstance
  readonly input: (value: Float32Array, size: readonly number[]) => unknown
  readonly WebGPUContext: { acquire(): Promise<GpuContext>; destroy(): Promise<void> }
  readonly WebGPUBufferResult: new (settings: {
    readonly buffer: GPUBuffer
    readonly output: readonly number[]
    readonly context: GpuContext
    readonly kernel: unknown
  }) => ResultHandle
  readonly WebGPUKernel: unknown
}

let loading: Promise<GpuJs> | undefined

/** gpu.js, loaded when it is first needed. Its browser build takes the global name `GPU`, which is given back. */
export function loadGpuJs(): Promise<GpuJs> {
  loading ??= (async () => {
    const name = Object.getOwnPropertyDescriptor(globalThis, 'GPU')
    try {
      const module = (await import('gpu.js')) as unknown as GpuJs & { default?: GpuJs }
      return module.GPU ? module : module.default!
    } catch (cause) {
      loading = undefined
      const error = new BackendError("gpu: gpu.js cannot be loaded: install it with 'npm install gpu.js@2.24.1'")
      error.cause = cause
      throw error
    } finally {
      if (name) Object.defineProperty(globalThis, 'GPU', name)
    }
  })()
  return loading
}

/** The settings of every kernel: shapes may change between calls, and loops run to their end. */
export const kernelSettings = ({ types, functions, rank }: KernelSource, pipeline: boolean): object => ({
  output: [1, 1, 1].slice(0, rank),
  argumentTypes: types,
  functions,
  dynamicOutput: true,
  dynamicArguments: true,
  // gpu.js stops loops whose bound is an argument after 1,000 rounds unless told otherwise.
  loopMaxIterations: 2 ** 30,
  precision: 'single',
  pipeline,
  immutable: pipeline,
})
