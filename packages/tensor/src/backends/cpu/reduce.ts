import { interpret, renderJs } from '../../formula/render-js.ts'
import { kernel, type Kernel } from '../../formula/kernel.ts'
import { Tensor } from '../../tensor.ts'
import type { Reduction, ScanOptions } from '../backend.ts'
import { canGenerate, compileLoop, LoopCache } from './loops.ts'
import { forEachIndex } from './elementwise.ts'
import { collapse, makeLayout, permuteLayout, sliceLayout, type Layout } from '../../layout.ts'

const view = (x: Tensor, layout: Layout): Tensor => new Tensor(x.buffer, layout, x.dtype)

const loops = new LoopCache<Reduction>()
const kernels = new WeakMap<Reduction, { step: Kernel; finish: Kernel }>()

function kernelsOf(reduction: Reduction): { step: Kernel; finish: Kernel } {
  let made = kernels.get(reduction)
  if (!made) {
    made = {
      step: kernel(['acc', 'x'], { acc: reduction.step }),
      finish: kernel(['acc', 'n'], { acc: reduction.finish ?? 'acc' }),
    }
    kernels.set(reduction, made)
  }
  return made
}

/** Accumulates in double precision (int32 products modulo 2^32), one output after the other. */
export function reduce(reduction: Reduction, x: Tensor, axes: readonly number[], out: Tensor): void {
  if (out.size === 0) return
  const kept: number[] = []
  for (let axis = 0; axis < x.rank; axis++) if (!axes.includes(axis)) kept.push(axis)
  let count = 1
  for (const axis of axes) count *= x.shape[axis]
  if (!canGenerate) return byIndex(reduction, x, kept, axes, out, count)
  const int = out.dtype === 'int32'
  const outer = collapse(pick(x.shape, kept), [pick(x.layout.strides, kept), out.layout.strides])
  const inner = collapse(pick(x.shape, axes), [pick(x.layout.strides, axes)])
  const pattern = (outer.shape.length << 5) | (inner.shape.length << 1) | Number(int)
  const loop = loops.get(reduction, pattern, () => loopNest(reduction, outer.shape.length, inner.shape.length, int))
  loop(count, outer, inner, x.array, x.layout.offset, out.array, out.layout.offset)
}

const pick = (list: readonly number[], which: readonly number[]): number[] => which.map((axis) => list[axis])

/** Loops over the kept axes around loops over the reduced ones. */
function loopNest(reduction: Reduction, outer: number, inner: number, int: boolean): Function {
  const { step, finish } = kernelsOf(reduction)
  const lines: string[] = []
  const unpack = (letter: string, from: string, rank: number, strides: number): void => {
    for (let i = 0; i < rank; i++) {
      lines.push(`const ${letter}n${i} = ${from}.shape[${i}];`)
      for (let t = 0; t < strides; t++) lines.push(`const ${letter}s${t}_${i} = ${from}.strides[${t}][${i}];`)
    }
  }
  unpack('o', 'outer', outer, 2)
  unpack('i', 'inner', inner, 1)
  for (let i = 0; i < outer; i++) lines.push(`for (let o${i} = 0; o${i} < on${i}; o${i}++) {`)
  lines.push(`let acc = ${reduction.init}; let r = p;`)
  for (let i = 0; i < inner; i++) lines.push(`for (let i${i} = 0; i${i} < in${i}; i${i}++) {`)
  const body = renderJs(step, ['acc', 'v'], int ? 'int32' : 'double')
  lines.push('const v = x[r];', ...body.statements, `acc = ${body.results[0]};`)
  for (let i = inner - 1; i >= 0; i--) {
    lines.push(`r += is0_${i}; }`)
    if (i > 0) lines.push(`r -= in${i} * is0_${i};`)
  }
  const end = renderJs(finish, ['acc', 'n'], int ? 'int32' : 'double')
  lines.push('{', ...end.statements, `out[q] = ${end.results[0]};`, '}')
  for (let i = outer - 1; i >= 0; i--) {
    lines.push(`p += os0_${i}; q += os1_${i}; }`)
    if (i > 0) lines.push(`p -= on${i} * os0_${i}; q -= on${i} * os1_${i};`)
  }
  return compileLoop(['n', 'outer', 'inner', 'x', 'p', 'out', 'q'], lines.join('\n'))
}

function byIndex(
  reduction: Reduction,
  x: Tensor,
  kept: readonly number[],
  reduced: readonly number[],
  out: Tensor,
  count: number,
): void {
  const int = out.dtype === 'int32'
  const kernels = kernelsOf(reduction)
  const [step, finish] = (['step', 'finish'] as const).map((name) => interpret(kernels[name], int ? 'int32' : 'double'))
  const rows = makeLayout(
    kept.map((axis) => x.shape[axis]),
    kept.map((axis) => x.layout.strides[axis]),
    x.layout.offset,
  )
  forEachIndex([view(x, rows), out], ([at, to]) => {
    let acc = reduction.init
    const cells = makeLayout(
      reduced.map((axis) => x.shape[axis]),
      reduced.map((axis) => x.layout.strides[axis]),
      at,
    )
    forEachIndex([view(x, cells)], ([i]) => ([acc] = step([acc, x.array[i]])))
    out.array[to] = finish([acc, count])[0]
  })
}

/** Calls `f` with the buffer positions of the first element of every line along `axis`. */
export function forEachLine(x: Tensor, out: Tensor, axis: number, f: (from: number, to: number) => void): void {
  const first = (t: Tensor): Tensor =>
    view(
      t,
      sliceLayout(
        t.layout,
        t.shape.map((length, i) => ({ start: 0, length: i === axis ? 1 : length, step: 1 })),
      ),
    )
  if (x.size > 0) forEachIndex([first(x), out.rank === x.rank ? first(out) : out], ([from, to]) => f(from, to))
}

/** The first position of the extreme along `axis`; NaN is taken as the extreme. */
export function argReduce(kind: 'max' | 'min', x: Tensor, axis: number, out: Tensor): void {
  const sign = kind === 'max' ? 1 : -1
  const step = x.layout.strides[axis]
  const length = x.shape[axis]
  const order = [...x.shape.keys()].filter((i) => i !== axis)
  const outer = permuteLayout(x.layout, [...order, axis])
  const rows = makeLayout(outer.shape.slice(0, -1), outer.strides.slice(0, -1), outer.offset)
  if (x.size === 0) return
  forEachIndex([view(x, rows), out], ([from, to]) => {
    let best = 0
    let top = x.array[from]
    for (let i = 1; i < length && top === top; i++) {
      const value = x.array[from + i * step]
      if (value !== value || sign * value > sign * top) {
        best = i
        top = value
      }
    }
    out.array[to] = best
  })
}

/** Cumulative sum or product along `axis`, in double precision. */
export function scan(kind: 'sum' | 'prod', x: Tensor, axis: number, { exclusive, reverse }: ScanOptions, out: Tensor): void {
  const length = x.shape[axis]
  const [step, outStep] = [x.layout.strides[axis], out.layout.strides[axis]]
  const int = out.dtype === 'int32'
  forEachLine(x, out, axis, (from, to) => {
    let acc = kind === 'sum' ? 0 : 1
    for (let k = 0; k < length; k++) {
      const i = reverse ? length - 1 - k : k
      const value = x.array[from + i * step]
      const next = kind === 'sum' ? acc + value : int ? Math.imul(acc, value) : acc * value
      out.array[to + i * outStep] = exclusive ? acc : next
      acc = next
    }
  })
}
