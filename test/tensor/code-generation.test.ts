/** A page may forbid code generation (`script-src 'self'`): the cpu backend then interprets, with the same results. */
import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { battery } from './battery.ts'

test('without new Function every op gives the same bits', () => {
  const script = fileURLToPath(new URL('./without-code-generation.ts', import.meta.url))
  const preload = fileURLToPath(new URL('../../scripts/ts-register.mjs', import.meta.url))
  const sources = process.env['TEST_DIST'] === undefined ? ['--conditions=@typegrad/source'] : []
  const flags = ['--disallow-code-generation-from-strings', ...sources, '--import', preload, script]
  const output = execFileSync(process.execPath, flags, {
    encoding: 'utf8',
    maxBuffer: 2 ** 26,
    // The preload stays out of Vitest's own threads.
    env: { ...process.env, VITEST: '' },
  })
  const { forbidden, results } = JSON.parse(output) as { forbidden: boolean; results: Record<string, string> }
  expect(forbidden).toBe(true)
  expect(results).toEqual(battery('cpu'))
  expect(Object.keys(results).length).toBeGreaterThan(1000)
})
