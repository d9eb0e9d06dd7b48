/** What every layer on `[batch, …spatial, channels]` must do, as a table. */
import { checkGradients } from '@typegrad/autograd'
import { clearSession, deserializeLayer, layers, type AnyLayer, type SymbolicShape } from '@typegrad/layers'
import { random } from '@typegrad/tensor'
import { describe, expect, test } from 'vitest'
import type { GoldenFile } from '../conformance.ts'
import { comparable, type KerasCase } from './keras-case.ts'
import { testLayers } from './table.ts'

type Options = Readonly<Record<string, unknown>>

/** A class, options, the spatial lengths and channels of an input, and of what it makes. */
export type SpatialRow = readonly [name: string, options: Options, input: readonly number[], output: readonly number[]]

/** A layer of a class by its name. */
export const makeLayer = (name: string, options: Options): AnyLayer =>
  new (layers as unknown as Record<string, new (options: Options) => AnyLayer>)[name](options)

/** `[batch, …spatial, channels]` as `[batch, channels, …spatial]`. */
const channelsFirst = (shape: SymbolicShape): SymbolicShape => [shape[0], shape.at(-1)!, ...shape.slice(1, -1)]

export function testSpatialLayers(rows: readonly SpatialRow[]): void {
  testLayers(
    rows.map(([name, options, input]) => ({
      name: `${name} ${JSON.stringify(options)} of ${JSON.stringify(input)}`,
      make: (more) => makeLayer(name, { ...options, ...more }),
      input,
      heedsMask: name === 'GlobalAveragePooling1D',
    })),
  )

  describe.each(rows)('%s %j of %j', (name, options, input, output) => {
    const x = new random.Generator(3).uniform([2, ...input])
    const layer = makeLayer(name, options)
    const y = layer.apply(x)

    test('has the right shape, also for lengths that are not known', () => {
      expect(y.shape).toEqual([2, ...output])
      const fixed = /^(Global|Adaptive)/.test(name)
      const open = layer.computeOutputShape([null, null, ...input.slice(1)])
      expect(open).toEqual([null, fixed ? output[0] : null, ...output.slice(1)])
    })

    test.runIf('dataFormat' in layer.options)('gives the same with the channels first', () => {
      const other = makeLayer(name, { ...options, dataFormat: 'channelsFirst' })
      other.buildFor(channelsFirst([null, ...input]))
      other.setWeights(layer.getWeights())
      const z = other.apply(x.moveaxis(-1, 1))
      const back = y.rank === x.rank ? z.moveaxis(1, -1) : z
      expect(back.toArray()).toEqual(y.toArray())
      expect(other.computeOutputShape(channelsFirst([null, ...input]))).toEqual([null, ...z.shape.slice(1)])
    })

    test('has a gradient of the gradient', () => {
      const exact = makeLayer(name, { ...options, dtype: 'float64' })
      exact.buildFor([null, ...input])
      const point = new random.Generator(5).uniform([1, ...input]).cast('float64')
      expect(checkGradients((t) => exact.apply(t).square(), [point], { second: true })).toBeLessThan(1e-5)
    })
  })
}

/** The config of a layer that was given no more than it needs. */
export function testDefaults(file: GoldenFile<KerasCase>): void {
  const defaults = file['defaults'] as readonly Pick<KerasCase, 'class' | 'args' | 'config'>[]
  test.each(defaults)('defaults of $class', ({ class: name, args, config }) => {
    clearSession()
    const made = (deserializeLayer({ class_name: name, config: args }) as AnyLayer).getConfig()
    expect(comparable(made)).toEqual(comparable(config))
    expect(Object.keys(made)).toEqual(Object.keys(config))
  })
}
