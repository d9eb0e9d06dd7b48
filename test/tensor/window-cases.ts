/** Windows over one to three spatial axes, for tests of convolution and pooling, and where they lie, from the definition. */
import type { Padding } from '@typegrad/tensor'
import fc, { type Arbitrary } from 'fast-check'
import { indices } from './naive.ts'

export interface WindowCase {
  readonly lengths: readonly number[]
  readonly window: readonly number[]
  readonly strides: readonly number[]
  readonly dilation: readonly number[]
  readonly padding: Padding
}

/** The elements that a window spans. */
export const extent = (size: number, dilation: number): number => (size - 1) * dilation + 1

/** Zeros before and after an axis. */
export function edges({ lengths, window, strides, dilation, padding }: WindowCase, axis: number): readonly [number, number] {
  if (typeof padding !== 'string') return padding[axis]
  const span = extent(window[axis], dilation[axis])
  if (padding === 'valid') return [0, 0]
  if (padding === 'causal') return [span - 1, 0]
  const outputs = Math.ceil(lengths[axis] / strides[axis])
  const total = Math.max(0, (outputs - 1) * strides[axis] + span - lengths[axis])
  return [Math.floor(total / 2), Math.ceil(total / 2)]
}

/** The lengths of the result: windows are placed as long as there is room. */
export const outputsOf = (one: WindowCase): number[] =>
  one.lengths.map((length, axis) => {
    const [before, after] = edges(one, axis)
    let count = 0
    while (count * one.strides[axis] + extent(one.window[axis], one.dilation[axis]) <= before + length + after) count++
    return count
  })

/** Every place where a window meets the input: the index of the window, the place in the window, the index of the input. */
export function meetings(one: WindowCase): { output: number[]; tap: number[]; input: number[] }[] {
  const taps = indices(one.window)
  return indices(outputsOf(one)).flatMap((output) =>
    taps
      .map((tap) => ({
        output,
        tap,
        input: output.map((o, axis) => o * one.strides[axis] + tap[axis] * one.dilation[axis] - edges(one, axis)[0]),
      }))
      .filter(({ input }) => input.every((i, axis) => i >= 0 && i < one.lengths[axis])),
  )
}

interface Limits {
  readonly maxRank?: number
  readonly maxDilation?: number
  readonly paddings: readonly ('valid' | 'same' | 'causal' | 'pairs')[]
  /** Allowed pairs for a window that spans so much. */
  readonly pair?: (span: number) => Arbitrary<readonly [number, number]>
}

/** Windows of 1 to 4 elements, strides 1 to 4, lengths that leave a rest. */
export const windowCases = ({ maxRank = 3, maxDilation = 3, paddings, pair }: Limits): Arbitrary<WindowCase> =>
  fc.record({ rank: fc.integer({ min: 1, max: maxRank }), kind: fc.constantFrom(...paddings) }).chain(({ rank, kind }) =>
    fc
      .array(
        fc
          .record({
            size: fc.integer({ min: 1, max: 5 - rank }),
            stride: fc.integer({ min: 1, max: 4 }),
            dilation: fc.integer({ min: 1, max: rank === 3 ? 1 : maxDilation }),
            rest: fc.integer({ min: 0, max: 5 - rank }),
          })
          .chain((axis) => {
            const span = extent(axis.size, axis.dilation)
            const around = kind === 'pairs' ? pair!(span) : fc.constant([0, 0] as const)
            return around.map(([before, after]) => {
              const least = kind === 'pairs' ? span - before - after : kind === 'valid' ? span : 1
              return { ...axis, before, after, length: Math.max(1, least) + axis.rest }
            })
          }),
        { minLength: rank, maxLength: rank },
      )
      .map((axes) => ({
        lengths: axes.map(({ length }) => length),
        window: axes.map(({ size }) => size),
        strides: axes.map(({ stride }) => stride),
        dilation: axes.map(({ dilation }) => dilation),
        padding: kind === 'pairs' ? axes.map(({ before, after }) => [before, after] as const) : kind,
      })),
  )
