/** Reductions, and what is made of means: normalization and softmax. */
import type { Tensor } from '@typegrad/tensor'
import { numbersOf, operator, range, type Attributes, type Operator } from './operator.ts'

type Reduce = (x: Tensor, axes: readonly number[], options: { readonly keepdims: boolean }) => Tensor

/** Over the given axes, which are an attribute in older versions and an input since; without any over all, or none. */
const reduction = (f: Reduce): Operator =>
  operator(1, 2, (a) => {
    const attribute = a.numbers('axes')
    const [keepdims, keepsAll] = [a.flag('keepdims', true), a.flag('noop_with_empty_axes')]
    return ([x, given]) => {
      const axes = (given as Tensor | undefined) ? numbersOf(given) : attribute
      if ((axes?.length ?? 0) === 0) return keepsAll ? x.value : f(x, range(x.rank), { keepdims }).cast(x.dtype)
      return f(x, axes!, { keepdims }).cast(x.dtype)
    }
  })

/** Before version 13 all axes from the given one on were one. */
const normalized = (f: (x: Tensor, axis: number) => Tensor): Operator =>
  operator(1, 1, (a) => {
    const old = a.version < 13
    const axis = a.number('axis', old ? 1 : -1)
    return ([x]) => {
      if (!old) return f(x, axis)
      const at = axis < 0 ? axis + x.rank : axis
      const rows = x.shape.slice(0, at).reduce((p, n) => p * n, 1)
      return f(x.reshape([rows, -1]), 1).reshape(x.shape)
    }
  })

/** A vector along the channels, which are the second axis. */
const along = (vector: Tensor, rank: number): Tensor => vector.reshape([-1, ...range(rank - 2).map(() => 1)])

const batchNormalization: Operator = operator(5, 5, (a) => {
  const epsilon = a.number('epsilon', 1e-5)
  a.number('momentum', 0.9)
  a.need(a.flag('spatial', true), 'spatial')
  a.need(!a.flag('training_mode'), 'training_mode')
  return ([x, scale, shift, mean, variance]) => {
    const factor = scale.mul(variance.add(epsilon).rsqrt())
    return x
      .mul(along(factor, x.rank))
      .add(along(shift.sub(mean.mul(factor)), x.rank))
      .cast(x.dtype)
  }
})

/** x with mean 0 and variance 1 over some axes. */
function standardized(x: Tensor, axes: readonly number[], epsilon: number): Tensor {
  const centered = x.sub(x.mean(axes, { keepdims: true }))
  return centered.mul(centered.square().mean(axes, { keepdims: true }).add(epsilon).rsqrt())
}

const instanceNormalization: Operator = operator(3, 3, (a) => {
  const epsilon = a.number('epsilon', 1e-5)
  return ([x, scale, shift]) =>
    standardized(x, range(x.rank - 2, 2), epsilon)
      .mul(along(scale, x.rank))
      .add(along(shift, x.rank))
})

const groupNormalization: Operator = operator(3, 3, (a) => {
  const [epsilon, groups] = [a.number('epsilon', 1e-5), a.number('num_groups', 1)]
  a.number('stash_type', 1)
  return ([x, scale, shift]) => {
    const [n, channels, ...rest] = x.shape
    const parts = x.reshape([n, groups, channels / groups, ...rest])
    const y = standardized(parts, range(parts.rank - 2, 2), epsilon)
    // Version 18 had a factor for each group, and not for each channel.
    if (scale.size === channels) return y.reshape(x.shape).mul(along(scale, x.rank)).add(along(shift, x.rank))
    return y.mul(along(scale, y.rank)).add(along(shift, y.rank)).reshape(x.shape)
  }
})

