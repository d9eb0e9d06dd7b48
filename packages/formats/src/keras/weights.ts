/** Weights and optimizer state as Keras lays them out in HDF5: `layers/dense_1/vars/0`, `optimizer/vars/2`. */
import { IntegerLookup, StringLookup, TextVectorization } from '@typegrad/layers'
import { LearningRateSchedule, type Optimizer } from '@typegrad/optim'
import type { Model } from '@typegrad/model'
import { scalar, tensor, type Tensor, type Variable } from '@typegrad/tensor'
import type { Assignment } from '../state/assign.ts'
import { optimizerOf } from '../state/optimizer.ts'
import { partsOf } from '../state/parts.ts'
import type { Hdf5 } from './hdf5.ts'

const join = (...names: (string | number)[]): string => names.filter((name) => name !== '').join('/')

/** The weights of a model by Keras' paths. */
function weightsByNumber(model: Model): Map<string, Variable> {
  const named = new Map<string, Variable>()
  for (const { path, weights } of partsOf(model)) {
    weights.forEach(([, weight], i) => named.set(join(path, 'vars', i), weight))
  }
  return named
}

/** Weights of vocabularies, which are no variables here, by Keras' paths: a TextVectorization has a StringLookup within, which has them, too. */
export function vocabularyWeights(model: Model): Map<string, Tensor | undefined> {
  return new Map(
    partsOf(model).flatMap(({ path, layer }): [string, Tensor | undefined][] => {
      if (!(layer instanceof StringLookup || layer instanceof IntegerLookup || layer instanceof TextVectorization)) return []
      const weights = layer.positionWeights && tensor(layer.positionWeights)
      const within = layer instanceof TextVectorization ? [join(path, '_lookup_layer')] : []
      return [path, ...within].map((one) => [join(one, 'vars/idf_weights'), weights])
    }),
  )
}

/** What Keras writes for a model: a group for every part, its weights, and (if there is one) the optimizer's state. */
export function kerasWeights(model: Model, includeOptimizer: boolean): Hdf5 {
  const parts = partsOf(model)
  const optimizer = includeOptimizer ? optimizerOf(model) : undefined
  const names = new Map(parts.map(({ path, layer }) => [join(path, 'vars'), layer.name]))
  const tensors = new Map<string, Tensor>(weightsByNumber(model))
  for (const [path, weights] of vocabularyWeights(model)) if (weights) tensors.set(path, weights)
  if (optimizer) {
    names.set('optimizer/vars', optimizer.name)
    const { learningRate: rate } = optimizer
    const counters = [scalar(optimizer.steps, 'int32'), ...(typeof rate === 'number' ? [scalar(rate, 'float32')] : [])]
    for (const [i, value] of [...counters, ...optimizer.variables].entries()) tensors.set(`optimizer/vars/${i}`, value)
  }
  return {
    tensors,
    groups: new Set(names.keys()),
    attributes: new Map([...names].map(([path, name]) => [path, new Map([['name', name]])])),
  }
}

/** Plans to give the model the weights of a file by Keras, and its optimizer the state, if wanted. */
export function planKerasWeights(model: Model, { tensors }: Hdf5, plan: Assignment, withOptimizer: boolean): void {
  const [weights, slots]: Map<string, Tensor>[] = [new Map(), new Map()]
  for (const [path, value] of tensors) (path.startsWith('optimizer/vars/') ? slots : weights).set(path, value)
  for (const [path, known] of vocabularyWeights(model)) {
    const value = weights.get(path)
    weights.delete(path)
    // They come with the vocabulary, from the config or the archive's assets.
    const same = value === undefined || (known !== undefined && String(known.toArray()) === String(value.toArray()))
    if (!same)
      plan.problems.push(
        `weight ${path}: another in the file than in the model's vocabulary; load the model from its .keras file`,
      )
  }
  plan.setAll('weight', weightsByNumber(model), weights)
  const optimizer = withOptimizer ? optimizerOf(model) : undefined
  if (optimizer && slots.size > 0)
    planOptimizer(
      optimizer,
      [...slots.keys()].map((_, i) => slots.get(`optimizer/vars/${i}`)),
      plan,
    )
}

/** Plans to put back an optimizer's state from Keras' list: the step, the learning rate unless it is a schedule, the variables. */
export function planOptimizer(optimizer: Optimizer, saved: readonly (Tensor | undefined)[], plan: Assignment): void {
  const scheduled = optimizer.learningRate instanceof LearningRateSchedule
  const [steps, rate, ...rest] = scheduled ? [saved[0], undefined, ...saved.slice(1)] : saved
  const { variables } = optimizer
  if (!steps || steps.size !== 1 || (!scheduled && rate?.size !== 1) || rest.length !== variables.length) {
    const expected = variables.length + (scheduled ? 1 : 2)
    plan.problems.push(`optimizer: ${saved.length} variables in the file, ${expected} in the model's ${optimizer.name}`)
    return
  }
  variables.forEach((variable, i) =>
    plan.set(`optimizer variable ${i + (scheduled ? 1 : 2)} (${variable.name})`, variable, rest[i]),
  )
  plan.also(() => {
    optimizer.steps = steps.item()
    if (rate) optimizer.learningRate = shortest(rate.item())
  })
}

/** The shortest decimal that is the same float32: Keras keeps the learning rate 0.001 in one, where it is 0.0010000000474974513. */
function shortest(value: number): number {
  for (let digits = 1; digits <= 9; digits++) {
    const short = Number(value.toPrecision(digits))
    if (Math.fround(short) === Math.fround(value)) return short
  }
  return value
}
