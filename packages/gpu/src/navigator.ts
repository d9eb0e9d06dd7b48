/** Runs `f` while `navigator.gpu` is `gpu`: gpu.js looks for WebGPU there. Whatever was there before comes back. */
export async function withNavigatorGpu<T>(gpu: Pick<GPU, 'requestAdapter'>, f: () => Promise<T>): Promise<T> {
  const holder = globalThis as { navigator?: object }
  const made = holder.navigator === undefined
  if (made) Object.defineProperty(globalThis, 'navigator', { value: {}, configurable: true, writable: true })
  const target = holder.navigator!
  const before = Object.getOwnPropertyDescriptor(target, 'gpu')
  Object.defineProperty(target, 'gpu', { value: gpu, configurable: true })
  try {
    return await f()
  } finally {
    if (before) Object.defineProperty(target, 'gpu', before)
    else delete (target as { gpu?: unknown }).gpu
    if (made) delete holder.navigator
  }
}
