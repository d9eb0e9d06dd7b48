/** How a reduction walks: axes that are kept and axes that are reduced, around a run of neighbours of either kind. */
import type { Layout } from '../../../layout.ts'

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

/** The axes as loops, without those of one turn; neighbours that are walked evenly are one. */
function loopsOf({ shape, strides }: Layout, axes: readonly number[]): Loop[] {
  const loops: { size: number; stride: number }[] = []
  for (const axis of axes) {
    const [size, stride] = [shape[axis], strides[axis]]
    const last = loops.at(-1)
    if (size === 1) continue
    if (last?.stride === stride * size) {
      last.size *= size
      last.stride = stride
    } else loops.push({ size, stride })
  }
  return loops
}

/** The walk over a layout, or undefined where the elements have to be brought into order first. */
export function walkOf(layout: Layout, axes: readonly number[]): Walk | undefined {
  const { shape, strides } = layout
  const others: number[] = []
  for (let axis = 0; axis < shape.length; axis++) if (!axes.includes(axis)) others.push(axis)
  const kept = loopsOf(layout, others)
  // The order of what is reduced is free: long strides outside.
  const reduced = loopsOf(layout, axes.length > 1 ? axes.toSorted((a, b) => strides[b] - strides[a]) : axes)
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

/** Writes two loops, the missing ones of one turn, as four words: sizes and strides in bytes. */
export function writeLoops(words: Int32Array, at: number, loops: readonly Loop[], bytes: number): void {
  const missing = most - loops.length
  for (let i = 0; i < most; i++) {
    words[at + 2 * i] = i < missing ? 1 : loops[i - missing].size
    words[at + 2 * i + 1] = i < missing ? 0 : loops[i - missing].stride * bytes
  }
}
