import { matmulSource, tiled } from './kernels/matmul.ts'
import type { KernelSource } from './kernel-text.ts'
import type { Runtime } from './runtime/runtime.ts'

/**
 * Multiplies small matrices by the kernels that lean on gpu.js' inner workings, and compares with plain loops. Says what
 * went wrong, or nothing. The kernels in tiles take a software renderer longer to compile than all others together: they
 * are left to the tests there.
 */
export async function selfTest(runtime: Runtime, software: boolean): Promise<string | undefined> {
  const [m, k, n] = [69, 19, 133]
  const a = Float32Array.from({ length: m * k }, (_, i) => ((i * 7) % 11) - 5)
  const b = Float32Array.from({ length: k * n }, (_, i) => ((i * 5) % 13) - 6)
  try {
    for (const source of software ? [matmulSource('2')] : [matmulSource('2'), tiled('2', 'small'), tiled('2', 'large')]) {
      const result = await product(runtime, source, a, b, [m, k, n])
      for (let i = 0; i < m * n; i++) {
        let sum = 0
        for (let j = 0; j < k; j++) sum += a[Math.floor(i / n) * k + j] * b[j * n + (i % n)]
        if (Math.abs(result[i] - sum) > 1e-3) return `element ${i} of a product is ${result[i]}, not ${sum}`
      }
    }
    return undefined
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

async function product(
  runtime: Runtime,
  source: KernelSource,
  a: Float32Array,
  b: Float32Array,
  [m, k, n]: number[],
): Promise<Float32Array> {
  const [left, right] = [runtime.upload(a), runtime.upload(b)]
  const args = [left, 0, k, 0, right, 0, 0, 1, k, 1, n]
  const out = await runtime.launch(runtime.compile('self-test', source), [n, m], args)
  const data = await runtime.read(out, 0, m * n)
  for (const handle of [left, right, out]) runtime.free(handle)
  return data
}
