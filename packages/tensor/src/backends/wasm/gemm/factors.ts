import { type FunctionBuilder, i32, type Local, type ModuleBuilder } from '../assembler/index.ts'
import { jobWord, loadWords } from './job.ts'
import { writePack } from './pack.ts'
import { writePackPatches } from './patches.ts'
import { type GemmOptions, type Real, reals, tileColumns, tileRows } from './real.ts'

/** A block of a factor: `lanes` rows of A or columns of B, and `depth` steps of k from `front` on. */
interface Block {
  readonly job: Local<'i32'>
  readonly from: Local<'i32'>
  readonly lanes: Local<'i32'>
  readonly front: Local<'i32'>
  readonly depth: Local<'i32'>
  /** Where it is packed. */
  readonly to: Local<'i32'>
}

/** Writes code that packs a block of A, which begins at row `first`, where it should be; the result is where it then lies. */
export function writePackA(module: ModuleBuilder, options: GemmOptions) {
  const { bytes } = reals[options.type]
  if (options.left === 'patches' || options.left === 'patchesTransposed') {
    const pack = writePackPatches(module, options.type, options.left === 'patchesTransposed')
    return (f: FunctionBuilder, block: Block & { readonly first: Local<'i32'> }): Local<'i32'> => {
      f.do(pack.call({ ...block }))
      return block.to
    }
  }
  const pack = writePack(module, options.type, tileRows)
  return (f: FunctionBuilder, { job, from, first, lanes, front, depth, to }: Block & { readonly first: Local<'i32'> }) => {
    const [row, column] = loadWords(f, job, 'aRow', 'aColumn')
    const a = f.let(i32.add(from, i32.add(i32.mul(first, row), i32.mul(front, column))))
    f.if(i32.eq(jobWord(job, 'packA'), 1), () => {
      const panelStep = i32.mul(depth, tileRows * bytes)
      f.do(pack.call({ from: a, lane: row, step: column, lanes, depth, to, panelStep }))
      f.set(a, to)
    })
    return a
  }
}

/** Writes code that packs a block of B, run by run where its rows lie in runs. */
export function writePackB(module: ModuleBuilder, type: Real) {
  const width = tileColumns(type)
  const { bytes } = reals[type]
  const pack = writePack(module, type, width)
  return (f: FunctionBuilder, { job, from, lanes, front, depth, to }: Block): void => {
    const [step, lane, table, length] = loadWords(f, job, 'bRow', 'bColumn', 'bRunTable', 'bRunLength')
    const panelStep = f.let(i32.mul(depth, width * bytes))
    const common = { lane, step, lanes, panelStep }
    f.if(
      table,
      () => {
        const run = f.let(i32.divU(front, length))
        const skip = f.let(i32.sub(front, i32.mul(run, length)))
        const left = f.let(depth)
        const target = f.let(to)
        f.while(left, () => {
          const part = f.least(i32.sub(length, skip), left)
          const start = i32.add(i32.load(i32.add(table, i32.shl(run, 2))), i32.mul(skip, step))
          f.do(pack.call({ ...common, from: i32.add(from, start), depth: part, to: target }))
          f.set(target, i32.add(target, i32.mul(part, width * bytes)))
          f.set(left, i32.sub(left, part))
          f.set(run, i32.add(run, 1))
          f.set(skip, 0)
        })
      },
      () => f.do(pack.call({ ...common, from: i32.add(from, i32.mul(front, step)), depth, to })),
    )
  }
}
