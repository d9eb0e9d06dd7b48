import type { Split } from '../control.ts'
import { type Job, type JobWord, jobWords, kernels, noJob } from './job.ts'
import { type Real, reals, tileColumns, tileRows } from './real.ts'

/** A matrix in memory: its first element's address in bytes and its strides in elements, which may be 0 or negative. */
export interface Operand {
  readonly address: number
  readonly rowStride: number
  readonly columnStride: number
  /** As a tile reads it, whatever the strides: A in panels of 4 rows, B of two vectors of columns, step after step of k. They must be whole. */
  readonly panels?: boolean
}

/**
 * A matrix of patches, a row for each place of each image: its columns are runs of elements, each at an offset of its own
 * from the place. Both tables hold byte offsets, as int32. Nothing is copied to make it, so a convolution is a product.
 */
export interface Patches {
  readonly address: number
  /** Elements from one image to the next. */
  readonly imageStride: number
  /** Rows that an image has. */
  readonly places: number
  readonly placeTable: number
  readonly runTable: number
  readonly runLength: number
}

/** An axis of the batch: how far apart, in elements, its products are in A, B (0 where they share it) and C. */
export interface BatchAxis {
  readonly size: number
  readonly a: number
  readonly b: number
  readonly c: number
}

/** `C[m, n] = activation(A[m, k] · B[k, n] + bias)`, for each product of the batch; with `accumulate`, `+ C` too. */
export interface GemmSpec {
  readonly m: number
  readonly n: number
  readonly k: number
  /** Patches for a module whose `left` they are. */
  readonly a: Operand | Patches
  /** With `runs` the rows fall into runs of so many, each at a byte offset of its own in the table. */
  readonly b: Operand & { readonly runs?: { readonly table: number; readonly length: number } | undefined }
  /** The columns of C are neighbours in memory; C must not overlap A, B or the bias. */
  readonly c: { readonly address: number; readonly rowStride: number }
  /** One value for each column, at an address other than 0. */
  readonly bias?: { readonly address: number; readonly stride: number } | undefined
  readonly accumulate?: boolean | undefined
  /** Outermost axis first. */
  readonly batch?: readonly BatchAxis[] | undefined
}

/** Where a product changes its way, measured on Zen 3 with Node 20; no result depends on them. */
export const limits = {
  /** Bytes of a matrix up to which it is read where it lies, if its rows allow: to pack it takes longer than it saves. */
  cached: 1 << 15,
  /** A is packed when more panels of B than this read it, and the other way round. */
  packA: 3,
  packB: 4,
  /** Floating-point operations below which one thread is as fast as two. */
  parallel: 1e6,
  /** Operations of a task at most, so that threads stay responsive. */
  task: 5e8,
  /** Operations of a task from which on each thread gets two: one that is late then costs less. */
  halve: 5e7,
  /** The least operations of a task where B is short enough to stay in the cache, read where it lies or packed: up to eight for each thread. */
  part: [2.5e5, 4e6],
}

interface GemmSplit extends Split {
  /** The element of C, where that has no gaps, with which a task begins, if tasks write one stretch after the other. */
  readonly begin?: (task: number) => number
}

/** Bytes that {@link writeGemmJob} fills. */
export const gemmJobBytes = ({ batch = [] }: Pick<GemmSpec, 'batch'>): number =>
  4 * jobWords.length + 12 * batch.reduce((count, { size }) => count * size, 1)

/**
 * Writes the product as a job at `address` of `memory`, for up to `threads` threads: run `gemm(address, 0, tasks, scratch)`,
 * or ranges of the tasks, each thread with its own `gemmScratchBytes`. How it is split does not change a bit of the result.
 */
export function writeGemmJob(memory: Int32Array, address: number, type: Real, spec: GemmSpec, threads = 1): GemmSplit {
  const { bytes } = reals[type]
  const job = flatten(spec, bytes)
  const isMatrix = job.places === 0 && job.bRunTable === 0
  const batch = spec.batch === undefined ? none : isMatrix ? foldBatch(job, spec.batch, bytes) : spec.batch
  const turned = isMatrix && job.n === 1 && job.m > 1 && job.cRow === bytes
  if (turned) turn(job)
  if (isMatrix) chooseKernel(job, bytes, tileColumns(type))
  else job.packA = job.packB = 1
  usePanels(job, spec, type)
  const products = batch.reduce((count, { size }) => count * size, 1)
  if (threads > 1) splitProduct(job, products, threads, 2 * tileColumns(type), bytes)
  const start = address >>> 2
  if (batch.length > 0) {
    job.offsets = address + 4 * jobWords.length
    writeOffsets(memory, start + jobWords.length, batch, bytes, turned)
  }
  let at = start
  // The fastest way through its words: to look each up by its name takes five times as long.
  for (const word in job) memory[at++] = job[word as JobWord]
  const tasks = job.m === 0 || job.n === 0 ? 0 : products * job.rowTasks * job.columnTasks
  const work = 2 * job.taskRows * job.taskColumns * job.k
  if (threads === 1) return { tasks, grain: Math.max(1, tasks) }
  const grain = Math.max(1, Math.min(Math.ceil(tasks / threads), Math.ceil(limits.parallel / 4 / work)))
  const { m, n, rowTasks, taskRows } = job
  if (job.columnTasks > 1 || turned) return { tasks, grain }
  return { tasks, grain, begin: (task) => n * (m * Math.floor(task / rowTasks) + Math.min(m, (task % rowTasks) * taskRows)) }
}

const none: BatchAxis[] = []

