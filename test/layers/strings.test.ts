import {
  deserializeLayer,
  Embedding,
  HashedCrossing,
  Discretization,
  Hashing,
  Input,
  IntegerLookup,
  maskOf,
  serializeLayer,
  StringLookup,
  TextVectorization,
  type AnyLayer,
  type Strings,
} from '@typegrad/layers'
import { Model } from '@typegrad/model'
import { compile, tensor, type Tensor } from '@typegrad/tensor'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { conformance, golden, type Check, type GoldenCase, type GoldenTensor } from '../conformance.ts'
import { compareConfigs, makeLayer, type KerasConfig } from './configs.ts'

interface StringCase extends GoldenCase {
  readonly class: string
  readonly args: Readonly<Record<string, unknown>>
  readonly adapt?: Strings
  readonly x: Strings
  readonly y?: GoldenTensor
  readonly strings?: Strings
  readonly vocabulary?: readonly (string | number)[]
}

const file = golden<StringCase>('layers-strings')

function runStringCase({ class: name, args, adapt, x, y, strings, vocabulary }: StringCase, check: Check): void {
  const layer = makeLayer(name, args) as StringLookup
  if (adapt) layer.adapt(adapt)
  if (vocabulary) expect(layer.getVocabulary()).toEqual(vocabulary)
  const result: unknown = layer.apply(x)
  if (strings) return expect(result).toEqual(strings)
  check('y', result as Tensor, y)
  expect((layer as AnyLayer).computeOutputDType([])).toBe((result as Tensor).dtype)
  const shapeOf = (value: unknown): number[] => (Array.isArray(value) ? [value.length, ...shapeOf(value[0])] : [])
  const shape = name === 'HashedCrossing' ? (x as readonly Strings[]).map(shapeOf) : shapeOf(x)
  const inferred = (layer as AnyLayer).computeOutputShape(shape)
  if (name !== 'TextVectorization') expect(inferred).toEqual((result as Tensor).shape)
  // A layer from the config knows what was learned.
  const read = deserializeLayer(JSON.parse(JSON.stringify(serializeLayer(layer)))) as StringLookup
  check('y of a copy', read.apply(x), y)
}

conformance('layers: strings', file, runStringCase)