const layerNormalization: Operator = operator(2, 3, (a) => {
  const [axis, epsilon] = [a.number('axis', -1), a.number('epsilon', 1e-5)]
  a.number('stash_type', 1)
  const statistics = [a.wants(1), a.wants(2)].includes(true)
  return ([x, scale, shift]) => {
    const axes = range(x.rank - (axis < 0 ? axis + x.rank : axis), axis < 0 ? axis + x.rank : axis)
    const y = standardized(x, axes, epsilon).mul(scale)
    const out = (shift as Tensor | undefined) ? y.add(shift) : y
    if (!statistics) return out
    const mean = x.mean(axes, { keepdims: true })
    return [out, mean, x.sub(mean).square().mean(axes, { keepdims: true }).add(epsilon).rsqrt()]
  }
})

const rmsNormalization: Operator = operator(2, 2, (a) => {
  const [axis, epsilon] = [a.number('axis', -1), a.number('epsilon', 1e-5)]
  a.number('stash_type', 1)
  return ([x, scale]) => {
    const from = axis < 0 ? axis + x.rank : axis
    const mean = x.square().mean(range(x.rank - from, from), { keepdims: true })
    return x.mul(mean.add(epsilon).rsqrt()).mul(scale)
  }
})

const lpNormalization: Operator = operator(1, 1, (a) => {
  const [axis, p] = [a.number('axis', -1), a.number('p', 2)]
  a.need(p === 1 || p === 2, `p ${p}`)
  return ([x]) => x.div(p === 1 ? x.abs().sum(axis, { keepdims: true }) : x.square().sum(axis, { keepdims: true }).sqrt())
})

/** Each channel divided by a power of the squares of those near it. */
const localResponse: Operator = operator(1, 1, (a) => {
  const [alpha, beta, bias, size] = [a.number('alpha', 1e-4), a.number('beta', 0.75), a.number('bias', 1), a.number('size', 1)]
  return ([x]) => {
    const before = (size - 1) >> 1
    const near = x.moveaxis(1, -1).square()
    const padded = near.pad([...range(x.rank - 1).map((): [number, number] => [0, 0]), [before, size - 1 - before]])
    const all = range(x.rank - 1).map(() => null)
    const sums = range(size)
      .map((i) => padded.slice(...all, [i, i + x.shape[1]]))
      .reduce((p, q) => p.add(q))
    return x.div(sums.mul(alpha / size).add(bias).pow(beta).moveaxis(-1, 1)) // prettier-ignore
  }
})

const meanVariance: Operator = operator(1, 1, (a: Attributes) => {
  const axes = a.numbers('axes') ?? [0, 2, 3]
  return ([x]) => {
    const centered = x.sub(x.mean(axes, { keepdims: true }))
    return centered.div(centered.square().mean(axes, { keepdims: true }).sqrt().add(1e-9))
  }
})

export const reductions: Readonly<Record<string, Operator>> = {
  ReduceSum: reduction((x, axes, options) => x.sum(axes, options)),
  ReduceMean: reduction((x, axes, options) => x.mean(axes, options)),
  ReduceMax: reduction((x, axes, options) => x.max(axes, options)),
  ReduceMin: reduction((x, axes, options) => x.min(axes, options)),
  ReduceProd: reduction((x, axes, options) => x.prod(axes, options)),
  ReduceL1: reduction((x, axes, options) => x.abs().sum(axes, options)),
  ReduceL2: reduction((x, axes, options) => x.square().sum(axes, options).sqrt()),
  ReduceSumSquare: reduction((x, axes, options) => x.square().sum(axes, options)),
  ReduceLogSum: reduction((x, axes, options) => x.sum(axes, options).log()),
  ReduceLogSumExp: reduction((x, axes, options) => x.logsumexp(axes, options)),
  Softmax: normalized((x, axis) => x.softmax(axis)),
  LogSoftmax: normalized((x, axis) => x.logSoftmax(axis)),
  Hardmax: normalized((x, axis) => x.argmax(axis).oneHot(x.shape.at(axis)!).moveaxis(-1, axis).cast(x.dtype)),
  BatchNormalization: batchNormalization,
  InstanceNormalization: instanceNormalization,
  GroupNormalization: groupNormalization,
  LayerNormalization: layerNormalization,
  RMSNormalization: rmsNormalization,
  LpNormalization: lpNormalization,
  LRN: localResponse,
  MeanVarianceNormalization: meanVariance,
}
