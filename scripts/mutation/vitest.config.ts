/** Vitest for mutants: one process, and the mutated file in place of the real one. See run.ts. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'
import base from '../../vitest.config.ts'

const folder = process.env['MUTATION']!
const { path, tests } = JSON.parse(readFileSync(join(folder, 'state.json'), 'utf8')) as { path: string; tests: string[] }
const { ssr, test } = base

export default defineConfig({
  root: fileURLToPath(new URL('../..', import.meta.url)),
  ...(ssr === undefined ? {} : { ssr }),
  plugins: [
    { name: 'mutants', enforce: 'pre', load: (id) => (id === path ? readFileSync(join(folder, 'code.ts'), 'utf8') : undefined) },
  ],
  test: {
    include: tests,
    setupFiles: ['./test/setup.ts', './scripts/mutation/setup.ts'],
    runner: fileURLToPath(new URL('runner.ts', import.meta.url)),
    isolate: false,
    fileParallelism: false,
    bail: 1,
    testTimeout: 60_000,
    reporters: ['default'],
    ...(test?.execArgv === undefined ? {} : { execArgv: test.execArgv }),
  },
})