describe('preprocessing of strings', () => {
  it('have the configs that Keras writes', () => {
    const configs = file['configs'] as readonly KerasConfig[]
    expect(configs.length).toBeGreaterThan(5)
    compareConfigs(configs)
  })

  it('Hashing gives the example of its documentation', () => {
    expect(new Hashing({ numBins: 3 }).apply([['A'], ['B'], ['C'], ['D'], ['E']]).toArray()).toEqual([[1], [0], [1], [1], [2]])
    expect(() => new Hashing({ numBins: 3, salt: [1] })).toThrow('salt must be an integer ≥ 0 or two, got [1]')
  })

  it('lookups say what is wrong', () => {
    const make = (options: object) => () => new StringLookup(options)
    expect(make({ vocabulary: ['a', 'b', 'a'] })).toThrow('the vocabulary holds "a" twice')
    expect(make({ vocabulary: [] })).toThrow('the vocabulary is empty')
    expect(make({ vocabulary: ['a', ''], maskToken: '' })).toThrow('the vocabulary holds the reserved ""')
    expect(make({ vocabulary: ['a', 'b'], maxTokens: 2 })).toThrow('a vocabulary of 3 positions, maxTokens is 2')
    expect(make({ vocabulary: ['a'], outputMode: 'tfIdf' })).toThrow("outputMode 'tfIdf' with a vocabulary needs idfWeights")
    expect(make({ invert: true, outputMode: 'count' })).toThrow("outputMode must be 'int', not 'count'")
    expect(make({ padToMaxTokens: true })).toThrow('padToMaxTokens needs maxTokens')
    expect(make({ unknown: 1 })).toThrow('StringLookup: unknown option unknown')
    expect(() => new StringLookup({ vocabulary: ['a'], numOovIndices: 0 }).apply(['b'])).toThrow('"b" is not in the vocabulary')
    expect(() => new StringLookup({ vocabulary: ['a'] }).adapt(['b'])).toThrow('a vocabulary was given')
    expect(() => new StringLookup({ outputMode: 'count' }).apply(['b'])).toThrow('give a vocabulary, or call adapt')
    expect(() => new StringLookup({ vocabulary: ['a'] }).apply([['a'], ['a', 'b']])).toThrow('ragged arrays of strings')
    expect(() => new StringLookup({ vocabulary: ['a'] }).apply([1, 2])).toThrow('got numbers, expected strings')
    expect(() => new IntegerLookup({ vocabulary: [1] }).apply(['a'])).toThrow('got strings, expected integers')
    expect(() => new IntegerLookup({ vocabulary: [1] }).apply([1.5])).toThrow('got 1.5, expected integers')
  })

  it('IntegerLookup takes tensors, in a model too', () => {
    const layer = new IntegerLookup({ vocabulary: [10, 20] })
    expect(layer.apply(tensor([[20, 10, 5]], { dtype: 'int32' })).toArray()).toEqual([[2, 1, 0]])
    const symbolic = layer.apply(Input({ shape: [3], dtype: 'int32' }))
    expect(symbolic.shape).toEqual([null, 3])
  })

  it('IntegerLookup finds by ops in tensors what it finds one by one, compiled or not', () => {
    const term = fc.integer({ min: -30, max: 30 })
    const modes = fc.constantFrom('int', 'oneHot', 'multiHot', 'count', 'tfIdf')
    fc.assert(
      fc.property(
        fc.uniqueArray(term, { minLength: 1 }),
        fc.array(term),
        fc.boolean(),
        modes,
        (all, values, masks, outputMode) => {
          const maskToken = masks ? 31 : null
          const idfWeights = outputMode === 'tfIdf' ? all.map((_, i) => i + 1) : null
          const layer = new IntegerLookup({ vocabulary: all, maskToken, outputMode, idfWeights })
          const x = tensor([...values, 31], { dtype: 'int32' })
          const expected = layer.encoded(layer.positions([...values, 31]), x.shape)
          expect(layer.traceable).toBe(true)
          const lookUp = (given: Tensor): Tensor => layer.call(given)
          for (const y of [layer.call(x), compile(lookUp)(x), layer.call(x.cast('float32'))]) {
            expect([y.dtype, y.toArray()]).toEqual([expected.dtype, expected.toArray()])
          }
        },
      ),
      { numRuns: 60 },
    )
  })

  it.each([
    ['nothing is known', {}],
    ['terms are far apart', { vocabulary: [1, 2 ** 21] }],
    ['terms are no float32', { vocabulary: [2 ** 24] }],
    ['several positions are shared', { vocabulary: [1], numOovIndices: 2 }],
    ['terms are wanted', { vocabulary: [1], invert: true }],
  ])('IntegerLookup looks up one by one where %s', (_, options) => {
    expect(new IntegerLookup(options).traceable).toBe(false)
  })

  it('a program forgets the vocabulary and the bins of before', async () => {
    const lookup = new IntegerLookup({ vocabulary: [1, 2], outputMode: 'oneHot' })
    const bins = new Discretization({ numBins: 2 })
    const [x, y] = [Input({ shape: [1], dtype: 'int32' }), Input({ shape: [1] })]
    const model = new Model({ inputs: [x, y], outputs: [lookup.apply(x), bins.apply(y)] })
    const results: unknown[] = []
    for (const known of [
      [1, 3],
      [3, 4],
    ]) {
      lookup.setVocabulary(known)
      bins.adapt(tensor(known))
      const outputs = await model.predict([tensor([[3]], { dtype: 'int32' }), [[2.9]]], { verbose: 0 })
      results.push(outputs.map((one) => one.toArray()))
      expect(model.explain()).toContain('predictStep')
    }
    expect(results).toEqual([
      [[[0, 0, 1]], [[1]]],
      [[[0, 1, 0]], [[0]]],
    ])
  })

  it('equally frequent terms come in the order of their code points, the largest first', () => {
    const layer = new StringLookup()
    layer.adapt(['z', '\uff5e', '\u{1f389}', 'zz', '\u{1f389}a', 'é'])
    expect(layer.getVocabulary({ includeSpecialTokens: false })).toEqual(['\u{1f389}a', '\u{1f389}', '\uff5e', 'é', 'zz', 'z'])
  })

  it('adapt takes the batches of a generator', () => {
    const layer = new StringLookup()
    layer.adapt(
      (function* batches() {
        yield ['a', 'b']
        yield ['b', 'b']
      })(),
    )
    expect(layer.getVocabulary()).toEqual(['[UNK]', 'b', 'a'])
    expect(layer.getVocabulary({ includeSpecialTokens: false })).toEqual(['b', 'a'])
    expect(layer.vocabularySize()).toBe(3)
  })

  it('TextVectorization takes functions, which a config cannot hold', () => {
    const layer = new TextVectorization({
      standardize: (text) => text.toLowerCase(),
      split: (text) => text.split('-'),
      vocabulary: ['äpfel', 'birnen'],
    })
    expect(layer.apply(['ÄPFEL-Birnen', 'x']).toArray()).toEqual([[2, 3], [1, 0]]) // prettier-ignore
    expect(() => layer.getConfig()).toThrow('getConfig: option standardize of layer')
    expect(() => new TextVectorization({ ngrams: 0 })).toThrow('ngrams must be a positive integer or several, got 0')
    expect(() => new TextVectorization({ outputSequenceLength: 3, outputMode: 'count' })).toThrow("is for outputMode 'int'")
    expect(() => new TextVectorization({ vocabulary: ['a'] }).apply([['a', 'b']])).toThrow('expected [batch] or [batch, 1]')
  })

  it('TextVectorization feeds a model', () => {
    const vectorize = new TextVectorization({ maxTokens: 10, outputSequenceLength: 4 })
    vectorize.adapt(['the cat sat', 'the dog sat down'])
    expect(vectorize.getVocabulary().slice(0, 4)).toEqual(['', '[UNK]', 'the', 'sat'])
    const embedded = new Embedding({ inputDim: 10, outputDim: 2, maskZero: true }).apply(vectorize.apply(['the cat', 'a']))
    expect(embedded.shape).toEqual([2, 4, 2])
    expect(maskOf(embedded)!.toArray()).toEqual([[true, true, false, false], [true, false, false, false]]) // prettier-ignore
  })

  it('no input is no error', () => {
    expect(new StringLookup({ vocabulary: ['a'] }).apply([]).shape).toEqual([0])
    expect(new TextVectorization({ vocabulary: ['a'], outputMode: 'count' }).apply([]).shape).toEqual([0, 2])
    expect(new Hashing({ numBins: 4 }).apply([]).shape).toEqual([0])
  })

  it('HashedCrossing needs features of one shape', () => {
    expect(() => new HashedCrossing({ numBins: 4 }).apply([['a'], [1, 2]])).toThrow('features [1] and [2], expected one shape')
    expect(() => new HashedCrossing({ numBins: 4 }).apply([['a']])).toThrow('expected a list of at least two features')
  })
})
