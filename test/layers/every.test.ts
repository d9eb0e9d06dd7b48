// Every exported layer is held to the table of what all layers must do (table.ts), or is here with the reason why not.
import { readdirSync, readFileSync } from 'node:fs'
import { layers } from '@typegrad/layers'
import { expect, test } from 'vitest'

const strings = 'takes strings, not tensors: strings.test.ts'
const cell = 'is called step by step by RNN, whose rows hold it: recurrent.test.ts'

const others: Readonly<Record<string, string>> = {
  InputLayer: 'stands for data, and computes nothing',
  Lambda: 'cannot be written, for it holds a function: reshaping.test.ts',
  Hashing: strings,
  HashedCrossing: strings,
  StringLookup: strings,
  IntegerLookup: strings,
  TextVectorization: strings,
  SimpleRNNCell: cell,
  LSTMCell: cell,
  GRUCell: cell,
  StackedRNNCells: cell,
}

const folder = new URL('.', import.meta.url)
const text = readdirSync(folder)
  .filter((file) => file.endsWith('.test.ts') && file !== 'every.test.ts')
  .map((file) => readFileSync(new URL(file, folder), 'utf8'))
  .join('\n')

/** The classes that rows make: `make: (o) => new Dense({ … })`, or `['Conv2D', …]` in the table of spatial layers. */
const made = new Set([
  ...[...text.matchAll(/make: \(\w*\) =>\s*new (\w+)/g)].map(([, name]) => name),
  ...[...text.matchAll(/^ +\[\s*'(\w+)', *\{/gm)].map(([, name]) => name),
  ...[...text.matchAll(/^ +\[\n +'(\w+)',\n +\{/gm)].map(([, name]) => name),
])

test('every layer has its row', () => {
  const all = Object.keys(layers)
  expect(all.length).toBeGreaterThan(100)
  expect(all.filter((name) => !made.has(name) && !(name in others))).toEqual([])
  expect(Object.keys(others).filter((name) => made.has(name) || !all.includes(name))).toEqual([])
})
