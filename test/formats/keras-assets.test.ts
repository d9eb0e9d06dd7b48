// Vocabularies that layers have learned, where Keras puts them: `assets/` in the archive, as its layers' save_assets writes them.
import { strToU8, zipSync } from 'fflate'
import { loadModel, MismatchError } from '@typegrad/formats'
import { Embedding, Input, IntegerLookup, StringLookup, TextVectorization } from '@typegrad/layers'
import { Sequential } from '@typegrad/model'
import { scalar, tensor, type Tensor } from '@typegrad/tensor'
import { describe, expect, it } from 'vitest'
import { writeHdf5 } from '../../packages/formats/src/keras/hdf5.ts'
import { kerasWeights } from '../../packages/formats/src/keras/weights.ts'

/** The archive of a model as Keras would write it after `adapt`: no vocabulary in the config. */
async function archive(
  model: Sequential,
  assets: Readonly<Record<string, string>>,
  more: Readonly<Record<string, Tensor>> = {},
): Promise<Uint8Array> {
  const config = JSON.stringify(model).replaceAll(/"(vocabulary|idf_weights|vocabulary_size)":(\[[^\]]*\]|\d+)/g, '"$1":null')
  const parts = kerasWeights(model, false)
  const weights = await writeHdf5({ ...parts, tensors: new Map([...parts.tensors, ...Object.entries(more)]) }, 'test')
  const files = Object.entries(assets).map(([name, text]) => [`assets/${name}`, strToU8(text)])
  return zipSync({
    'config.json': strToU8(config),
    'metadata.json': strToU8('{}'),
    'model.weights.h5': weights,
    ...Object.fromEntries(files),
  })
}

describe('vocabularies in .keras files', () => {
  it('of integers, in a model that predicts', async () => {
    const model = new Sequential([
      Input({ shape: [2], dtype: 'int32' }),
      new IntegerLookup({ vocabulary: [30, 10] }),
      new Embedding({ inputDim: 4, outputDim: 2 }),
    ])
    const x = tensor([[10, 30], [77, 10]], { dtype: 'int32' }) // prettier-ignore
    const bytes = await archive(model, { 'layers/integer_lookup/vocabulary.txt': '-1\n30\n10' })
    const loaded = await loadModel(bytes)
    expect((loaded.layers[0] as IntegerLookup).getVocabulary()).toEqual([-1, 30, 10])
    expect((await loaded.predict(x)).toArray()).toEqual((await model.predict(x)).toArray())
    // Written here it is in the config, where Keras finds it.
    expect(JSON.stringify(loaded)).toContain('"vocabulary":[-1,30,10]')
  })

  it('of texts, with the mask, unknown words, weights, and lines of Windows', async () => {
    const model = new Sequential([
      new TextVectorization({ name: 'words' }),
      new StringLookup({ outputMode: 'tfIdf', vocabulary: ['a'], idfWeights: [1] }),
    ])
    const bytes = await archive(
      model,
      {
        'layers/text_vectorization/vocabulary.txt': '\r\n[UNK]\r\nthe\r\nnaïve\r\n',
        'layers/text_vectorization/_lookup_layer/vocabulary.txt': '\r\n[UNK]\r\nthe\r\nnaïve\r\n',
        'layers/string_lookup/vocabulary.txt': '[UNK]\na\nb',
      },
      { 'layers/string_lookup/vars/idf_weights': tensor([2, 1, 3]) },
    )
    const [words, lookup] = (await loadModel(bytes)).layers as [TextVectorization, StringLookup]
    expect(words.getVocabulary()).toEqual(['', '[UNK]', 'the', 'naïve'])
    expect(words.apply(['the naïve cat']).toArray()).toEqual([[2, 3, 1]])
    expect(lookup.apply([['b', 'b', 'x']]).toArray()).toEqual([[2, 0, 6]])
  })

  it('are problems where they do not fit', async () => {
    const model = new Sequential([new IntegerLookup(), new StringLookup()])
    const bytes = await archive(
      model,
      {
        'layers/integer_lookup/vocabulary.txt': '-1\nseven',
        'layers/string_lookup/vocabulary.txt': '[UNK]\na\na',
        'layers/dense/vocabulary.txt': 'a',
      },
      { 'layers/dense/vars/idf_weights': scalar(1) },
    )
    const error = (await loadModel(bytes).catch((e: unknown) => e)) as MismatchError
    expect(error).toBeInstanceOf(MismatchError)
    expect(error.problems).toEqual([
      'assets/layers/integer_lookup/vocabulary.txt: it holds what is no integer',
      'assets/layers/string_lookup/vocabulary.txt: StringLookup: the vocabulary holds "a" twice',
      "'assets/layers/dense/vocabulary.txt' in the archive is not known",
      'weight layers/dense/vars/idf_weights: [] in the file, not in the model',
    ])
  })
})
