import { type Expr, type Func, i32, integers, type ModuleBuilder, select } from '../assembler/index.ts'
import type { CopyRows } from './edge.ts'
import { loadWords } from './job.ts'
import { Lanes } from './lanes.ts'
import { type GemmOptions, multiplyAdd, reals } from './real.ts'
import { destination, finish } from './tile.ts'

const rowParams = integers('job', 'a', 'b', 'c', 'bias', 'columns', 'depth', 'add', 'last', 'edge')
const tileParams = { ...integers('a', 'aColumn', 'b', 'bColumn', 'lanes', 'depth'), ...destination }

/** Columns that grow at a time. More would hide how long each addition takes, but a cache keeps 8 rows of 4 KiB apart. */
const width = 8

/** One row of C where each column of B is a run in memory, for one block of k. */
export function writeDotRow(module: ModuleBuilder, options: GemmOptions, copyRows: CopyRows): Func<typeof rowParams, 'none'> {
  const { bytes } = reals[options.type]
  const tile = writeDotTile(module, options)
  return module.func('dotRow', { params: rowParams }, (f, p) => {
    const [aColumn, bColumn] = loadWords(f, p.job, 'aColumn', 'bColumn')
    const j = f.let(i32.const(0))
    const run = (c: Expr<'i32'>, lanes: Expr<'i32'>): void => {
      const bias = select(p.bias, i32.add(p.bias, i32.mul(j, bytes)), i32.const(0))
      const b = i32.add(p.b, i32.mul(j, bColumn))
      const same = { a: p.a, aColumn, bColumn, depth: p.depth, cRow: 0, rows: 1, add: p.add, last: p.last }
      f.do(tile.call({ ...same, b, lanes, c, bias }))
    }
    f.while(i32.leU(i32.add(j, width), p.columns), () => {
      run(i32.add(p.c, i32.mul(j, bytes)), i32.const(width))
      f.set(j, i32.add(j, width))
    })
    f.if(i32.ltU(j, p.columns), () => {
      const lanes = f.let(i32.sub(p.columns, j))
      const c = f.let(i32.add(p.c, i32.mul(j, bytes)))
      const same = { fromRow: 0, toRow: 0, rows: 1, bytes: i32.mul(lanes, bytes) }
      f.if(p.add, () => f.do(copyRows.call({ from: c, to: p.edge, ...same })))
      run(p.edge, lanes)
      f.do(copyRows.call({ from: p.edge, to: c, ...same }))
    })
  })
}

/**
 * Dot products of a row of A with `lanes` columns of B.
 *
 * A column goes through one lane, transposed on the way, and not across the lanes as in most dot products: so the sum over
 * k has the same order, and the same bits, as in every other tile.
 */
function writeDotTile(module: ModuleBuilder, options: GemmOptions): Func<typeof tileParams, 'none'> {
  const { bytes, lanes: size, ops, splat } = reals[options.type]
  return module.func('dotTile', { params: tileParams }, (f, p) => {
    const sums = Array.from({ length: width / size }, () => f.let(ops.const(0)))
    const columns = new Lanes(f, options.type, width, p.bColumn, p.lanes)
    const advance = (count: number): void => {
      f.set(p.b, i32.add(p.b, count * bytes))
      f.set(p.depth, i32.sub(p.depth, count))
    }
    f.while(i32.geU(p.depth, size), () => {
      const x = Array.from({ length: size }, () => {
        const element = f.let(splat(p.a))
        f.set(p.a, i32.add(p.a, p.aColumn))
        return element
      })
      columns.transposed(p.b, (vector, k, first) => {
        const sum = sums[first / size]
        f.set(sum, multiplyAdd(options, x[k], vector, sum))
      })
      advance(size)
    })
    f.while(p.depth, () => {
      const x = f.let(splat(p.a))
      columns.gathered(p.b, (vector, first) => {
        const sum = sums[first / size]
        f.set(sum, multiplyAdd(options, x, vector, sum))
      })
      f.set(p.a, i32.add(p.a, p.aColumn))
      advance(1)
    })
    finish({ f, module }, options, p, [sums])
  })
}
