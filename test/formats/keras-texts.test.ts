// Models that take strings: files by Keras on TensorFlow predict and train on as there, and come back from our own.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { encodeOnnx, loadModel, MismatchError } from '@typegrad/formats'
import { Dense, Embedding, GlobalAveragePooling1D, Hashing, Input, StringLookup, TextVectorization } from '@typegrad/layers'
import { Model, modelFromConfig, Sequential, type Data } from '@typegrad/model'
import { setSeed, tensor, type Tensor } from '@typegrad/tensor'
import { afterAll, describe, expect, it, vi } from 'vitest'
import { difference, fromGolden, type GoldenTensor, type Tolerance } from '../conformance.ts'

const golden = fileURLToPath(new URL('../golden/keras/', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'typegrad-texts-'))
afterAll(() => rmSync(folder, { recursive: true }))

interface Run {
  readonly x: Data
  readonly y: GoldenTensor
  readonly unseen: Data
  readonly loss: readonly number[]
  readonly predict: GoldenTensor
  readonly continued: readonly number[]
}
const { tol, texts, features } = JSON.parse(readFileSync(join(golden, 'texts.json'), 'utf8')) as {
  tol: Tolerance
  texts: Run
  features: Run
}

/** All that a model is, to the bit. */
const wholeOf = (model: Model): unknown => ({
  config: JSON.parse(JSON.stringify(model)) as unknown,
  weights: model.weights.map((weight) => weight.toArray()),
  optimizer: model.optimizer.variables.map((variable) => variable.toArray()),
})

describe.each([['texts', texts] as const, ['features', features] as const])('%s', (name, run) => {
  const load = (): Promise<Model> => loadModel(join(golden, `${name}.keras`))

  it('predicts as Keras does', async () => {
    const model = await load()
    const predicted = (await model.predict(run.unseen)) as Tensor
    expect(difference(predicted, run.predict, tol)).toBeUndefined()
    // The same at once, and op by op.
    expect(model.predictOnBatch(run.unseen).toArray()).toEqual(predicted.toArray())
    expect(difference(model.apply(run.unseen as string[]) as Tensor, run.predict, tol)).toBeUndefined()
  })

  it('goes on training as Keras does', async () => {
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => undefined)
    const model = await load()
    const { history } = await model.fit(run.x, fromGolden(run.y), { epochs: 2, batchSize: 4, shuffle: false, verbose: 0 })
    run.continued.forEach((loss, epoch) => expect(history['loss'][epoch]).toBeCloseTo(loss, 5))
    // Strings that two layers take are passed on to them op by op, and it is said.
    expect(model.explain().startsWith('trainStep')).toBe(name === 'texts')
    expect(warn).toHaveBeenCalledTimes(name === 'texts' ? 0 : 1)
    warn.mockRestore()
  })

  it.each(['keras', 'safetensors'])('is the same after it was written as .%s', async (ending) => {
    const model = await load()
    const path = join(folder, `${name}.${ending}`)
    await model.save(path)
    const again = await loadModel(path)
    expect(wholeOf(again)).toEqual(wholeOf(model))
    expect((await again.predict(run.unseen)).toArray()).toEqual((await model.predict(run.unseen)).toArray())
    const fresh = modelFromConfig(JSON.parse(JSON.stringify(model)) as ReturnType<Model['toJSON']>)
    await fresh.loadWeights(path)
    expect((await fresh.predict(run.unseen)).toArray()).toEqual((await model.predict(run.unseen)).toArray())
  })
})

describe('strings in models', () => {
  const words = (): TextVectorization => new TextVectorization({ vocabulary: ['a', 'b', 'c'], outputSequenceLength: 3 })
  const rest = (): (Embedding | GlobalAveragePooling1D | Dense)[] => {
    setSeed(1)
    return [new Embedding({ inputDim: 5, outputDim: 2 }), new GlobalAveragePooling1D(), new Dense({ units: 1 })]
  }
  const data = ['a b', 'c', 'b b d', 'a', 'c a']
  const y = tensor([[1], [0], [1], [0], [1]])
  const predictions = async (model: Model, x: Data): Promise<unknown> => (await model.predict(x)).toArray()

  it('are taken without an Input, by nested models, as columns, shuffled and in batches', async () => {
    const numbers = new Sequential(rest())
    const expected = await predictions(numbers, words().apply(data))
    const plain = new Sequential([words(), ...rest()])
    expect(await predictions(plain, data)).toEqual(expected)
    const path = join(folder, 'plain.keras')
    await plain.save(path)
    expect(await predictions(await loadModel(path), data)).toEqual(expected)

    const column = new Sequential([Input({ shape: [1], dtype: 'string' }), words(), ...rest()])
    for (const x of [data, data.map((text) => [text])]) expect(await predictions(column, x)).toEqual(expected)
    const text = Input({ shape: [1], dtype: 'string', name: 'text' })
    const outer = new Model({ inputs: text, outputs: column.apply(text) })
    expect(await predictions(outer, { text: data })).toEqual(expected)
    expect(await predictions(new Sequential([column]), data)).toEqual(expected)

    for (const model of [column, numbers]) model.compile({ optimizer: 'sgd', loss: 'mse' })
    setSeed(3)
    const given = await column.fit(data, y, { epochs: 2, batchSize: 2, validationSplit: 0.2, verbose: 0 })
    setSeed(3)
    const encoded = await numbers.fit(words().apply(data), y, { epochs: 2, batchSize: 2, validationSplit: 0.2, verbose: 0 })
    expect(given.history).toEqual(encoded.history)
    expect(await column.evaluate(data, y, { verbose: 0 })).toEqual(await numbers.evaluate(words().apply(data), y, { verbose: 0 }))
    const source = function* (): Generator<[string[], Tensor]> {
      yield [data, y]
    }
    expect(await column.evaluate(source, { verbose: 0 })).toEqual(await column.evaluate(data, y, { verbose: 0 }))
  })

  it('may go to several layers', async () => {
    const text = Input({ shape: [1], dtype: 'string' })
    const parts = [
      new StringLookup({ vocabulary: ['a'], outputMode: 'oneHot' }),
      new Hashing({ numBins: 3, outputMode: 'oneHot' }),
    ]
    const model = new Model({ inputs: text, outputs: parts.map((layer) => layer.apply(text)) })
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => undefined)
    const [looked, hashed] = (await model.predict(['a', 'b'])) as Tensor[]
    warn.mockRestore()
    expect([looked.toArray(), hashed.toArray()]).toEqual(parts.map((layer) => layer.apply([['a'], ['b']]).toArray()))
  })

  it('that do not belong there are named', async () => {
    const model = new Sequential([Input({ shape: [1], dtype: 'string' }), words(), ...rest()]).compile({ loss: 'mse' })
    await expect(model.predict([[1], [2]])).rejects.toThrow(/numbers for the input .* which takes strings/)
    const numbers = new Sequential([Input({ shape: [1] }), new Dense({ units: 1 })])
    await expect(numbers.predict(data)).rejects.toThrow(/strings for the input .* dtype: 'string'/)
    expect(() => new Dense({ units: 1 }).apply(Input({ shape: [1], dtype: 'string' }))).toThrow(
      /Dense: strings, expected numbers: Text/,
    )
    expect(() => new Dense({ units: 1 }).apply(data)).toThrow(/Dense: strings, expected numbers/)
    await expect(model.fit(data, data as never, { verbose: 0 })).rejects.toThrow(/y: strings, expected numbers/)
    expect(() => model.toModule()).toThrow(/takes strings, modules numbers/)
    await expect(encodeOnnx(model)).rejects.toThrow(MismatchError)
  })
})
