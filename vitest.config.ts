import { existsSync } from 'node:fs'
import { defineConfig } from 'vitest/config'

/** Chromium's software Vulkan driver gives Node's WebGPU an adapter where there is no GPU. */
const swiftshader = ['/usr/lib/chromium', '/opt/google/chrome']
  .map((dir) => `${dir}/vk_swiftshader_icd.json`)
  .find((path) => existsSync(path))

// Packages resolve to their sources; TEST_DIST=1 tests what `npm run build` wrote.
const source = process.env['TEST_DIST'] === undefined ? ['@typegrad/source'] : []

export default defineConfig({
  ssr: { resolve: { conditions: [...source, 'module', 'node', 'development|production'] } },
  test: {
    include: ['test/**/*.test.ts'],
    setupFiles: ['./test/setup.ts'],
    reporters: ['default', './scripts/conformance-reporter.ts', './scripts/plain-line-reporter.ts'],
    testTimeout: 60_000,
    // Inherited by worker threads, which so run the TypeScript sources too.
    execArgv: [
      '--expose-gc',
      ...source.map((condition) => `--conditions=${condition}`),
      `--import=${new URL('./scripts/ts-register.mjs', import.meta.url).href}`,
    ],
    env: swiftshader === undefined ? {} : { VK_ICD_FILENAMES: swiftshader, XDG_RUNTIME_DIR: '/tmp' },
  },
})
