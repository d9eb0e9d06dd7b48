/** Training on sparse samples is training on the dense ones. */
import { vectorizeSequences } from '@typegrad/data'
import { BatchNormalization, Dense, Dropout, Input } from '@typegrad/layers'
import { Model, Sequential, type Batch } from '@typegrad/model'
import { optimizers } from '@typegrad/optim'
import { currentBackend, random, setSeed, type Tensor } from '@typegrad/tensor'
import { describe, expect, it, vi } from 'vitest'

const hasPrograms = currentBackend().program !== undefined

const words = 40
/** Some are empty. */
const sequences = Array.from({ length: 45 }, (_, i) =>
  i % 6 === 0 ? [] : [...new random.Generator(i).integers([i % 9], { high: words }).toTypedArray()],
)
const dense = vectorizeSequences(sequences, words)
const sparse = vectorizeSequences(sequences, words, { sparse: true })
const y = new random.Generator(1).integers([45, 1], { high: 2 }).cast('float32')

const make = (jit: boolean, optimizer = 'RMSprop'): Sequential =>
  new Sequential([new Dense({ units: 6, activation: 'relu' }), new Dense({ units: 1, activation: 'sigmoid' })]).compile({
    optimizer: new optimizers[optimizer as keyof typeof optimizers]({ learningRate: 0.01 }),
    loss: 'binaryCrossentropy',
    metrics: ['accuracy'],
    jit,
  })

async function run(x: Tensor, jit: boolean, optimizer?: string): Promise<{ numbers: unknown; model: Sequential }> {
  setSeed(7)
  const model = make(jit, optimizer)
  const options = { epochs: 2, batchSize: 8, verbose: 0, validationSplit: 0.2, sampleWeight: y.add(0.5) } as const
  const { history } = await model.fit(x, y, options)
  await model.fit(x.slice([null, null, -1]), y, { batchSize: 7, verbose: 0 })
  const predicted = await model.predict(x, { batchSize: 13 })
  const results = await model.evaluate(x, y, { batchSize: 13, verbose: 0 })
  const weights = model.getWeights().map((w) => [...w.toTypedArray()])
  return { numbers: { history, results, weights, predicted: [...predicted.toTypedArray()] }, model }
}

const close = (value: unknown): unknown => {
  if (typeof value === 'number') return expect.closeTo(value, 6)
  if (Array.isArray(value)) return value.map(close)
  return Object.fromEntries(Object.entries(value as object).map(([key, one]) => [key, close(one)]))
}

describe('sparse samples', () => {
  it.each([true, false])('give the weights, figures and predictions of dense ones; compiled: %s', async (jit) => {
    const expected = await run(dense, jit)
    const { numbers, model } = await run(sparse, jit)
    expect(numbers).toEqual(close(expected.numbers))
    // Whole batches and the last one, of two fits.
    expect(model.explain().split('sparseMatmul').length > 5).toBe(jit && hasPrograms)
  })

  it.each(['Adam', 'Ftrl'])('change every slot of %s as dense ones do', async (optimizer) => {
    expect((await run(sparse, true, optimizer)).numbers).toEqual(close((await run(dense, true, optimizer)).numbers))
  })

  it('come by batches, share programs, and enter functional models', async () => {
    const batches = (x: Tensor) => (): Batch['x'][] =>
      [0, 1, 2, 3, 4].map((i) => [x.slice([9 * i, 9 * i + 9]), y.slice([9 * i, 9 * i + 9])])
    const results = []
    for (const x of [dense, sparse]) {
      setSeed(3)
      const input = Input({ shape: [words] })
      const output = new Dense({ units: 1, activation: 'sigmoid' }).apply(new Dense({ units: 3 }).apply(input))
      const model = new Model({ inputs: input, outputs: output }).compile({ optimizer: 'adam', loss: 'mse' })
      const { history } = await model.fit(batches(x), { epochs: 2, verbose: 0 })
      results.push(history)
      // Entries come in powers of two.
      expect(model.explain().split('traced for').length).toBeLessThan(5)
    }
    expect(results[1]).toEqual(close(results[0]))
  })

  it('meet layers that cannot take them with an error that says so', async () => {
    vi.spyOn(console, 'warn').mockImplementation(() => {})
    for (const first of [new Dropout({ rate: 0.5 }), new BatchNormalization()])
      await expect(
        new Sequential([first, new Dense({ units: 1 })]).compile({ loss: 'mse' }).fit(sparse, y, { verbose: 0 }),
      ).rejects.toThrow(/a sparse tensor \[\d+, 40\] meets an op for dense ones.*toDense\(\).*in layer/)
    await expect(make(true).fit(sparse.slice([0, 3]), y, { verbose: 0 })).rejects.toThrow(
      'x [3, 40], y [45, 1], the numbers of samples differ',
    )
    vi.restoreAllMocks()
  })
})
