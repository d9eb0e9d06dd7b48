import { BackendError } from '@typegrad/tensor'
import { zeroCounters, type GpuCounters } from './counters.ts'
import { detect, type Found, type GpuInfo, type GpuOptions } from './detect.ts'
import { Engine } from './engine.ts'
import { loadGpuJs, type GpuContext, type GpuJs } from './gpujs.ts'
import { withNavigatorGpu } from './navigator.ts'
import { plainRuntime } from './runtime/plain.ts'
import { pooledRuntime } from './runtime/pooled.ts'
import type { Runtime } from './runtime/runtime.ts'
import { stockRuntime } from './runtime/stock.ts'
import { webgl2Runtime } from './runtime/webgl2.ts'
import { selfTest } from './self-test.ts'
import { warnOnce } from './warn.ts'

/** A started engine, and what it runs on. */
export interface Started {
  readonly engine: Engine
  readonly info: GpuInfo
}

/** Finds a device and starts gpu.js on it; throws a BackendError that says why, and what to do, if it cannot. */
export async function start(options: GpuOptions): Promise<Started> {
  const found = await detect(options)
  const { info } = found
  if (!info.available) throw unavailable(info)
  const lib = await loadGpuJs()
  const counters = zeroCounters()
  const { runtime, kernels } = await runtimeFor(lib, found, options, counters)
  return { engine: new Engine(runtime, counters), info: kernels ? { ...info, kernels } : info }
}

export const unavailable = ({ reason, hint }: GpuInfo): BackendError =>
  new BackendError(`useBackend: no gpu: ${reason}; ${hint}`, { reason, hint })

async function runtimeFor(
  lib: GpuJs,
  { info: { mode, software = false }, adapter }: Found,
  { kernels = 'pooled' }: GpuOptions,
  counters: GpuCounters,
): Promise<{ runtime: Runtime; kernels?: 'pooled' | 'stock' }> {
  if (mode === 'cpu' || mode === 'webasm') return { runtime: plainRuntime(lib, mode, counters) }
  if (mode === 'webgl2') return { runtime: webgl2Runtime(lib, counters) }
  return withNavigatorGpu({ requestAdapter: () => Promise.resolve(adapter!) }, async () => {
    // gpu.js has one device for all: that of an earlier start is let go.
    await lib.WebGPUContext.destroy()
    const context = await acquire(lib)
    if (kernels === 'pooled') {
      const runtime = pooledRuntime(lib, context, counters)
      const failure = await selfTest(runtime, software)
      Object.assign(counters, { uploads: 0, uploadedBytes: 0, readbacks: 0, readBytes: 0 })
      if (failure === undefined) return { runtime, kernels }
      warnOnce('self-test', `launches are left to gpu.js, because the self-test of the faster way failed: ${failure}`)
    }
    return { runtime: stockRuntime(lib, context, counters), kernels: 'stock' as const }
  })
}

async function acquire(lib: GpuJs): Promise<GpuContext> {
  try {
    return await lib.WebGPUContext.acquire()
  } catch (cause) {
    const error = new BackendError(
      `useBackend: the gpu does not start: ${cause instanceof Error ? cause.message : String(cause)}`,
    )
    error.cause = cause
    throw error
  }
}
