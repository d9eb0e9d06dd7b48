import {
  type Expr,
  type Func,
  i32x4,
  i32,
  i64,
  i64x2,
  integers,
  type Local,
  type ModuleBuilder,
  v128,
} from '../assembler/index.ts'
import { type Real, reals } from '../gemm/real.ts'
import { firstLanes } from '../lanes.ts'
import { loadLines, writeColumnTasks } from './kernels.ts'
import { foldings } from './lanes.ts'
import type { Walk } from './plan.ts'

export interface ArgReduceOptions {
  readonly extreme: 'max' | 'min'
  readonly type: Real
  readonly kind: Walk['kind']
}

const params = integers('job', 'begin', 'end', 'scratch')
type Lanes = Local<'v128'>

/** Integers in as many lanes as the floats have: positions. */
const positions = {
  f32: {
    splat: (value: Expr<'i32'>) => i32x4.splat(value),
    count: () => i32x4.const(0, 1, 2, 3),
    add: i32x4.add,
    less: i32x4.ltS,
    /** Stores the first `count` of them as int32. */
    store: (to: Expr<'i32'>, value: Lanes, count: number) =>
      count === 1 ? [v128.store32Lane(to, value, 0)] : [v128.store(to, value, 0, 4)],
  },
  f64: {
    splat: (value: Expr<'i32'>) => i64x2.splat(i64.extendI32S(value)),
    count: () => i64x2.const(0n, 1n),
    add: i64x2.add,
    less: i64x2.ltS,
    store: (to: Expr<'i32'>, value: Lanes, count: number) =>
      count === 1 ? [v128.store32Lane(to, value, 0)] : [v128.store32Lane(to, value, 0), v128.store32Lane(to, value, 2, 4)],
  },
} as const

/** Writes the function that finds the first of the largest (or smallest) elements of each line; NaN wins. */
export function writeArgReduce(module: ModuleBuilder, { extreme, type, kind }: ArgReduceOptions): Func<typeof params, 'none'> {
  const { bytes, lanes, ops } = reals[type]
  const ints = positions[type]
  const worst = extreme === 'max' ? -Infinity : Infinity
  const beats = extreme === 'max' ? ops.gt : ops.lt
  const isNaN = (x: Lanes): Expr<'v128'> => ops.ne(x, x)
  const wins = (x: Lanes, best: Lanes): Expr<'v128'> => v128.or(beats(x, best), v128.andnot(isNaN(x), isNaN(best)))
  return module.func(`arg${extreme}`, { params }, (f, p) => {
    const lines = loadLines(f, p.job)
    const take = (best: Lanes, at: Lanes, x: Lanes, where: Lanes, better: Expr<'v128'>): void => {
      const mask = f.let(better)
      f.set(best, v128.bitselect(x, best, mask))
      f.set(at, v128.bitselect(where, at, mask))
    }
    if (kind === 'columns') {
      writeColumnTasks(f, type, p, lines, 2, (vectors, from, line, left) => {
        const best = Array.from({ length: vectors }, (_, i) => f.let(v128.load(from, 16 * i, bytes)))
        const at = best.map(() => f.let(ints.splat(i32.const(0))))
        const row = f.let(ints.splat(i32.const(0)))
        lines.each(from, (address) => {
          best.forEach((top, i) => {
            const x = f.let(v128.load(address, 16 * i, bytes))
            take(top, at[i], x, row, wins(x, top))
          })
          f.set(row, ints.add(row, ints.splat(i32.const(1))))
        })
        const to = f.let(i32.add(lines.out, i32.mul(line, 4)))
        if (!left) at.forEach((value, i) => f.do(...ints.store(i32.add(to, 4 * lanes * i), value, lanes)))
        else {
          f.repeat(f.least(left, lanes), () => {
            f.do(...ints.store(to, at[0], 1))
            f.set(to, i32.add(to, 4))
            f.set(at[0], ops.shuffle(at[0], at[0], ...Array.from({ length: lanes }, (_, i) => (i + 1) % lanes)))
          })
        }
      })
      return
    }
    f.for(p.begin, p.end, 1, (line) => {
      const address = f.let(lines.start(line))
      const left = f.let(lines.length)
      const best = f.let(reals[type].splat(address))
      const at = f.let(ints.splat(i32.const(0)))
      const where = f.let(ints.count())
      f.while(i32.gtS(left, 0), () => {
        const x = f.let(firstLanes(type, v128.load(address, 0, bytes), left, worst))
        take(best, at, x, where, wins(x, best))
        f.set(where, ints.add(where, ints.splat(i32.const(lanes))))
        f.set(address, i32.add(address, 16))
        f.set(left, i32.sub(left, lanes))
      })
      for (const fold of foldings(type === 'f32' ? 'f32x4' : 'f64x2')) {
        const [x, other] = [f.let(fold(best)), f.let(fold(at))]
        const same = v128.or(ops.eq(x, best), v128.and(isNaN(x), isNaN(best)))
        take(best, at, x, other, v128.or(wins(x, best), v128.and(same, ints.less(other, at))))
      }
      f.do(...ints.store(i32.add(lines.out, i32.mul(line, 4)), at, 1))
    })
  })
}
