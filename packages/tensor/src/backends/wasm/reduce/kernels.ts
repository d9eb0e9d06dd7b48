import {
  type Expr,
  f32x4,
  f64x2,
  f32,
  f64,
  type Func,
  type FunctionBuilder,
  i32,
  integers,
  type Local,
  type ModuleBuilder,
  v128,
} from '../assembler/index.ts'
import { type Real, reals } from '../gemm/real.ts'
import { firstLanes, storeLanes } from '../lanes.ts'
import { renderWasm, type RenderTarget } from '../render.ts'
import { foldings, type SumLanes, sumLanes } from './lanes.ts'
import type { Walk } from './plan.ts'
import type { Rule } from './rule.ts'

export interface ReduceOptions {
  readonly rule: Rule
  readonly type: Real
  readonly kind: Walk['kind']
}

const params = integers('job', 'begin', 'end', 'scratch')
type Sums = Local<'v128'>[]

/** Columns of a task. */
export const taskColumns = 64
/** Vectors of columns that are summed side by side: a line of the cache. */
const columnVectors = 4
/** Vectors of a row that are summed side by side; of what rounds nothing more, for an extreme waits long for the one before. */
const rowVectors = (exact: boolean): number => (exact ? 8 : 2)

/** The lines of a walk: where each begins, and loops over what it has beside the run. */
export function loadLines(f: FunctionBuilder, job: Local<'i32'>) {
  const words = Array.from({ length: 12 }, (_, i) => f.let(i32.load(job, 4 * i)))
  const [x, out, length, count, , k1Step, k2, k2Step, r1, r1Step, r2, r2Step] = words
  return {
    out,
    length,
    count,
    /** Where the elements of line number `line` begin. */
    start(line: Local<'i32'>): Expr<'i32'> {
      const row = f.let(i32.divU(line, k2))
      return i32.add(x, i32.add(i32.mul(row, k1Step), i32.mul(i32.sub(line, i32.mul(row, k2)), k2Step)))
    },
    /** Every turn of the reduced loops. */
    each(from: Expr<'i32'>, turn: (at: Local<'i32'>) => void): void {
      const outer = f.let(from)
      f.repeat(r1, () => {
        const at = f.let(outer)
        f.repeat(r2, () => {
          f.scope(() => turn(at))
          f.set(at, i32.add(at, r2Step))
        })
        f.set(outer, i32.add(outer, r1Step))
      })
    },
  }
}

/** Writes code for every task of columns: up to 64 neighbouring lines, `block` by block of so many vectors. */
export function writeColumnTasks(
  f: FunctionBuilder,
  type: Real,
  { begin, end }: { readonly begin: Local<'i32'>; readonly end: Local<'i32'> },
  lines: ReturnType<typeof loadLines>,
  vectors: number,
  block: (vectors: number, from: Local<'i32'>, line: Local<'i32'>, left?: Local<'i32'>) => void,
): void {
  const { bytes, lanes } = reals[type]
  const { length } = lines
  const blocks = f.let(i32.divU(i32.add(length, taskColumns - 1), taskColumns))
  f.for(begin, end, 1, (task) => {
    const group = f.let(i32.divU(task, blocks))
    const first = f.let(i32.mul(i32.sub(task, i32.mul(group, blocks)), taskColumns))
    const left = f.least(i32.sub(length, first), taskColumns)
    const from = f.let(i32.add(lines.start(group), i32.mul(first, bytes)))
    const line = f.let(i32.add(i32.mul(group, length), first))
    const advance = (count: number): void => {
      f.set(from, i32.add(from, count * 16))
      f.set(line, i32.add(line, count * lanes))
      f.set(left, i32.sub(left, count * lanes))
    }
    f.while(i32.geS(left, vectors * lanes), () => {
      block(vectors, from, line)
      advance(vectors)
    })
    f.while(i32.gtS(left, 0), () => {
      block(1, from, line, left)
      advance(1)
    })
  })
}

