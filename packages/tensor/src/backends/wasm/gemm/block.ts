import { type Expr, type Func, i32, integers, type Local, type ModuleBuilder, select } from '../assembler/index.ts'
import type { CopyRows } from './edge.ts'
import { kernels, loadWords } from './job.ts'
import { type GemmOptions, reals, tileColumns, tileRows } from './real.ts'
import { wideVectors, writeDirectTile, writePackedTile, writeWideTile } from './tile.ts'

const params = integers('job', 'a', 'b', 'packedB', 'c', 'bias', 'rows', 'columns', 'depth', 'add', 'last', 'edge')

/** A block of C for one block of k: tiles downwards along a panel of B, then the next panel. */
export function writeBlock(module: ModuleBuilder, options: GemmOptions, copyRows: CopyRows): Func<typeof params, 'none'> {
  const { bytes, lanes } = reals[options.type]
  const width = tileColumns(options.type)
  const packedTile = writePackedTile(module, options)
  const directTile = writeDirectTile(module, options)
  const wideTile = writeWideTile(module, options)
  return module.func('block', { params }, (f, p) => {
    const [aRow, aColumn, packsA] = loadWords(f, p.job, 'aRow', 'aColumn', 'packA')
    const [bRow, bColumn, packsB] = loadWords(f, p.job, 'bRow', 'bColumn', 'packB')
    const [cRow, kernel] = loadWords(f, p.job, 'cRow', 'kernel')
    const whole = f.let(i32.and(p.columns, -width))
    const edgeRow = f.let(i32.const(width * bytes))
    const nextA = f.let(i32.mul(select(packsA, i32.mul(p.depth, bytes), aRow), tileRows))
    const nextC = f.let(i32.mul(cRow, tileRows))
    const j = f.let(i32.const(0))
    const cAt = (): Expr<'i32'> => i32.add(p.c, i32.mul(j, bytes))
    const bAt = (): Expr<'i32'> => i32.add(p.b, i32.mul(j, bColumn))
    const biasAt = (): Expr<'i32'> => select(p.bias, i32.add(p.bias, i32.mul(j, bytes)), i32.const(0))
    const same = { aColumn, depth: p.depth, add: p.add, last: p.last }

    /** The tiles of a panel of B, from the top; the last panel may have less than `width` columns. */
    const panel = (b: Local<'i32'>, row: Local<'i32'>, columns?: Local<'i32'>): void => {
      const a = f.let(p.a)
      const c = f.let(cAt())
      const bias = f.let(biasAt())
      f.for(0, p.rows, tileRows, (i) => {
        const rows = f.least(i32.sub(p.rows, i), tileRows)
        const tile = (target: Local<'i32'>, targetRow: Local<'i32'>): void => {
          const common = { ...same, a, b, bRow: row, c: target, cRow: targetRow, rows, bias }
          f.if(
            packsA,
            () => f.do(packedTile.call(common)),
            () => f.do(directTile.call({ ...common, aRow })),
          )
        }
        if (columns) {
          const size = i32.mul(columns, bytes)
          f.if(p.add, () => f.do(copyRows.call({ from: c, fromRow: cRow, to: p.edge, toRow: edgeRow, rows, bytes: size })))
          tile(p.edge, edgeRow)
          f.do(copyRows.call({ from: p.edge, fromRow: edgeRow, to: c, toRow: cRow, rows, bytes: size }))
        } else {
          tile(c, cRow)
        }
        f.set(a, i32.add(a, nextA))
        f.set(c, i32.add(c, nextC))
      })
    }

    f.if(i32.eq(kernel, kernels.wide), () => {
      f.while(i32.leU(i32.add(j, wideVectors * lanes), p.columns), () => {
        f.do(wideTile.call({ ...same, a: p.a, aRow, b: bAt(), bRow, c: cAt(), cRow, rows: 1, bias: biasAt() }))
        f.set(j, i32.add(j, wideVectors * lanes))
      })
    })
    const packedAt = (): Expr<'i32'> => i32.add(p.packedB, i32.mul(i32.mul(j, p.depth), bytes))
    f.while(i32.ltU(j, whole), () => {
      panel(f.let(select(packsB, packedAt(), bAt())), f.let(select(packsB, edgeRow, bRow)))
      f.set(j, i32.add(j, width))
    })
    f.if(i32.ltU(j, p.columns), () => {
      panel(f.let(select(packsB, packedAt(), p.packedB)), edgeRow, f.let(i32.sub(p.columns, j)))
    })
  })
}
