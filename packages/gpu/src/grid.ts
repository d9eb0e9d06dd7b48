/**
 * How the elements of a shape are dealt out to threads. Up to three axes are the threads' own x, y and z; more axes, or
 * longer ones than a launch may have, are folded into one and taken apart again in the kernel. Shapes and strides are
 * arguments, so that a kernel is compiled once for each kind of grid, not for each shape.
 */
import type { Shape } from '@typegrad/tensor'
import type { Limits } from './limits.ts'
import { collapse } from './tensor.ts'

export interface Grid {
  /** What the kernel's text depends on: `1`, `2`, `3`, or `f4` for four folded axes. */
  readonly kind: string
  /** The launch, x first. May have threads beyond the last element, whose results nobody reads. */
  readonly dims: readonly number[]
  /** Of folded axes but the last, the number of elements in one step. */
  readonly sizes: readonly number[]
  /** Of every operand the strides of the grid's axes. */
  readonly strides: readonly (readonly number[])[]
}

/** A grid over all elements of `shape`, in row-major order, for operands with these strides. */
export function planGrid(shape: Shape, stridesOf: readonly (readonly number[])[], limits: Limits): Grid {
  const { shape: lengths, strides } = collapse(shape, stridesOf)
  if (lengths.length === 0) return { kind: '1', dims: [1], sizes: [], strides: strides.map(() => [0]) }
  return axesGrid(lengths, strides, limits)
}

/** The same without merging axes: those of the grid are those of the shape. */
export function axesGrid(lengths: Shape, strides: readonly (readonly number[])[], limits: Limits): Grid {
  const rank = lengths.length
  const dims = lengths.toReversed()
  const [x, y = 1, z = 1] = dims
  if (rank === 1) return { kind: '1', dims, sizes: [], strides }
  if (rank <= 3 && x <= limits.x && y <= limits.y && z <= limits.z) return { kind: String(rank), dims, sizes: [], strides }
  if (rank === 2 && x <= limits.x && y <= limits.y * limits.z) {
    // Too many rows: layers of rows.
    const layered = strides.map(([row, column]) => [row * limits.y, row, column])
    return { kind: '3', dims: [x, limits.y, Math.ceil(y / limits.y)], sizes: [], strides: layered }
  }
  const sizes = lengths.map((_, axis) => lengths.slice(axis + 1).reduce((a, b) => a * b, 1))
  return { kind: `f${rank}`, dims: [lengths[0] * sizes[0]], sizes: sizes.slice(0, -1), strides }
}

/** The text of a grid's kernel: what to compute first, and the position along each axis. */
export interface GridText {
  readonly rank: 1 | 2 | 3
  /** Names of the Integer arguments for {@link Grid.sizes}. */
  readonly sizes: readonly string[]
  readonly statements: readonly string[]
  readonly coordinates: readonly string[]
}

const threads = ['this.thread.x', 'this.thread.y', 'this.thread.z']

export function gridText(kind: string): GridText {
  if (!kind.startsWith('f')) {
    const rank = Number(kind) as 1 | 2 | 3
    return { rank, sizes: [], statements: [], coordinates: threads.slice(0, rank).toReversed() }
  }
  const axes = Number(kind.slice(1))
  const sizes = Array.from({ length: axes - 1 }, (_, i) => `n${i}`)
  const statements: string[] = []
  const coordinates: string[] = []
  // Positions are integers below 2^24, exact as the floats that gpu.js keeps them in; `| 0` makes them integers again.
  let rest = 'this.thread.x'
  for (const [i, size] of sizes.entries()) {
    statements.push(`const q${i} = f_quotient(${rest}, ${size});`)
    coordinates.push(`(q${i} | 0)`)
    rest += ` - (q${i} | 0) * ${size}`
  }
  return { rank: 1, sizes, statements, coordinates: [...coordinates, `(${rest})`] }
}
