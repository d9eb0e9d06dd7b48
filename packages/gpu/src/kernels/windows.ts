/** What the kernels of convolution and pooling share: the arguments of every spatial axis, and the threads' positions. */
import type { Limits } from '../limits.ts'
import type { Argument } from '../engine.ts'
import { axesGrid, type Grid } from '../grid.ts'
import type { KernelText } from '../kernel-text.ts'

/** How windows lie on the spatial axes of an input. */
export interface Windows {
  readonly lengths: readonly number[]
  readonly outputs: readonly number[]
  readonly window: readonly number[]
  readonly strides: readonly number[]
  readonly dilation: readonly number[]
  readonly padding: readonly (readonly number[])[]
}

/** For axis i the input's length `L`, the output's `O`, the window's `K`, the stride `s`, the dilation `d`, the padding `p`. */
export const windowArguments = (w: Windows): Argument[] =>
  w.window.flatMap((size, i) => [w.lengths[i], w.outputs[i], size, w.strides[i], w.dilation[i], w.padding[i][0]])

export function windowParameters(text: KernelText, rank: number): void {
  for (let i = 0; i < rank; i++) text.integers(`L${i}`, `O${i}`, `K${i}`, `s${i}`, `d${i}`, `p${i}`)
}

/** A grid over `[batch, …spatial, channels]`, all axes but the last two of which are one axis of the launch. */
export function pixelGrid(shape: readonly number[], limits: Limits): Grid {
  const rest = shape.slice(0, -2).reduce((a, b) => a * b, 1)
  return axesGrid([rest, ...shape.slice(-2)], [], limits)
}

/** The positions `[batch, …spatial, channel]` of a thread of {@link pixelGrid}; `sizes` names the spatial lengths. */
export function pixelCoordinates(text: KernelText, sizes: readonly string[]): string[] {
  const [first, ...others] = text.grid.coordinates
  return [...unravel(text, first, sizes.slice(0, -1)), ...others]
}

/** A position taken apart: `sizes` names the lengths of all axes but the first. */
export function unravel(text: KernelText, position: string, sizes: readonly string[], name = 'u'): string[] {
  const found: string[] = []
  let rest = position
  sizes.forEach((_, i) => {
    const step = sizes.slice(i).join(' * ')
    text.library.add('f_quotient')
    text.lines(`const ${name}${i} = f_quotient(${rest}, ${step});`)
    found.push(`(${name}${i} | 0)`)
    rest += ` - (${name}${i} | 0) * ${step}`
  })
  return [...found, `(${rest})`]
}

/** Loops over the window `k` of an output `o`, where it meets the input at the positions that are returned. */
export function forEachTap(o: readonly string[], body: (at: readonly string[]) => readonly string[]): string[] {
  const at = o.map((position, i) => `(${position} * s${i} + k${i} * d${i} - p${i})`)
  const lines = body(at)
  return nest(
    o.map((_, i) => [`for (let k${i} = 0; k${i} < K${i}; k${i}++) {`, `if (${at[i]} >= 0 && ${at[i]} < L${i}) {`]),
    lines,
  )
}

/** Loops over the window `k` where it lies on an input position `at`, and the outputs `(q | 0)` of those windows. */
export function forEachWindow(
  text: KernelText,
  at: readonly string[],
  body: (o: readonly string[]) => readonly string[],
): string[] {
  text.library.add('f_quotient')
  const from = at.map((position, i) => `${position} + p${i} - k${i} * d${i}`)
  return nest(
    at.map((_, i) => [
      `for (let k${i} = 0; k${i} < K${i}; k${i}++) {`,
      `const q${i}w = f_quotient(${from[i]}, s${i});`,
      `if ((q${i}w | 0) * s${i} === ${from[i]} && (q${i}w | 0) >= 0 && (q${i}w | 0) < O${i}) {`,
    ]),
    body(at.map((_, i) => `(q${i}w | 0)`)),
  )
}

function nest(heads: readonly (readonly string[])[], body: readonly string[]): string[] {
  const opened = heads.flat()
  return [...opened, ...body, ...opened.filter((line) => line.endsWith('{')).map(() => '}')]
}
