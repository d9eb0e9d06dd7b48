import { type Expr, type FunctionBuilder, i32, type Local } from '../assembler/index.ts'

/** The words of a product as `gemm` reads them: 32-bit integers at `job`, in this order; addresses and strides count bytes. */
// oxfmt-ignore
export const noJob = {
  m: 0, n: 0, k: 0, a: 0, aRow: 0, aColumn: 0, b: 0, bRow: 0, bColumn: 0, c: 0, cRow: 0, bias: 0, biasStep: 0,
  /** 0 or 1: C is added to, A and B are packed; A is packed already: 2. */
  accumulate: 0, packA: 0, packB: 0,
  /** Which tile: see `kernels`. */
  kernel: 0,
  /** A task is `taskRows` × `taskColumns` of C; there are `rowTasks` × `columnTasks` for each product of the batch. */
  taskRows: 0, taskColumns: 0, rowTasks: 1, columnTasks: 1,
  /** The address of the byte offsets of A, B and C of each product of the batch, or 0. */
  offsets: 0,
  /** Where the rows of patches lie: see `Patches`. */
  imageStep: 0, places: 0, placeTable: 0, runTable: 0, runLength: 0,
  /** The rows of B in runs of so many, each at a byte offset of its own in the table; address 0: one run. */
  bRunTable: 0, bRunLength: 0,
}

export type Job = typeof noJob

export type JobWord = keyof Job

export const jobWords = Object.keys(noJob) as readonly JobWord[]

/** How C is tiled: 4-row tiles; for one row of A wide tiles, or dot products where columns of B are runs in memory. */
export const kernels = { tiles: 0, wide: 1, dots: 2 } as const

/** The word `name` of a job, as code. */
export const jobWord = (job: Local<'i32'>, name: JobWord): Expr<'i32'> => i32.load(job, 4 * jobWords.indexOf(name))

/** The words `names` of a job, each in a local. */
export const loadWords = (f: FunctionBuilder, job: Local<'i32'>, ...names: readonly JobWord[]): Local<'i32'>[] =>
  names.map((name) => f.let(jobWord(job, name)))