/** The sums of a reduction, and its formulas. */
function sumsOf(module: ModuleBuilder, f: FunctionBuilder, count: Local<'i32'>, { rule, type }: ReduceOptions) {
  const target: RenderTarget = { f, module }
  const lanes = sumLanes(type, rule.exact)
  const n = f.let(lanes.type === 'f32x4' ? f32x4.splat(f32.convertI32U(count)) : f64x2.splat(f64.convertI32U(count)))
  return {
    lanes,
    fresh: (vectors: number): Sums =>
      Array.from({ length: vectors * lanes.perVector }, () => f.let(lanes.constant(rule.neutral))),
    step(sum: Local<'v128'>, x: Expr<'v128'>): void {
      f.scope(() => f.set(sum, renderWasm(target, rule.step, lanes.type, [sum, x])[0]))
    },
    combine: (a: Local<'v128'>, b: Expr<'v128'>): Local<'v128'> => renderWasm(target, rule.combine, lanes.type, [a, b])[0],
    finish: (sum: Local<'v128'>): Local<'v128'> => renderWasm(target, rule.finish, lanes.type, [sum, n])[0],
  }
}

/** Writes the function of a reduction: tasks `begin` to `end`, each a line, or for columns up to 64 lines. */
export const writeReduce = (module: ModuleBuilder, options: ReduceOptions): Func<typeof params, 'none'> =>
  options.kind === 'rows' ? writeRows(module, options) : writeColumns(module, options)

function writeRows(module: ModuleBuilder, options: ReduceOptions): Func<typeof params, 'none'> {
  const { type, rule } = options
  const { bytes, lanes: size } = reals[type]
  return module.func('reduceRows', { params }, (f, p) => {
    const lines = loadLines(f, p.job)
    const job = sumsOf(module, f, lines.count, options)
    const { lanes } = job
    const vectors = rowVectors(rule.exact)
    f.for(p.begin, p.end, 1, (line) => {
      const sums = job.fresh(vectors)
      const take = (vector: Expr<'v128'>, first: number): void =>
        lanes.widen(f, f.let(vector)).forEach((part, i) => job.step(sums[first + i], part))
      lines.each(lines.start(line), (row) => {
        const at = f.let(row)
        const left = f.let(lines.length)
        f.while(i32.geU(left, vectors * size), () => {
          for (let i = 0; i < vectors; i++) take(v128.load(at, 16 * i, bytes), i * lanes.perVector)
          f.set(at, i32.add(at, vectors * 16))
          f.set(left, i32.sub(left, vectors * size))
        })
        f.while(i32.gtS(left, 0), () => {
          take(firstLanes(type, v128.load(at, 0, bytes), left, rule.neutral), 0)
          f.set(at, i32.add(at, 16))
          f.set(left, i32.sub(left, size))
        })
      })
      const sum = job.finish(sumOfLanes(job.combine, lanes, sums))
      const store = type === 'f32' ? v128.store32Lane : v128.store64Lane
      f.do(store(i32.add(lines.out, i32.mul(line, bytes)), lanes.narrow([sum, sum]), 0))
    })
  })
}

/** One sum, in lane 0. */
function sumOfLanes(
  combine: (a: Local<'v128'>, b: Expr<'v128'>) => Local<'v128'>,
  { type }: SumLanes,
  sums: Sums,
): Local<'v128'> {
  let left = sums
  while (left.length > 1) {
    const half = left.length >> 1
    left = left.slice(0, half).map((sum, i) => combine(sum, left[half + i]))
  }
  return foldings(type).reduce((sum, fold) => combine(sum, fold(sum)), left[0])
}

function writeColumns(module: ModuleBuilder, options: ReduceOptions): Func<typeof params, 'none'> {
  const { type } = options
  const { bytes } = reals[type]
  return module.func('reduceColumns', { params }, (f, p) => {
    const lines = loadLines(f, p.job)
    const job = sumsOf(module, f, lines.count, options)
    const { perVector, widen, narrow } = job.lanes
    writeColumnTasks(f, type, p, lines, columnVectors, (vectors, from, line, left) => {
      const sums = job.fresh(vectors)
      lines.each(from, (row) => {
        for (let i = 0; i < vectors; i++) {
          const parts = widen(f, f.let(v128.load(row, 16 * i, bytes)))
          parts.forEach((part, k) => job.step(sums[i * perVector + k], part))
        }
      })
      const ends = sums.map((sum) => job.finish(sum))
      const to = f.let(i32.add(lines.out, i32.mul(line, bytes)))
      for (let i = 0; i < vectors; i++) {
        const value = f.let(narrow(ends.slice(i * perVector, (i + 1) * perVector)))
        if (left) storeLanes(f, type, to, value, f.let(i32.mul(left, bytes)))
        else f.do(v128.store(to, value, 16 * i, bytes))
      }
    })
  })
}
