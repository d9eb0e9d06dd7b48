import { optionsOf, tensor, ValueError, type Tensor, type TensorLike } from '@typegrad/tensor'
import { sortedClasses, toLabels, type Labels } from './labels.ts'
import { toSamples } from './samples.ts'
import { permutations, shuffled } from './shuffle.ts'

export interface KFoldOptions {
  /** The number of folds, at least 2. @defaultValue 5 */
  nSplits?: number
  /** Whether to shuffle the samples (of each label) before they are dealt out. @defaultValue false */
  shuffle?: boolean
  /** Seed of the shuffle. @defaultValue the next of the global stream */
  seed?: number
  /** One label for each sample: every fold then holds the labels in the same proportion. */
  stratify?: Labels | undefined
}

/**
 * The folds of a cross-validation, as scikit-learn's `KFold` and (with `stratify`) `StratifiedKFold` make them: each sample is in one
 * test set. Folds differ by one sample at most, and stratified by one of each label.
 * ```ts
 * for (const [train, test] of kFold(x, { nSplits: 10, shuffle: true, stratify: y })) {
 *   await model.fit(x.take(train), y.take(train))
 * }
 * ```
 * @param samples an array of samples, or their number
 * @returns `[train, test]` of each fold: positions of samples, int32, ascending
 */
export function kFold(samples: TensorLike, options?: KFoldOptions): [train: Tensor, test: Tensor][] {
  const defaults = { nSplits: 5, shuffle: false, seed: undefined, stratify: undefined }
  const { nSplits, shuffle, seed, stratify } = optionsOf(op, options, defaults)
  const n = typeof samples === 'number' ? samples : toSamples([samples], op).samples
  if (!Number.isInteger(nSplits) || nSplits < 2 || nSplits > n)
    throw new ValueError(`${op}: nSplits ${nSplits} of ${n} samples, expected an integer from 2 to the number of samples`, {
      nSplits,
      samples: n,
    })
  const source = permutations(seed)
  const order = shuffle ? shuffled(n, source) : Int32Array.from({ length: n }, (_, i) => i)
  const foldOf = stratify === undefined ? plain(order, nSplits) : stratified(order, nSplits, stratify)
  const positions = (wanted: (fold: number) => boolean): Tensor =>
    tensor(Int32Array.from([...foldOf.keys()].filter((i) => wanted(foldOf[i]))))
  return Array.from({ length: nSplits }, (_, k) => [positions((fold) => fold !== k), positions((fold) => fold === k)])
}

const op = 'kFold'

/** Consecutive samples of the order make a fold; the first `n % nSplits` folds have one more. */
function plain(order: Int32Array, nSplits: number): Int32Array {
  const foldOf = new Int32Array(order.length)
  const larger = order.length % nSplits
  const size = Math.floor(order.length / nSplits)
  order.forEach((sample, i) => {
    const inLarger = larger * (size + 1)
    foldOf[sample] = i < inLarger ? Math.floor(i / (size + 1)) : larger + Math.floor((i - inLarger) / size)
  })
  return foldOf
}

/** Samples sorted by label (the labels as they appear) are dealt out like cards: so many of a label a fold gets, the first in the order the first fold. */
function stratified(order: Int32Array, nSplits: number, stratify: Labels): Int32Array {
  const labels = toLabels(stratify, op)
  if (labels.length !== order.length)
    throw new ValueError(`${op}: stratify has ${labels.length} labels for ${order.length} samples`)
  const foldOf = new Int32Array(order.length)
  sortedClasses(labels, op)
  const groups = [...new Set(Array.from(labels))].map((label) => order.filter((i) => labels[i] === label))
  const most = Math.max(...groups.map((members) => members.length))
  if (most < nSplits) throw new ValueError(`${op}: no label has more than ${most} samples, too few for ${nSplits} folds`)
  let dealt = 0
  for (const members of groups) {
    const folds = Array.from(members, (_, i) => (dealt + i) % nSplits).sort((a, b) => a - b)
    members.forEach((sample, i) => (foldOf[sample] = folds[i]))
    dealt += members.length
  }
  return foldOf
}
