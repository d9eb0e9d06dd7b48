/**
 * Convolutions of 3 × 3 windows, step 1, by Winograd's minimal filtering (Lavin and Gray, 2016): 2 × 2 results are made of 16 products
 * of sums instead of 36, or 4 × 4 of 36 instead of 144, as so many products of matrices over the tiles. The root mean
 * square of the errors of 2 × 2 is 0.7 (of 16 channels) to 1.7 times (of 256) that of the plain way, whose sums are longer and in blocks,
 * of 4 × 4 it is 2.3 to 5.2 times as large: 1.5e-6 of that of the results, the largest 2.6e-6 of the largest result. It is not for
 * deterministic mode.
 */
import type { Tensor } from '../../../tensor.ts'
import type { ConvAttributes } from '../../backend.ts'
import { blockDepth, gemmJobBytes, gemmScratchBytes, type GemmSpec, jobWords, writeGemmJob } from '../gemm/index.ts'
import { packedABytes } from '../gemm/rectangle.ts'
import { bringImages } from '../images.ts'
import type { Runner } from '../runtime.ts'
import { bring, target, unstage } from '../stage.ts'
import { type Filtering, filterings } from './winograd-points.ts'
import { buildSlopes, buildSlopesTransform } from './winograd-slopes.ts'
import { buildKernelTransform, buildTiles, matrixSpare, tileWords } from './winograd-tiles.ts'

export const limits = {
  /** Bytes of the matrices of a chunk of tiles, which are to stay in a core's outer cache. */
  chunk: 1 << 19,
  /** How much less work it must be. */
  gain: 1.2,
  /** Parts that the gradient of a kernel is summed in, for threads to share, and bytes of all. */
  parts: 8,
  sums: 1 << 22,
  /** Results of a tile along an axis that are tried. */
  outputs: [2, 4] as readonly (2 | 4)[],
}

interface Sizes {
  /** Channels of what is read, and of the result. */
  readonly channels: number
  readonly filters: number
  readonly height: number
  readonly width: number
}

/** Cycles, estimated: 8 products a cycle; what moves a tile there and back takes as long as so many products of each channel. */
const moves = { 2: 60, 4: 220 } as const

const tilesOf = (length: number, { outputs }: Filtering): number => Math.ceil(length / outputs)

/** The filtering that takes least time, if there is one that is worth it. */
function filteringOf({ channels, filters, height, width }: Sizes): Filtering | undefined {
  let least = (9 * height * width * channels * filters) / limits.gain
  let best: Filtering | undefined
  for (const outputs of limits.outputs) {
    const filtering = filterings[outputs]
    const tiles = tilesOf(height, filtering) * tilesOf(width, filtering)
    const time = tiles * (filtering.points ** 2 * channels * filters + moves[outputs] * (channels + filters))
    if (time >= least || chunkOf(filtering, channels + filters) < fewest) continue
    least = time
    best = filtering
  }
  return best
}

/** Fewer tiles than this are not worth a product. */
const fewest = 12

/** How many tiles are multiplied together: as many as a core's outer cache holds, if its thread has the space. */
function chunkOf({ points }: Filtering, channels: number): number {
  const bytes = channels * points ** 2 * 4
  const spare = 2 * matrixSpare * points ** 2
  const [wanted, most] = [limits.chunk, gemmScratchBytes('f32') - packedABytes - spare].map(
    (space) => Math.floor(space / bytes / 4) * 4,
  )
  return Math.min(Math.max(wanted, fewest), blockDepth, most)
}

/** A convolution of x to y by tiles: of its sizes alone it depends whether there is one, and so do the bits of the result. */
interface Plan {
  readonly sizes: Sizes
  readonly filtering: Filtering
  /** Zeros before x. */
  readonly before: readonly number[]
  /** Tiles of an image, downwards and across, and of all images. */
  readonly grid: readonly number[]
  readonly tiles: number
  /** Tiles that are multiplied together. */
  readonly chunk: number
}

function planOf(
  runtime: Runner,
  x: Tensor,
  window: readonly number[],
  { strides, dilation, groups, padding }: ConvAttributes,
  y: Tensor,
  turned = false,
): Plan | undefined {
  if (!runtime.fused || y.dtype !== 'float32' || x.rank !== 4 || groups !== 1 || window[0] !== 3 || window[1] !== 3)
    return undefined
  if (![...strides, ...dilation].every((step) => step === 1)) return undefined
  const [batch, height, width, filters] = y.shape
  const channels = x.shape[3]
  const sizes = { channels, filters, height, width }
  const before = padding.map(([zeros]) => (turned ? 2 - zeros : zeros))
  if (channels % 4 !== 0 || filters % 8 !== 0 || before.some((zeros) => zeros < 0)) return undefined
  const filtering = filteringOf(sizes)
  if (!filtering) return undefined
  const grid = [height, width].map((length) => tilesOf(length, filtering))
  return { sizes, filtering, before, grid, tiles: batch * grid[0] * grid[1], chunk: chunkOf(filtering, channels + filters) }
}

