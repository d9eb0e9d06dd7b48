/** The short form of `npm run soak`. */
import { expect, test } from 'vitest'
import { soak, type Footprint } from '../soak.ts'

test.each([true, false])('400 steps of a small CNN leave nothing behind, compiled: %s', async (jit) => {
  const seen: Footprint[] = []
  for await (const one of soak(400, jit)) seen.push(one)
  expect(seen.length).toBe(10)
})
