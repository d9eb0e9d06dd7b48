import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

test('all 45 bugs that such libraries really had have a test with its source', () => {
  const texts = ['bugs-arrays.test.ts', 'bugs-training.test.ts'].map((name) =>
    readFileSync(new URL(name, import.meta.url), 'utf8'),
  )
  const tested = texts.flatMap((text) =>
    [...text.matchAll(/test\(['"]bug (\d+): .+ \(.+\)['"]/g)].map(([, number]) => Number(number)),
  )
  expect(tested.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 45 }, (_, i) => i + 1))
})