/** Writes the job of tiles that read x, and that write, or read too, results at `out`. */
function tileJob(
  runtime: Runner,
  x: Tensor,
  { sizes: { channels, filters, height, width }, filtering, before, grid, tiles, chunk }: Plan,
  spec: GemmSpec,
  place: () => { readonly out: number; readonly kernels: number; readonly turns: number },
): number {
  const [down, across] = grid
  const padded = grid.map((count, axis) => {
    const length = x.shape[axis + 1]
    return { length, before: before[axis], after: Math.max(0, filtering.outputs * count + 2 - before[axis] - length) }
  })
  const images = bringImages(runtime, x, 'f32', padded)
  const [rowStep, pixelStep] = images.strides.map((stride) => stride * 4)
  const words: Record<(typeof tileWords)[number], number> = {
    images: images.address,
    imageStep: images.imageStride * 4,
    rowStep,
    pixelStep,
    channelBytes: channels * 4,
    kernelStep: stepOf(channels * filters),
    outImage: height * width * filters * 4,
    outRow: width * filters * 4,
    outPixel: filters * 4,
    height,
    width,
    tilesAcross: across,
    tilesOfImage: down * across,
    tiles,
    chunk,
    work: packedABytes,
    ...place(),
  }
  const job = runtime.job(gemmJobBytes({}) + 4 * tileWords.length)
  writeGemmJob(runtime.i32, job, 'f32', spec)
  const all = tileWords.map((word) => words[word])
  runtime.i32.set(all, (job >> 2) + jobWords.length)
  return job
}

/** A matrix of the scratch: its address is that of a tile's. */
const matrix = (rowStride: number, columnStride = 1) => ({ address: 0, rowStride, columnStride })
const inPanels = { ...matrix(0), panels: true }

/** Bytes from the matrix of a point to that of the next. */
const stepOf = (size: number): number => 4 * size + matrixSpare

/** Channels that a thread transforms the kernels of at a time. */
const grainOf = (filters: number): number => Math.max(4, Math.ceil((1 << 13) / filters))

/**
 * The convolution of x with a kernel `[3, 3, channels, filters]`, or with `turned` that of its gradient with the kernel turned around, if
 * this is the way to do it; returns whether it was.
 */
export function winograd(
  runtime: Runner,
  x: Tensor,
  kernel: Tensor,
  attributes: ConvAttributes,
  out: Tensor,
  turned: boolean,
): boolean {
  const plan = planOf(runtime, x, kernel.shape, attributes, out, turned)
  if (!plan) return false
  const { filtering, sizes: { channels, filters } } = plan // prettier-ignore
  const { shared, fused } = runtime
  const { points } = filtering
  runtime.begin()
  let result = 0
  const spec = { m: plan.chunk, n: filters, k: channels, a: matrix(channels), b: inPanels, c: matrix(filters) }
  const job = tileJob(runtime, x, plan, spec, () => {
    const weights = bring(runtime, kernel, 'f32')
    result = target(runtime, out, 'f32')
    const kernels = runtime.reserve(points ** 2 * stepOf(channels * filters))
    const [rows, columns] = kernel.shape.slice(2)
    const first = runtime.job(16)
    runtime.i32.set([weights, kernels, rows, columns], first >> 2)
    const transform = runtime.kernel(`winograd kernel/${points}/${turned}`, () => buildKernelTransform(shared, filtering, turned))
    runtime.run(transform, first, { tasks: rows, grain: grainOf(columns) })
    return { out: result, kernels, turns: 1 }
  })
  const tiles = runtime.kernel(`winograd/${points}/${fused}`, () => buildTiles(shared, fused, filtering))
  runtime.run(tiles, job, { tasks: Math.ceil(plan.tiles / plan.chunk), grain: 1 })
  unstage(runtime, result, out, 'f32')
  return true
}

/** The gradient for the kernel, given that for the result, if this is the way to do it; returns whether it was. */
export function winogradKernel(runtime: Runner, x: Tensor, dy: Tensor, attributes: ConvAttributes, out: Tensor): boolean {
  const plan = planOf(runtime, x, out.shape, attributes, dy)
  if (!plan || out.dtype !== 'float32') return false
  const { filtering, sizes: { channels, filters } } = plan // prettier-ignore
  const { shared, fused } = runtime
  const { points } = filtering
  const size = channels * filters
  const bytes = points ** 2 * stepOf(size)
  const chunks = Math.ceil(plan.tiles / plan.chunk)
  const most = Math.max(1, Math.min(limits.parts, chunks, Math.floor(limits.sums / bytes)))
  const turns = Math.ceil(chunks / most)
  const parts = Math.ceil(chunks / turns)
  runtime.begin()
  const spec = { m: channels, n: filters, k: plan.chunk, a: inPanels, b: inPanels, c: matrix(filters), accumulate: true }
  let kernels = 0
  const job = tileJob(runtime, x, plan, spec, () => {
    const slopes = bring(runtime, dy, 'f32')
    kernels = runtime.reserve(parts * bytes)
    return { out: slopes, kernels, turns }
  })
  const result = target(runtime, out, 'f32')
  const sums = runtime.kernel(`winograd slopes/${points}/${fused}`, () => buildSlopes(shared, fused, filtering))
  runtime.run(sums, job, { tasks: parts, grain: 1 })
  const last = runtime.job(20)
  runtime.i32.set([kernels, result, channels, filters, parts], last >> 2)
  const transform = runtime.kernel(`winograd slopes/${points}`, () => buildSlopesTransform(shared, filtering))
  runtime.run(transform, last, { tasks: channels, grain: grainOf(filters) })
  unstage(runtime, result, out, 'f32')
  return true
}
