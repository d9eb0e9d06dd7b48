import { optionsOf, tensor, ValueError, type Tensor, type TensorLike } from '@typegrad/tensor'
import { sortedClasses, toLabels, type Labels } from './labels.ts'
import { toSamples } from './samples.ts'
import { permutations, shuffled } from './shuffle.ts'

export interface TrainTestSplitOptions {
  /** Share of the samples that go into the test set, or their number if it is an integer ≥ 1. @defaultValue 0.25 */
  testSize?: number
  /** Seed of the shuffle. @defaultValue the next of the global stream */
  seed?: number
  /** Whether to shuffle before the split; without, the last samples are the test set. @defaultValue true */
  shuffle?: boolean
  /** One label for each sample: training and test set then hold the labels in the same proportion. */
  stratify?: Labels | undefined
}

/**
 * Splits arrays along their first axis into a training and a test set, each array in the same way; as scikit-learn's
 * `train_test_split`. The test set has `ceil(testSize * samples)` samples.
 * @returns `[aTrain, aTest, bTrain, bTest, …]`
 */
export function trainTestSplit(a: TensorLike, options?: TrainTestSplitOptions): [Tensor, Tensor]
export function trainTestSplit(a: TensorLike, b: TensorLike, options?: TrainTestSplitOptions): [Tensor, Tensor, Tensor, Tensor]
export function trainTestSplit(...args: [...TensorLike[], TrainTestSplitOptions] | TensorLike[]): Tensor[]
export function trainTestSplit(...args: (TensorLike | TrainTestSplitOptions | undefined)[]): Tensor[] {
  const last = args.at(-1)
  const hasOptions = last === undefined || isOptions(last)
  const given = hasOptions && last ? (last as TrainTestSplitOptions) : undefined
  const defaults = { testSize: 0.25, seed: undefined, shuffle: true, stratify: undefined }
  const { testSize, seed, shuffle, stratify } = optionsOf(op, given, defaults)
  const { tensors, samples } = toSamples((hasOptions ? args.slice(0, -1) : args) as TensorLike[], op)
  const test = testCount(testSize, samples)
  if (stratify !== undefined && !shuffle) throw new ValueError(`${op}: stratify needs shuffle: true`)

  const indices =
    stratify !== undefined
      ? stratified(stratify, samples, test, seed)
      : shuffle
        ? shuffled(samples, permutations(seed))
        : Int32Array.from({ length: samples }, (_, i) => i)
  // Shuffled, the test set comes from the front, else it is the end.
  const [testIndices, trainIndices] = shuffle
    ? [indices.subarray(0, test), indices.subarray(test)]
    : [indices.subarray(samples - test), indices.subarray(0, samples - test)]
  return tensors.flatMap((t) => [trainIndices, testIndices].map((part) => t.take(tensor(part), 0)))
}

const op = 'trainTestSplit'

/** Options are a plain object; nothing that is like a tensor is one. */
const isOptions = (value: unknown): boolean => {
  const prototype: unknown = typeof value === 'object' && value !== null ? Object.getPrototypeOf(value) : undefined
  return prototype === Object.prototype || prototype === null
}

function testCount(testSize: number, samples: number): number {
  const count =
    Number.isInteger(testSize) && testSize >= 1 ? testSize : testSize > 0 && testSize < 1 ? Math.ceil(testSize * samples) : NaN
  if (Number.isNaN(count) || count >= samples) {
    const why = Number.isNaN(count)
      ? 'expected a share in (0, 1) or a number of samples'
      : `which leaves no training samples of ${samples}`
    throw new ValueError(`${op}: testSize ${testSize}, ${why}`, { testSize, samples })
  }
  return count
}

/** A permutation whose first `test` indices hold each label in the proportion of all samples. */
function stratified(stratify: Labels, samples: number, test: number, seed: number | undefined): Int32Array {
  const labels = toLabels(stratify, op)
  if (labels.length !== samples) throw new ValueError(`${op}: stratify has ${labels.length} labels for ${samples} samples`)
  const classes = sortedClasses(labels, op)
  const members = new Map(classes.map((label): [string | number, number[]] => [label, []]))
  const source = permutations(seed)
  for (const i of shuffled(samples, source)) members.get(labels[i])!.push(i)
  const groups = classes.map((label) => members.get(label)!)
  const lonely = groups.findIndex((group) => group.length < 2)
  if (lonely >= 0)
    throw new ValueError(`${op}: label ${JSON.stringify(classes[lonely])} has one sample, stratify needs two of each`)
  if (Math.min(test, samples - test) < classes.length) {
    throw new ValueError(
      `${op}: ${samples - test} training and ${test} test samples, stratify needs one for each of ${classes.length} labels`,
    )
  }
  const counts = proportional(
    groups.map((group) => group.length),
    test,
  )
  const front = groups.flatMap((group, k) => group.slice(0, counts[k]))
  const back = groups.flatMap((group, k) => group.slice(counts[k]))
  return Int32Array.from([...mixed(front, source), ...mixed(back, source)])
}

const mixed = (indices: readonly number[], source: ReturnType<typeof permutations>): number[] =>
  Array.from(shuffled(indices.length, source), (i) => indices[i])

/** Splits `total` in the proportion of `sizes`: shares rounded down, what is left over to the largest remainders. */
function proportional(sizes: readonly number[], total: number): number[] {
  const all = sizes.reduce((sum, size) => sum + size, 0)
  const shares = sizes.map((size) => (size * total) / all)
  const counts = shares.map(Math.floor)
  const order = shares.map((_, k) => k).sort((a, b) => shares[b] - counts[b] - (shares[a] - counts[a]) || a - b)
  for (let left = total - counts.reduce((sum, count) => sum + count, 0), k = 0; left > 0; left--, k++) counts[order[k]]++
  return counts
}
