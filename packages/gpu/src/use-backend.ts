import { BackendError, currentBackend, registerBackend, setBackend } from '@typegrad/tensor'
import { gpuBackend } from './backend.ts'
import { zeroCounters, type GpuCounters } from './counters.ts'
import { detect, type GpuInfo, type GpuOptions } from './detect.ts'
import { start, unavailable, type Started } from './start.ts'
import { backendNamed, backendOn, registerStarter } from './tensor.ts'
import { inform } from './warn.ts'

let running: (Started & { readonly options: string }) | undefined

/** Starts and ends come one after the other. */
let turn: Promise<unknown> = Promise.resolve()
function inTurn<T>(f: () => Promise<T>): Promise<T> {
  const mine = turn.then(f)
  turn = mine.catch(() => {})
  return mine
}

/**
 * Makes a backend the current one. `gpu` starts gpu.js on the GPU and throws a BackendError, which says what to do, if it
 * cannot; `auto` stays with the current backend then, and says so in one line. Any other name is that of a backend of the
 * engine. Resolves to what was found.
 */
export async function useBackend(name: string, options: GpuOptions = {}): Promise<GpuInfo> {
  if (name !== 'gpu' && name !== 'auto') {
    setBackend(name)
    return gpuInfo()
  }
  const info = await (name === 'gpu' ? started(options) : startedOrNot(options))
  if (info.available) setBackend('gpu')
  return info
}

/** Without options, whatever is running will do. */
const started = (options?: GpuOptions): Promise<GpuInfo> => inTurn(() => startGpu(options))

async function startedOrNot(options?: GpuOptions): Promise<GpuInfo> {
  try {
    return await started(options)
  } catch (error) {
    if (!(error instanceof BackendError)) throw error
    inform(`${error.message.replace('useBackend: ', '')}; going on with the backend '${currentBackend().name}'`)
    const { reason = error.message, hint } = error.details as { reason?: string; hint?: string }
    return { available: false, reason, ...(hint === undefined ? {} : { hint }) }
  }
}

// For `model.compile({ device })` and `tensor.to()`, which leave the current backend what it is.
registerStarter('gpu', async () => {
  await started()
  return backendNamed('gpu')
})
registerStarter('auto', async () => ((await startedOrNot()).available ? backendNamed('gpu') : currentBackend()))

async function startGpu(options?: GpuOptions): Promise<GpuInfo> {
  const wanted = JSON.stringify(options ?? {})
  if (!running || running.engine.ended || (options && running.options !== wanted)) {
    await end()
    const made = await start(options ?? {})
    running = { ...made, options: wanted }
    registerBackend(gpuBackend(made.engine))
  }
  return running.info
}

/** What the gpu backend runs on; before it is started, what it would run on, or why it cannot and what to do. */
export async function gpuInfo(options: GpuOptions = {}): Promise<GpuInfo> {
  return running && !running.engine.ended ? running.info : (await detect(options)).info
}

/** Transfers, launches and memory of the gpu backend since it was started. */
export const gpuCounters = (): GpuCounters => ({ ...(running?.engine.counters ?? zeroCounters()) })

/** Settles when the device was given all work so far; throws what failed. */
export async function gpuSettled(): Promise<void> {
  await running?.engine.settled()
}

/** Ends the gpu backend: all its memory is freed, and its tensors can no longer be used. The host's backend takes over. */
export const disposeGpu = (): Promise<void> => inTurn(end)

async function end(): Promise<void> {
  const before = running
  if (!before) return
  running = undefined
  if (currentBackend().name === 'gpu') setBackend(backendOn('host').name)
  await before.engine.dispose()
}

/** The engine behind the backend, for tests. */
export function engineForTests(): Started['engine'] {
  if (!running) throw unavailable({ available: false, reason: 'it was not started', hint: "call useBackend('gpu')" })
  return running.engine
}
