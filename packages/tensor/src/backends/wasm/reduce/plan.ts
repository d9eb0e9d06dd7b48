/** How a reduction walks: axes that are kept and axes that are reduced, around a run of neighbours of either kind. */
import { collapse, type Layout } from '../../../layout.ts'

/** Sizes, and strides in elements. */
export interface Loop {
  readonly size: number
  readonly stride: number
}

export interface Walk {
  /** Are the neighbours the elements of one line that is reduced (`rows`), or of as many lines (`columns`)? */
  readonly kind: 'rows' | 'columns'
  /** How many neighbours. */
  readonly length: number
  /** At most two each, outermost first, around the run; the result has the kept ones in order. */
  readonly kept: readonly Loop[]
  readonly reduced: readonly Loop[]
}

const most = 2

const loopsOf = ({ shape, strides }: Layout, axes: readonly number[]): Loop[] => {
  const { shape: sizes, strides: steps } = collapse(
    axes.map((axis) => shape[axis]),
    [axes.map((axis) => strides[axis])],
  )
  return sizes.map((size, i) => ({ size, stride: steps[0][i] }))
}

/** The walk over a layout, or undefined where the elements have to be brought into order first. */
export function walkOf(layout: Layout, axes: readonly number[]): Walk | undefined {
  const kept = loopsOf(
    layout,
    [...layout.shape.keys()].filter((axis) => !axes.includes(axis)),
  )
  // The order of what is reduced is free: long strides outside.
  const reduced = loopsOf(
    layout,
    axes.toSorted((a, b) => layout.strides[b] - layout.strides[a]),
  )
  const isRun = (loop: Loop | undefined): boolean => loop?.stride === 1
  if (isRun(reduced.at(-1)) || (reduced.length === 0 && kept.length === 0)) {
    const run = reduced.pop()
    if (kept.length > most || reduced.length > most) return undefined
    return { kind: 'rows', length: run?.size ?? 1, kept, reduced }
  }
  if (!isRun(kept.at(-1))) return undefined
  const run = kept.pop()!
  if (kept.length > most || reduced.length > most) return undefined
  return { kind: 'columns', length: run.size, kept, reduced }
}

/** Elements in row-major order of the kept axes and then the reduced ones. */
export const packedWalk = (kept: number, reduced: number): Walk => ({
  kind: 'rows',
  length: reduced,
  kept: [{ size: kept, stride: reduced }],
  reduced: [],
})

/** Two loops, the missing ones of one turn, as four words: sizes and strides in bytes. */
export function loopWords(loops: readonly Loop[], bytes: number): number[] {
  const all = [...Array.from({ length: most - loops.length }, () => ({ size: 1, stride: 0 })), ...loops]
  return all.flatMap(({ size, stride }) => [size, stride * bytes])
}
