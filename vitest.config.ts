import { existsSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { build } from 'vite'
import { defineConfig } from 'vitest/config'

/** Chromium's software Vulkan driver gives Node's WebGPU an adapter where there is no GPU. */
const swiftshader = ['/usr/lib/chromium', '/opt/google/chrome']
  .map((dir) => `${dir}/vk_swiftshader_icd.json`)
  .find((path) => existsSync(path))

// Packages resolve to their sources; TEST_DIST=1 tests what `npm run build` wrote.
const source = process.env['TEST_DIST'] === undefined ? ['@typegrad/source'] : []

/** Files that leave nothing behind share a process, by what they register, and so load the library once. The others get one each. */
const folders = (...names: string[]): string[] => names.map((name) => `test/${name}/*.test.ts`)
const together = folders(
  'autograd',
  'compile',
  'data',
  'layers',
  'losses',
  'model',
  'model/callbacks',
  'optim',
  'plots',
  'formats',
)
// One measures memory.
const arrays = ['test/tensor/!(memory).test.ts', 'test/trust/*.test.ts']

/** The script of worker threads as one address. From the sources each thread would load tsx first, half a second of processor time. */
async function workerScript(): Promise<string> {
  const ssr = fileURLToPath(new URL('packages/tensor/src/backends/wasm/worker.node.ts', import.meta.url))
  const built = await build({ configFile: false, logLevel: 'silent', build: { ssr, write: false } })
  const [code] = [built].flat().flatMap((result) => ('output' in result ? result.output[0].code : []))
  return `data:text/javascript,${encodeURIComponent(code)}`
}

export default defineConfig({
  ssr: { resolve: { conditions: [...source, 'module', 'node', 'development|production'] } },
  test: {
    projects: [
      { extends: true, test: { name: 'together', include: together, isolate: false } },
      { extends: true, test: { name: 'arrays', include: arrays, isolate: false } },
      { extends: true, test: { name: 'apart', include: ['test/**/*.test.ts'], exclude: [...together, ...arrays] } },
    ],
    setupFiles: ['./test/setup.ts'],
    reporters: ['default', './scripts/conformance-reporter.ts', './scripts/plain-line-reporter.ts'],
    testTimeout: 60_000,
    // By default Vitest leaves one processor free, and so works on one where there are two.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    // Inherited by worker threads, which so run the TypeScript sources too.
    execArgv: [
      '--expose-gc',
      ...source.map((condition) => `--conditions=${condition}`),
      `--import=${new URL('./scripts/ts-register.mjs', import.meta.url).href}`,
    ],
    env: {
      ...(swiftshader === undefined ? {} : { VK_ICD_FILENAMES: swiftshader, XDG_RUNTIME_DIR: '/tmp' }),
      ...(source.length === 0 ? {} : { WORKER_SCRIPT: await workerScript() }),
    },
  },
})
