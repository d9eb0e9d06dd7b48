import { type Expr, type FunctionBuilder, i32, type Local } from '../assembler/index.ts'

/** The words of a product as `gemm` reads them: 32-bit integers at `job`; addresses and strides count bytes. */
export const jobWords = [
  ...(['m', 'n', 'k', 'a', 'aRow', 'aColumn', 'b', 'bRow', 'bColumn', 'c', 'cRow', 'bias', 'biasStep'] as const),
  /** 0 or 1: C is added to, A and B are packed; A is packed already: 2. */
  ...(['accumulate', 'packA', 'packB'] as const),
  /** Which tile: see `kernels`. */
  'kernel',
  /** A task is `taskRows` × `taskColumns` of C; there are `rowTasks` × `columnTasks` for each product of the batch. */
  ...(['taskRows', 'taskColumns', 'rowTasks', 'columnTasks'] as const),
  /** The address of the byte offsets of A, B and C of each product of the batch, or 0. */
  'offsets',
  /** Where the rows of patches lie: see `Patches`. */
  ...(['imageStep', 'places', 'placeTable', 'runTable', 'runLength'] as const),
  /** The rows of B in runs of so many, each at a byte offset of its own in the table; address 0: one run. */
  ...(['bRunTable', 'bRunLength'] as const),
] as const

export type JobWord = (typeof jobWords)[number]

/** How C is tiled: 4-row tiles; for one row of A wide tiles, or dot products where columns of B are runs in memory. */
export const kernels = { tiles: 0, wide: 1, dots: 2 } as const

/** The word `name` of a job, as code. */
export const jobWord = (job: Local<'i32'>, name: JobWord): Expr<'i32'> => i32.load(job, 4 * jobWords.indexOf(name))

/** The words `names` of a job, each in a local. */
export const loadWords = (f: FunctionBuilder, job: Local<'i32'>, ...names: readonly JobWord[]): Local<'i32'>[] =>
  names.map((name) => f.let(jobWord(job, name)))
