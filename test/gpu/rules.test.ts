import { functions } from '@typegrad/tensor'
import { describe, expect, test } from 'vitest'
import { functions as gpuFunctions } from '../../packages/gpu/src/render/functions.ts'
import { library, libraryFunctions } from '../../packages/gpu/src/render/library.ts'
import { violations } from './rules.ts'
import { allSources, onHost } from './sources.ts'

test('every formula function has a kernel text, but for those of the host', () => {
  expect([...Object.keys(gpuFunctions), ...onHost].sort()).toEqual(Object.keys(functions).sort())
})

test('every kernel keeps the rules', () => {
  const sources = [...allSources()]
  expect(sources.length).toBeGreaterThan(600)
  const broken = sources.flatMap(([name, { source }]) => violations(source).map((violation) => `${name}: ${violation}`))
  expect(broken).toEqual([])
})

test('every kernel gets the functions that it calls, and types for all its parameters', () => {
  for (const [name, { source, types, functions: given }] of allSources()) {
    const called = [...source.matchAll(/\bf_\w+/g)].map(([fn]) => fn)
    expect([name, given.map((fn) => fn.settings.name)]).toEqual([name, expect.arrayContaining(called)])
    const parameters = source
      .slice(source.indexOf('(') + 1, source.indexOf(')'))
      .split(', ')
      .filter(Boolean)
    expect([name, parameters.length]).toEqual([name, types.length])
    expect([name, new Set(parameters).size]).toEqual([name, parameters.length])
  }
})

test.each(Object.keys(library))('the function %s keeps the rules, and calls only what it uses', (name) => {
  const [body] = library[name].text.match(/\{[\s\S]*\}$/)!
  expect(violations(body)).toEqual([])
  const called = new Set([...body.matchAll(/\bf_\w+/g)].map(([fn]) => fn))
  expect(libraryFunctions([name]).map((fn) => fn.settings.name)).toEqual(expect.arrayContaining([...called]))
})

describe('the check sees', () => {
  test.each([
    ['two loops of one variable', 'for (let i = 0; i < n; i++) { } for (let i = 0; i < m; i++) { }', /two loops/],
    ['a loop from an argument', 'for (let i = from; i < n; i++) { }', /literal 0/],
    ['a loop by twos', 'for (let i = 0; i < n; i += 2) { }', /by one/],
    ['tanh', 'return Math.tanh(v);', /Math.tanh/],
    ['pow', 'return Math.pow(v, 2);', /Math.pow/],
    ['an operator for powers', 'return v ** 2;', /powers/],
    ['a local in an index', 'const i = at + this.thread.x; return a[i];', /2\^24/],
    ['a local in an index of an index', 'const i = this.thread.x; return a[at + (b[i] | 0)];', /2\^24/],
    ['a division in an index', 'return a[(this.thread.x / n) | 0];', /floats/],
    ['infinity', 'let top = -Infinity;', /argument/],
    ['a comparison that NaN breaks', 'return v !== v ? 1 : 0;', /differ/],
    ['a name declared twice', 'const v = a[0]; { const v = b[0]; }', /twice/],
  ])('%s', (_, source, why) => {
    expect(violations(source).join()).toMatch(why)
  })
})
