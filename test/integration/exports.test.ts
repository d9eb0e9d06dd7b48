// What `typegrad` exports: all of the packages but what only those need who build on the engine.
import { readdirSync, readFileSync } from 'node:fs'
import * as autograd from '@typegrad/autograd'
import * as data from '@typegrad/data'
import * as formats from '@typegrad/formats'
import * as layers from '@typegrad/layers'
import * as losses from '@typegrad/losses'
import * as model from '@typegrad/model'
import * as optim from '@typegrad/optim'
import * as plots from '@typegrad/plots'
import * as tensor from '@typegrad/tensor'
import * as typegrad from 'typegrad'
import { describe, expect, test } from 'vitest'

/** Names that a user of `typegrad` is not troubled with. A new export of a package goes there or here. */
const forBuilders = {
  tensor: [
    'apply applyFormula assertOptions binary broadcastAll camelCase checkOptions currentListeners describe differentiate dtypes formulaOp formulaOps functions hostChoice',
    'hostEffect hostNumber hostNumbers hostOp inspect internals interpolations interpret isFloat isTraceError kernel linearScan',
    'listen lookup normalizeAxes normalizeAxis optionsOf outputLength parse perAxis reductions registerBackend sameShape scalar sizeOf',
    'snakeCase ternary traceLoop tracePut traceStack tracing transposedAxis unary unheard update UpdateGroup without',
  ],
  autograd: ['gradientUnderway recurrence Tape'],
  losses: ['assertMetric maskWeights MeanOf resolveLoss resolveMetric'],
}

const packages: Record<string, object> = { autograd, data, formats, layers, losses, model, optim, plots, tensor }

test('every package carries the licence, which npm does not take from the folder above', () => {
  const root = new URL('../../', import.meta.url)
  const licence = (folder: URL): string => readFileSync(new URL('LICENSE', folder), 'utf8')
  const folders = readdirSync(new URL('packages/', root)).map((name) => new URL(`packages/${name}/`, root))
  expect(folders.length).toBeGreaterThan(10)
  for (const folder of folders) expect(licence(folder)).toBe(licence(root))
})

describe('typegrad exports', () => {
  for (const [name, exported] of Object.entries(packages))
    test(`all of ${name} that users need`, () => {
      const builders = (forBuilders[name as keyof typeof forBuilders] ?? []).flatMap((line) => line.split(' '))
      const missing = Object.keys(exported).filter((key) => !Object.hasOwn(typegrad, key))
      expect(missing.sort()).toEqual(builders.sort())
    })

  test('no name twice: what packages share is one thing', () => {
    const byName = new Map<string, unknown>()
    const twice: string[] = []
    for (const [key, value] of Object.values(packages).flatMap((exported) => Object.entries(exported))) {
      if (byName.has(key) && byName.get(key) !== value) twice.push(key)
      byName.set(key, value)
    }
    expect(twice).toEqual([])
  })
})
