/** Engines that lack SharedArrayBuffer, SIMD or WebAssembly: a process that has lost it gives the same bits. */
import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import type { Feature } from '../../without.ts'
import { battery } from '../battery.ts'

interface Report {
  readonly backends: readonly string[]
  readonly name: string
  readonly threads: { readonly count: number; readonly reason?: string }
  readonly results: Record<string, string>
}

function without(feature: Feature): Report {
  const script = fileURLToPath(new URL('./without-feature.ts', import.meta.url))
  const preload = fileURLToPath(new URL('../../../scripts/ts-register.mjs', import.meta.url))
  const sources = process.env['TEST_DIST'] === undefined ? ['--conditions=@typegrad/source'] : []
  const output = execFileSync(process.execPath, [...sources, '--import', preload, script, feature], {
    encoding: 'utf8',
    maxBuffer: 2 ** 26,
    // The preload stays out of Vitest's own threads.
    env: { ...process.env, VITEST: '' },
  })
  return JSON.parse(output) as Report
}

test('without SharedArrayBuffer wasm works with one thread, and says why', () => {
  const { name, threads, results } = without('SharedArrayBuffer')
  expect(name).toBe('wasm')
  expect(threads.count).toBe(1)
  expect(threads.reason).toContain('SharedArrayBuffer')
  expect(results).toEqual(battery('wasm'))
})

test.each(['SIMD', 'WebAssembly'] as const)('without %s the cpu backend is the default, and there is a reason', (feature) => {
  const { backends, name, threads, results } = without(feature)
  expect(backends).toEqual(['cpu'])
  expect(name).toBe('cpu')
  expect(threads.count).toBe(1)
  expect(threads.reason).toContain('no WebAssembly')
  expect(results).toEqual(battery('cpu'))
})
