import { parse, type DType, type Formula, type Tensor } from '@typegrad/tensor'
import type { Cell } from '../cell.ts'
import type { Argument, Engine } from '../engine.ts'
import { axesGrid } from '../grid.ts'
import { hostOp, needsHost } from '../host-op.ts'
import { operand, operandArguments, temporary, type Operand } from '../operand.ts'
import { collapse, keyOf, namesIn, type Reduction } from '../tensor.ts'
import { emptySource, reduceSource } from './reduce-source.ts'
import { write } from './write.ts'

/** A reduction as formulas of the accumulator `acc` and an element `x`, or the count `n`. */
interface Formulas {
  readonly init: number
  readonly step: Formula
  readonly finish: Formula
}

/** Axes of an operand. */
interface Axes {
  readonly shape: readonly number[]
  readonly strides: readonly number[]
}

/** The axis whose elements are dealt out to the threads of the last axis of the grid. */
interface Dealt {
  readonly axis: number
  readonly length: number
  readonly parts: number
}

const acc: Formula = { op: 'name', name: 'acc' }
const x: Formula = { op: 'name', name: 'x' }

/** From so many elements on, and for so few results, one thread for each result is too slow. */
const many = 1024
const few = 4096

/** Reduces `axes` of a tensor in one stage, or in two: partial results first, which are then reduced themselves. */
export function reduce(engine: Engine, reduction: Reduction, tensor: Tensor, axes: readonly number[], out: Tensor): void {
  if (out.size === 0) return
  if (needsHost([tensor], [out])) {
    return hostOp(engine, 'float64', [tensor], [out], (host, [from], [to]) => host.reduce(reduction, from, axes, to))
  }
  const { formulas, combine } = prepare(reduction)
  const { init, finish } = formulas
  const count = axes.reduce((n, axis) => n * tensor.shape[axis], 1)
  if (count === 0) {
    const key = `empty ${out.dtype} ${keyOf(finish)}`
    return write(engine, out, (cell) => engine.launch(key, () => emptySource(finish, out.dtype), [out.size], [init, 0], [cell]))
  }
  const source = operand(engine, tensor)
  const outer = merged(
    tensor,
    [...tensor.shape.keys()].filter((axis) => !axes.includes(axis)),
  )
  const inner = merged(tensor, axes)
  const longest = inner.shape.indexOf(Math.max(...inner.shape))
  const parts = partsOf(inner.shape[longest] ?? 1)
  const twice = combine !== undefined && count >= many && out.size <= few && parts > 1
  write(engine, out, (cell) => {
    if (!twice) return stage(engine, formulas, source, outer, inner, count, out.dtype, cell)
    const partial = temporary(engine, [out.size, parts])
    deal(
      engine,
      { ...formulas, finish: acc },
      source,
      outer,
      inner,
      { axis: longest, length: inner.shape[longest], parts },
      partial.cell,
    )
    const rows = { shape: [out.size], strides: [parts] }
    return stage(engine, { init, step: combine, finish }, partial, rows, { shape: [parts], strides: [1] }, count, out.dtype, cell)
  })
}

/** These axes of a tensor, those that are walked evenly as one. */
function merged({ shape, layout: { strides } }: Tensor, axes: readonly number[]): Axes {
  const pick = (list: readonly number[]): number[] => axes.map((axis) => list[axis])
  const { shape: lengths, strides: steps } = collapse(pick(shape), [pick(strides)])
  return { shape: lengths, strides: steps[0] }
}

/** A power of two near the square root, so that both stages have about the same work. */
const partsOf = (length: number): number => Math.min(1024, 2 ** Math.floor(Math.log2(Math.sqrt(length))))

const prepared = new WeakMap<Reduction, { readonly formulas: Formulas; readonly combine: Formula | undefined }>()

function prepare(reduction: Reduction): { readonly formulas: Formulas; readonly combine: Formula | undefined } {
  let known = prepared.get(reduction)
  if (!known) {
    const step = parse(reduction.step)
    const formulas = { init: reduction.init, step, finish: parse(reduction.finish ?? 'acc') }
    prepared.set(reduction, (known = { formulas, combine: combineOf(reduction, step) }))
  }
  return known
}

const neutral: Readonly<Record<string, number>> = { '+': 0, '*': 1, max: -Infinity, min: Infinity, '&&': 1, '||': 0 }

/** `acc ⊕ part` for a step `acc ⊕ f(x)`, if ⊕ is associative and the accumulator starts at its neutral element. */
export function combineOf({ init }: Reduction, step: Formula): Formula | undefined {
  if (step.op !== 'call' || neutral[step.fn] !== init) return undefined
  const [left, right] = step.args
  const starts = left.op === 'name' && left.name === 'acc' && !namesIn(right).has('acc')
  return starts ? { ...step, args: [acc, x] } : undefined
}

/** Partial results: thread p of a result takes the elements p, p + parts, p + 2·parts … of an axis. */
function deal(engine: Engine, formulas: Formulas, source: Operand, outer: Axes, inner: Axes, dealt: Dealt, cell: Cell): void {
  const { axis, length, parts } = dealt
  const step = inner.strides[axis]
  const threads = { shape: [...outer.shape, parts], strides: [...outer.strides, step] }
  const rounds = {
    shape: inner.shape.with(axis, Math.ceil(length / parts)),
    strides: inner.strides.with(axis, step * parts),
  }
  stage(engine, formulas, source, threads, rounds, 0, 'float32', cell, dealt)
}

function stage(
  engine: Engine,
  { init, step, finish }: Formulas,
  source: Operand,
  outer: Axes,
  inner: Axes,
  count: number,
  dtype: DType,
  cell: Cell,
  dealt?: Dealt,
): void {
  const threads = outer.shape.length > 0 ? outer : { shape: [1], strides: [0] }
  const grid = axesGrid(threads.shape, [threads.strides], engine.runtime.limits)
  const args: Argument[] = [...grid.sizes, ...operandArguments(source, grid.strides[0]), init, count]
  inner.shape.forEach((length, i) => args.push(length, inner.strides[i]))
  if (dealt) args.push(dealt.length, dealt.parts)
  const rank = inner.shape.length
  const key = `reduce ${grid.kind} ${rank} ${dealt?.axis ?? '-'} ${dtype} ${keyOf(step)} ${keyOf(finish)}`
  engine.launch(key, () => reduceSource(step, finish, grid.kind, rank, dtype, dealt?.axis), grid.dims, args, [cell])
}
