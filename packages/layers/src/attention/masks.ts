/** Which query steps may attend to which value steps. */
import { arange, toTensor, ValueError, type Tensor, type TensorLike } from '@typegrad/tensor'
import type { CallContext } from '../layer.ts'
import type { Mask } from '../masks.ts'
import type { SymbolicTensor } from '../symbolic.ts'

export interface AttentionContext extends CallContext {
  /** Also gives the weights that the values were summed with: `[output, scores]`. */
  readonly returnAttentionScores?: boolean
  /** Lets a step attend to itself and to those before only. */
  readonly useCausalMask?: boolean
}

export interface MultiHeadContext extends AttentionContext {
  /** True where a query step may attend to a value step: `[batch, queries, values]`, or what broadcasts to it. */
  readonly attentionMask?: TensorLike | SymbolicTensor | null
}

/** The masks of a list of inputs. */
export const masksOf = (mask: Mask | undefined): readonly (Tensor | undefined)[] =>
  (mask as readonly (Tensor | undefined)[]) ?? []

/** `[1, queries, values]`, true where the value is not later than the query. */
export function causalMask(queries: number, values: number): Tensor {
  const rows = arange(queries, { dtype: 'int32' }).reshape([1, queries, 1])
  return rows.greaterEqual(arange(values, { dtype: 'int32' }).reshape([1, 1, values]))
}

/** All masks that there are, as one. */
export function allOf(...masks: readonly (Tensor | undefined)[]): Tensor | undefined {
  const given = masks.filter((mask) => mask !== undefined)
  return given.length === 0 ? undefined : given.reduce((a, b) => a.logicalAnd(b))
}

/**
 * The mask of multi-head attention over the given axes, in the axes of its scores `[…batch, heads, …queries, …values]`: the query's
 * steps by rows, the value's and the key's by columns, the causal mask, and the one given. `inputs` are query, value and perhaps key.
 */
export function multiHeadMask(
  inputs: readonly Tensor[],
  axes: readonly number[],
  { mask, attentionMask, useCausalMask }: MultiHeadContext,
): Tensor | undefined {
  const [query, value, key] = masksOf(mask)
  const rank = inputs[0].rank
  if (useCausalMask && axes.length > 1)
    throw new ValueError(`useCausalMask: attention goes over axes ${axes.join(' and ')}, expected one axis`)
  const [at] = axes
  return allOf(
    query && inScores(query, rank, axes, 'rows'),
    value && inScores(value, rank, axes, 'columns'),
    key && inScores(key, rank, axes, 'columns'),
    useCausalMask ? causalMask(inputs[0].shape[at], inputs[1].shape[at]) : undefined,
    attentionMask === undefined || attentionMask === null
      ? undefined
      : spread(toTensor(attentionMask as TensorLike).cast('bool'), rank + axes.length, axes.length),
  )
}

/** A mask of the steps of an input of this rank, in the axes of the scores. */
function inScores(mask: Tensor, rank: number, axes: readonly number[], side: 'rows' | 'columns'): Tensor {
  const all = mask.reshape([...mask.shape, ...Array.from({ length: rank - 1 - mask.rank }, () => 1)])
  const others = [...all.shape.keys()].filter((axis) => !axes.includes(axis))
  const lengths = axes.map((axis) => all.shape[axis])
  const ones = axes.map(() => 1)
  return all
    .transpose([...others, ...axes])
    .reshape([...others.map((axis) => all.shape[axis]), 1, ...(side === 'rows' ? [...lengths, ...ones] : [...ones, ...lengths])])
}

/** The axes that a mask lacks, of the heads first of all, come before those of queries and values. */
function spread(mask: Tensor, rank: number, axes: number): Tensor {
  const own = Math.max(0, mask.rank - 2 * axes)
  const missing = Array.from({ length: Math.max(0, rank - mask.rank) }, () => 1)
  return mask.reshape([...mask.shape.slice(0, own), ...missing, ...mask.shape.slice(own)])
}

/** Softmax over the last `axes` axes together, of what the mask lets through; a line that it leaves nothing of is 0. */
export function maskedSoftmax(scores: Tensor, mask: Tensor | undefined, axes = 1): Tensor {
  const seen = mask ? mask.where(scores, -Infinity) : scores
  if (axes === 1) return seen.softmax()
  return seen.flatten(-axes).softmax().reshape(scores.shape)
}
