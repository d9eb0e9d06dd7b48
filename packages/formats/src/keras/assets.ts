/** What layers have in Keras' archives beside config and weights: learned vocabularies, such as `assets/layers/string_lookup/vocabulary.txt`. */
import { IntegerLookup, StringLookup, TextVectorization } from '@typegrad/layers'
import type { Model } from '@typegrad/model'
import { TypegradError, type Tensor } from '@typegrad/tensor'
import type { Assignment } from '../state/assign.ts'
import { partsOf } from '../state/parts.ts'

/** One term a line, in the order of their positions; Keras leaves out empty lines at the end. */
const linesOf = (bytes: Uint8Array): string[] =>
  new TextDecoder()
    .decode(bytes)
    .replace(/(\r?\n)+$/, '')
    .split(/\r?\n/)

/**
 * Gives layers the vocabularies of an archive's `assets/`, and their weights, if they have some, of `tensors`; these are taken out of it, since they
 * are no variables here. Files that belong to no layer, and what a layer refuses, are problems. (Layers that are written here have their
 * vocabulary in the config, where Keras finds it, too.)
 */
export function readVocabularies(
  model: Model,
  assets: ReadonlyMap<string, Uint8Array>,
  tensors: Map<string, Tensor>,
  { problems }: Assignment,
): void {
  const left = new Set(assets.keys())
  for (const { path, layer } of partsOf(model)) {
    if (!(layer instanceof StringLookup || layer instanceof IntegerLookup || layer instanceof TextVectorization)) continue
    // A TextVectorization holds a StringLookup, which Keras writes once more.
    const [own, within] = [path, `${path}/_lookup_layer`]
    const weights = tensors.get(`${own}/vars/idf_weights`)
    for (const one of [own, within]) tensors.delete(`${one}/vars/idf_weights`)
    const file = assets.get(`assets/${own}/vocabulary.txt`)
    for (const one of [own, within]) left.delete(`assets/${one}/vocabulary.txt`)
    if (!file) continue
    const terms = linesOf(file)
    try {
      const numbers = weights && [...weights.toTypedArray()].slice(0, terms.length)
      if (!(layer instanceof IntegerLookup)) layer.setVocabulary(terms, numbers)
      else if (terms.every((term) => /^-?\d+$/.test(term))) layer.setVocabulary(terms.map(Number), numbers)
      else problems.push(`assets/${own}/vocabulary.txt: it holds what is no integer`)
      const size = layer.expectedSize
      if (size !== null && terms.length !== size)
        problems.push(`assets/${own}/vocabulary.txt: ${terms.length} terms, the config says ${size}`)
    } catch (error) {
      if (!(error instanceof TypegradError)) throw error
      problems.push(`assets/${own}/vocabulary.txt: ${error.message}`)
    }
  }
  for (const name of left) problems.push(`'${name}' in the archive is not known`)
}
