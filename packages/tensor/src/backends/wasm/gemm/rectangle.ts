import {
  type Expr,
  type Func,
  type FunctionBuilder,
  i32,
  integers,
  type Local,
  type ModuleBuilder,
  select,
} from '../assembler/index.ts'
import { writeBlock } from './block.ts'
import { writeDotRow } from './dots.ts'
import { writeCopyRows } from './edge.ts'
import { writePackA, writePackB } from './factors.ts'
import { jobWord, kernels, loadWords } from './job.ts'
import { copyElement, type GemmOptions, type Real, reals, tileColumns, tileRows } from './real.ts'

/** Elements of k that are summed before C is touched: it is part of the definition of the result. */
export const blockDepth = 256
/** Rows of A and bytes of a row of B that are packed at a time. */
export const blockRows = 64
const blockColumnBytes = 4096

/** What a thread needs of its own: a tile at the edge, the bias, and the packed blocks of A and B. */
function scratchLayout(type: Real): { bias: number; a: number; b: number; size: number } {
  const { bytes } = reals[type]
  const bias = tileRows * tileColumns(type) * bytes
  const a = bias + blockColumnBytes
  // Patches are packed in squares, the last of which may reach over the end.
  const b = a + blockRows * blockDepth * bytes + 64
  return { bias, a, b, size: b + blockDepth * blockColumnBytes }
}

export const gemmScratchBytes = (type: Real): number => scratchLayout(type).size

/** Bytes of the scratch of a thread that a product of f32 needs which packs no B. */
export const packedABytes = Math.ceil(scratchLayout('f32').b / 64) * 64

const params = integers('job', 'a', 'top', 'b', 'c', 'bias', 'rows', 'columns', 'scratch')

/**
 * A rectangle of C, one block after the other: columns for the outer cache, k, then rows for the inner cache, and in a
 * block tile by tile.
 */
export function writeRectangle(module: ModuleBuilder, options: GemmOptions): Func<typeof params, 'none'> {
  const { bytes } = reals[options.type]
  const width = tileColumns(options.type)
  const layout = scratchLayout(options.type)
  const copyRows = writeCopyRows(module)
  const packA = writePackA(module, options)
  const packB = writePackB(module, options.type)
  const block = writeBlock(module, options, copyRows)
  const dotRow = writeDotRow(module, options, copyRows)
  return module.func('rectangle', { params }, (f, p) => {
    const [k, bRow, bColumn, packsB, cRow] = loadWords(f, p.job, 'k', 'bRow', 'bColumn', 'packB', 'cRow')
    const isDots = f.let(i32.eq(jobWord(p.job, 'kernel'), kernels.dots))
    const packedA = f.let(i32.add(p.scratch, layout.a))
    const packedB = f.let(i32.add(p.scratch, layout.b))
    f.for(0, p.columns, blockColumnBytes / bytes, (left) => {
      const columns = f.least(i32.sub(p.columns, left), blockColumnBytes / bytes)
      const whole = f.let(i32.and(columns, -width))
      const bias = f.let(i32.const(0))
      f.if(p.bias, () => {
        f.set(bias, i32.add(p.scratch, layout.bias))
        copyBias(f, options.type, p.job, i32.add(p.bias, i32.mul(left, jobWord(p.job, 'biasStep'))), columns, bias)
      })
      const add = f.let(jobWord(p.job, 'accumulate'))
      const front = f.let(i32.const(0))
      const turn = (): void => {
        const depth = f.least(i32.sub(k, front), blockDepth)
        const last = f.let(i32.eq(i32.add(front, depth), k))
        const b = f.let(i32.add(p.b, i32.add(i32.mul(front, bRow), i32.mul(left, bColumn))))
        // All of B's block, or only the panel that is not whole.
        const skip = f.let(select(packsB, i32.const(0), whole))
        const from = f.let(i32.add(p.b, i32.mul(i32.add(left, skip), bColumn)))
        packB(f, { job: p.job, from, lanes: f.let(i32.sub(columns, skip)), front, depth, to: packedB })
        f.for(0, p.rows, blockRows, (top) => {
          const rows = f.least(i32.sub(p.rows, top), blockRows)
          const first = f.let(i32.add(p.top, top))
          const a = packA(f, { job: p.job, from: p.a, first, lanes: rows, front, depth, to: packedA })
          const c = i32.add(p.c, i32.add(i32.mul(top, cRow), i32.mul(left, bytes)))
          const biasNow = select(last, bias, i32.const(0))
          const common = { job: p.job, a, b, c, bias: biasNow, columns, depth, add, last, edge: p.scratch }
          f.if(
            isDots,
            () => f.do(dotRow.call(common)),
            () => f.do(block.call({ ...common, packedB, rows })),
          )
        })
        f.set(front, i32.add(front, depth))
        f.set(add, 1)
      }
      f.doWhile(turn, () => i32.ltU(front, k))
    })
  })
}

/** Brings the bias of a block together: a tile loads it in vectors. */
function copyBias(
  f: FunctionBuilder,
  type: Real,
  job: Local<'i32'>,
  start: Expr<'i32'>,
  columns: Local<'i32'>,
  bias: Local<'i32'>,
): void {
  const from = f.let(start)
  const to = f.let(bias)
  const step = f.let(jobWord(job, 'biasStep'))
  f.repeat(columns, () => {
    f.do(copyElement(type, to, from))
    f.set(from, i32.add(from, step))
    f.set(to, i32.add(to, reals[type].bytes))
  })
}
