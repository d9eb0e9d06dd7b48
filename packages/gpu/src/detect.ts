import { findPlatform, noAdapterHint } from '#platform'
import type { GpuMode } from './gpujs.ts'

export interface GpuOptions {
  /**
   * A mode of gpu.js. The modes `cpu` and `webasm` compute on the host, slower than the engine itself does: they are for
   * tests of kernels.
   *
   * @defaultValue `'webgpu'`, or `'webgl2'` in a browser without WebGPU
   */
  readonly mode?: GpuMode
  /** Takes a software renderer, which is slower than the host. @defaultValue `false` */
  readonly allowSoftware?: boolean
  /** `stock` leaves launching kernels to gpu.js. @defaultValue `'pooled'`, if its self-test passes */
  readonly kernels?: 'pooled' | 'stock'
  /** @defaultValue `'high-performance'` */
  readonly powerPreference?: 'high-performance' | 'low-power'
}

/** What there is to compute on, or why there is nothing. */
export interface GpuInfo {
  readonly available: boolean
  readonly mode?: GpuMode
  /** The adapter, as its driver calls it. */
  readonly adapter?: string
  /** A software renderer: no GPU. */
  readonly software?: boolean
  /** Works in tests, and is otherwise untried. */
  readonly experimental?: boolean
  /** How kernels are launched, once the backend has started. */
  readonly kernels?: 'pooled' | 'stock'
  /** Why it is not available, and what to do. */
  readonly reason?: string
  readonly hint?: string
}

/** What {@link detect} found, ready to be started. */
export interface Found {
  readonly info: GpuInfo
  readonly adapter?: GPUAdapter
}

/** Looks for a device. An adapter starts one device only: it is asked for anew each time. */
export async function detect(options: GpuOptions = {}): Promise<Found> {
  const { mode } = options
  if (mode === 'cpu' || mode === 'webasm') return { info: { available: true, mode, adapter: `gpu.js ${mode}`, software: true } }
  const { webgpu, webgl2 } = await findPlatform()
  if (mode !== 'webgl2') {
    const found = 'requestAdapter' in webgpu ? await withWebGPU(webgpu, options) : { info: { available: false, ...webgpu } }
    if (found.info.available || mode === 'webgpu' || webgl2 === undefined) return found
    if (isSoftware(webgl2) && !options.allowSoftware) return found
  }
  return withWebGL2(webgl2, options)
}

async function withWebGPU(gpu: GPU, { allowSoftware, powerPreference = 'high-performance' }: GpuOptions): Promise<Found> {
  const adapter = await gpu.requestAdapter({ powerPreference }).catch(() => null)
  if (!adapter) return { info: { available: false, reason: 'WebGPU finds no adapter', hint: noAdapterHint } }
  const { vendor, architecture, device, description, isFallbackAdapter } = adapter.info
  const name = [description || device, vendor, architecture].filter(Boolean).join(', ')
  const software = isFallbackAdapter || isSoftware(name)
  if (software && !allowSoftware) return { info: refused(name) }
  return { adapter, info: { available: true, mode: 'webgpu', adapter: name, software } }
}

function withWebGL2(renderer: string | undefined, { allowSoftware }: GpuOptions): Found {
  if (renderer === undefined) {
    const reason = 'there is no WebGL 2 with float textures here'
    return { info: { available: false, reason, hint: 'use a browser with a GPU' } }
  }
  const software = isSoftware(renderer)
  if (software && !allowSoftware) return { info: refused(renderer) }
  return { info: { available: true, mode: 'webgl2', adapter: renderer, software, experimental: true } }
}

const refused = (name: string): GpuInfo => ({
  available: false,
  adapter: name,
  software: true,
  reason: `the only adapter is a software renderer (${name}), slower than the host`,
  hint: 'install the driver of the GPU; { allowSoftware: true } takes it anyway, for tests',
})

const isSoftware = (name: string): boolean => /swiftshader|llvmpipe|lavapipe|basic render|software/i.test(name)