/** The words of one product as one task. */
function flatten({ m, n, k, a, b, c, bias, accumulate }: GemmSpec, bytes: number): Job {
  const job = { ...noJob, m, n, k, taskRows: m, taskColumns: n, a: a.address, b: b.address, c: c.address }
  job.bRow = b.rowStride * bytes
  job.bColumn = b.columnStride * bytes
  job.cRow = c.rowStride * bytes
  if (accumulate) job.accumulate = 1
  if (bias) {
    job.bias = bias.address
    job.biasStep = bias.stride * bytes
  }
  if (b.runs) {
    job.bRunTable = b.runs.table
    job.bRunLength = b.runs.length
  }
  if ('places' in a) {
    const { imageStride, places, placeTable, runTable, runLength } = a
    return Object.assign(job, { imageStep: imageStride * bytes, places, placeTable, runTable, runLength })
  }
  job.aRow = a.rowStride * bytes
  job.aColumn = a.columnStride * bytes
  return job
}

/** Products that share B, with rows one after the other, are one product of more rows; the axes that are left. */
function foldBatch(job: Job, axes: readonly BatchAxis[], bytes: number): BatchAxis[] {
  const batch = axes.filter(({ size }) => size !== 1)
  for (let axis = batch.at(-1); axis !== undefined; axis = batch.at(-1)) {
    const together = job.m === 1 || (axis.a * bytes === job.m * job.aRow && axis.c * bytes === job.m * job.cRow)
    if (axis.b !== 0 || !together) break
    if (job.m === 1) {
      job.aRow = axis.a * bytes
      job.cRow = axis.c * bytes
    }
    job.m *= axis.size
    job.taskRows = job.m
    batch.pop()
  }
  return batch
}

/** `C = A · b` with one column is `Cᵀ = bᵀ · Aᵀ` with one row. */
function turn(job: Job): void {
  const { m, a, aRow, aColumn, b, bRow, bColumn } = job
  job.m = job.taskRows = 1
  job.n = job.taskColumns = m
  job.a = b
  job.aRow = bColumn
  job.aColumn = bRow
  job.b = a
  job.bRow = aColumn
  job.bColumn = aRow
  job.biasStep = 0
}

/** Which tile, and what is packed for it. */
function chooseKernel(job: Job, bytes: number, width: number): void {
  const rowsOfB = job.bColumn === bytes || job.n === 1
  if (job.m === 1 && rowsOfB) {
    job.kernel = kernels.wide
  } else if (job.m === 1 && (job.bRow === bytes || job.k === 1)) {
    job.kernel = kernels.dots
  } else {
    const { m, n, k } = job
    job.packA = n > limits.packA * width && m * k * bytes > limits.cached ? 1 : 0
    job.packB = !rowsOfB || (m > limits.packB * tileRows && k * n * bytes > limits.cached) ? 1 : 0
  }
}

/** What lies in panels is read where it lies. */
function usePanels(job: Job, { a, b, k }: GemmSpec, type: Real): void {
  const { bytes } = reals[type]
  if ('panels' in a && a.panels) {
    job.packA = 2
    job.aRow = k * bytes
    job.aColumn = tileRows * bytes
  }
  if (b.panels) {
    job.packB = 0
    job.bRow = tileColumns(type) * bytes
    job.bColumn = k * bytes
  }
}

/** Cuts C into tasks where the batch is not enough, so that as little as possible is packed twice. */
function splitProduct(job: Job, products: number, threads: number, columnUnit: number, bytes: number): void {
  const { m, n, k } = job
  const work = 2 * m * n * k
  if (work * products < limits.parallel) return
  const share = (work * products) / threads
  const isThin = m > 1 && k * n * bytes <= limits.cached
  const most = isThin ? Math.min(8, Math.floor(share / limits.part[job.packB])) : 0
  const turns = Math.max(most, share > limits.halve ? 2 : 1)
  const wanted = Math.max((turns * threads) / products, work / limits.task)
  const parts = products > 1 ? Math.ceil(wanted) : threads * Math.ceil(wanted / threads)
  const rowUnits = Math.ceil(m / tileRows)
  const columnUnits = Math.ceil(n / columnUnit)
  let best = { cost: Infinity, rows: 1, columns: 1 }
  const mostRows = Math.min(parts, rowUnits)
  for (let rows = isThin ? mostRows : 1; rows <= mostRows; rows++) {
    const columns = Math.min(Math.ceil(parts / rows), columnUnits)
    const cost = (rows * columns < parts ? 1e12 : 0) + rows * n + columns * m
    if (cost < best.cost) best = { cost, rows, columns }
  }
  job.taskRows = tileRows * Math.ceil(rowUnits / best.rows)
  job.taskColumns = columnUnit * Math.ceil(columnUnits / best.columns)
  job.rowTasks = Math.ceil(m / job.taskRows)
  job.columnTasks = Math.ceil(n / job.taskColumns)
}

/** The byte offsets of A, B and C for each product of the batch, the last axis fastest. */
function writeOffsets(memory: Int32Array, start: number, batch: readonly BatchAxis[], bytes: number, turned: boolean): void {
  let at = start
  const walk = (axis: number, a: number, b: number, c: number): void => {
    if (axis === batch.length) {
      memory[at++] = turned ? b : a
      memory[at++] = turned ? a : b
      memory[at++] = c
      return
    }
    const { size, ...stride } = batch[axis]
    for (let i = 0; i < size; i++) {
      walk(axis + 1, a + i * stride.a * bytes, b + i * stride.b * bytes, c + i * stride.c * bytes)
    }
  }
  walk(0, 0, 0, 0)
}
