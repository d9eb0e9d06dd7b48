import { parse, type DType, type Formula, type Tensor } from '@typegrad/tensor'
import type { Cell } from '../cell.ts'
import { isNumber, type Argument, type Engine } from '../engine.ts'
import { axesGrid } from '../grid.ts'
import { hostOp, needsHost } from '../host-op.ts'
import { constantOf, operand, operandArguments, temporary } from '../operand.ts'
import { collapse, keyOf, namesIn, type Reduction } from '../tensor.ts'
import { emptySource, reduceSource } from './reduce-source.ts'
import { arraysOf, inputKinds, type Input } from './results.ts'
import { write } from './write.ts'

/** A reduction as formulas of the accumulator `acc` and an element `x`, or the count `n`. */
interface Formulas {
  readonly init: number
  readonly step: Formula
  readonly finish: Formula
}

/** Axes of operands, with the strides of each of them. */
interface Axes {
  readonly shape: readonly number[]
  readonly strides: readonly (readonly number[])[]
}

/** What is reduced: a formula of `x0`, `x1` …, and what these are; all of one shape. */
export interface Elements {
  readonly formula: Formula
  readonly inputs: readonly Tensor[]
}

/** The same, as kernels read it. */
interface Source {
  readonly formula: Formula
  readonly read: readonly Input[]
}

/** The axis whose elements are dealt out to the threads of the last axis of the grid. */
interface Dealt {
  readonly axis: number
  readonly length: number
  readonly parts: number
}

const acc: Formula = { op: 'name', name: 'acc' }
const x: Formula = { op: 'name', name: 'x' }
const plain: Formula = { op: 'name', name: 'x0' }

/** From so many elements on, and for so few results, one thread for each result is too slow. */
const many = 1024
const few = 4096

/** Reduces `axes` of a tensor. */
export function reduce(engine: Engine, reduction: Reduction, tensor: Tensor, axes: readonly number[], out: Tensor): void {
  if (needsHost([tensor], [out])) {
    return hostOp(engine, 'float64', [tensor], [out], (host, [from], [to]) => host.reduce(reduction, from, axes, to))
  }
  reduceElements(engine, reduction, { formula: plain, inputs: [tensor] }, axes, out)
}

/** Reduces `axes` of what a formula makes of tensors, in one stage, or in two: partial results first, which are then reduced themselves. */
export function reduceElements(
  engine: Engine,
  reduction: Reduction,
  { formula, inputs }: Elements,
  axes: readonly number[],
  out: Tensor,
): void {
  if (out.size === 0) return
  const [{ shape }] = inputs
  const { formulas, combine } = prepare(reduction)
  const { init, finish } = formulas
  const count = axes.reduce((n, axis) => n * shape[axis], 1)
  if (count === 0) {
    const key = `empty ${out.dtype} ${keyOf(finish)}`
    return write(engine, out, (cell) => engine.launch(key, () => emptySource(finish, out.dtype), [out.size], [init, 0], [cell]))
  }
  const read = inputs.map((input): Input => (formula === plain ? undefined : constantOf(input)) ?? operand(engine, input))
  const source = { formula, read }
  const lines = arraysOf(read).map(({ layout }) => layout.strides)
  const outer = merged(
    shape,
    lines,
    [...shape.keys()].filter((axis) => !axes.includes(axis)),
  )
  const inner = merged(shape, lines, axes)
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
    const rows = { shape: [out.size], strides: [[parts]] }
    const columns = { shape: [parts], strides: [[1]] }
    const sums = { formula: plain, read: [partial] }
    return stage(engine, { init, step: combine, finish }, sums, rows, columns, count, out.dtype, cell)
  })
}

/** These axes, those that are walked evenly as one. */
function merged(shape: readonly number[], strides: readonly (readonly number[])[], axes: readonly number[]): Axes {
  const pick = (list: readonly number[]): number[] => axes.map((axis) => list[axis])
  return collapse(pick(shape), strides.map(pick))
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
function deal(engine: Engine, formulas: Formulas, source: Source, outer: Axes, inner: Axes, dealt: Dealt, cell: Cell): void {
  const { axis, length, parts } = dealt
  const threads = { shape: [...outer.shape, parts], strides: outer.strides.map((list, i) => [...list, inner.strides[i][axis]]) }
  const rounds = {
    shape: inner.shape.with(axis, Math.ceil(length / parts)),
    strides: inner.strides.map((list) => list.with(axis, list[axis] * parts)),
  }
  stage(engine, formulas, source, threads, rounds, 0, 'float32', cell, dealt)
}

function stage(
  engine: Engine,
  { init, step, finish }: Formulas,
  { formula, read }: Source,
  outer: Axes,
  inner: Axes,
  count: number,
  dtype: DType,
  cell: Cell,
  dealt?: Dealt,
): void {
  const threads = outer.shape.length > 0 ? outer : { shape: [1], strides: outer.strides.map(() => [0]) }
  const grid = axesGrid(threads.shape, threads.strides, engine.runtime.limits)
  let at = 0
  const args: Argument[] = [...grid.sizes, init, count, ...inner.shape]
  for (const x of read) {
    if (isNumber(x)) args.push(x)
    else args.push(...operandArguments(x, [...grid.strides[at], ...inner.strides[at++]]))
  }
  if (dealt) args.push(dealt.length, dealt.parts)
  const rank = inner.shape.length
  const element = { formula, kinds: inputKinds(read) }
  const key = `reduce ${grid.kind} ${rank} ${dealt?.axis ?? '-'} ${dtype} ${keyOf(step)} ${keyOf(finish)} ${element.kinds} ${keyOf(formula)}`
  engine.launch(key, () => reduceSource(step, finish, grid.kind, rank, dtype, element, dealt?.axis), grid.dims, args, [cell])
}
