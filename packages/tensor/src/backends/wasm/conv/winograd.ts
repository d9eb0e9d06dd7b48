/**
 * Convolutions of 3 × 3 windows, step 1, by Winograd's minimal filtering (Lavin and Gray, 2016): 2 × 2 results are made of 16 products
 * of sums instead of 36, as 16 products of matrices over the tiles. Errors are 0.8 (of 16 channels) to 1.7 times (of 256) those of the
 * plain way, whose sums are longer; it is not for deterministic mode.
 */
import type { Tensor } from '../../../tensor.ts'
import type { ConvAttributes } from '../../backend.ts'
import { blockDepth, gemmJobBytes, type GemmSpec, jobWords, writeGemmJob } from '../gemm/index.ts'
import { behindPacked, gemmScratchBytes } from '../gemm/rectangle.ts'
import { bringImages } from '../images.ts'
import type { Runner } from '../runtime.ts'
import { bring, target, unstage } from '../stage.ts'
import { buildSlopes, buildSlopesTransform } from './winograd-slopes.ts'
import { buildKernelTransform, buildTiles, tileWords } from './winograd-tiles.ts'

export const limits = {
  /** Bytes of the matrices of a chunk of tiles, which are to stay in a core's outer cache; more where chunks are summed over. */
  chunk: 1 << 18,
  summed: 1 << 19,
  /** How much less work it must be: of 16 channels and filters it is a quarter less, and no faster. */
  gain: 1.4,
  /** Parts that the gradient of a kernel is summed in, for threads to share, and bytes of all. */
  parts: 8,
  sums: 1 << 22,
}

interface Sizes {
  /** Channels of what is read, and of the result. */
  readonly channels: number
  readonly filters: number
  readonly height: number
  readonly width: number
}

const tilesOf = (length: number): number => Math.ceil(length / 2)

/** Cycles, estimated: 8 products a cycle; what moves a tile there and back takes as long as so many products of each channel. */
function isLess({ channels, filters, height, width }: Sizes): boolean {
  const tiles = tilesOf(height) * tilesOf(width)
  const plain = 9 * height * width * channels * filters
  return limits.gain * tiles * (16 * channels * filters + 100 * (channels + filters)) < plain
}

/** A convolution of x to y by tiles: of its sizes alone it depends whether there is one, and so do the bits of the result. */
interface Plan {
  readonly sizes: Sizes
  /** Zeros before x. */
  readonly before: readonly number[]
  readonly tiles: number
  /** Tiles that are multiplied together, and where their matrices begin in the scratch of a thread: behind what a product packs. */
  readonly chunk: number
  readonly work: number
}

function planOf(
  runtime: Runner,
  x: Tensor,
  window: readonly number[],
  { strides, dilation, groups, padding }: ConvAttributes,
  y: Tensor,
  { turned = false, summed = false },
): Plan | undefined {
  if (!runtime.fused || y.dtype !== 'float32' || x.rank !== 4 || groups !== 1 || window[0] !== 3 || window[1] !== 3)
    return undefined
  if (![...strides, ...dilation].every((step) => step === 1)) return undefined
  const [batch, height, width, filters] = y.shape
  const channels = x.shape[3]
  const sizes = { channels, filters, height, width }
  const before = padding.map(([zeros]) => (turned ? 2 - zeros : zeros))
  if (channels % 4 !== 0 || filters % 4 !== 0 || before.some((zeros) => zeros < 0) || !isLess(sizes)) return undefined
  const work = behindPacked(summed ? blockDepth : channels, filters)
  const space = Math.min(summed ? limits.summed : limits.chunk, gemmScratchBytes('f32') - work)
  const chunk = Math.min(blockDepth, Math.floor(space / (64 * (channels + filters)) / 4) * 4)
  return chunk < 8 ? undefined : { sizes, before, tiles: batch * tilesOf(height) * tilesOf(width), chunk, work }
}

/** Writes the job of tiles that read x, and that write, or read too, results at `out`. */
function tileJob(
  runtime: Runner,
  x: Tensor,
  { sizes: { channels, filters, height, width }, before, tiles, chunk, work }: Plan,
  spec: GemmSpec,
  place: () => { readonly out: number; readonly kernels: number; readonly turns: number },
): number {
  const [down, across] = [tilesOf(height), tilesOf(width)]
  const padded = [down, across].map((count, axis) => {
    const length = x.shape[axis + 1]
    return { length, before: before[axis], after: Math.max(0, 2 * count + 2 - before[axis] - length) }
  })
  const images = bringImages(runtime, x, 'f32', padded)
  const [rowStep, pixelStep] = images.strides.map((stride) => stride * 4)
  const words: Record<(typeof tileWords)[number], number> = {
    images: images.address,
    imageStep: images.imageStride * 4,
    rowStep,
    pixelStep,
    channelBytes: channels * 4,
    kernelStep: channels * filters * 4,
    outImage: height * width * filters * 4,
    outRow: width * filters * 4,
    outPixel: filters * 4,
    height,
    width,
    tilesAcross: across,
    tilesOfImage: down * across,
    tiles,
    chunk,
    work,
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
  const plan = planOf(runtime, x, kernel.shape, attributes, out, { turned })
  if (!plan) return false
  const { channels, filters } = plan.sizes
  const { shared, fused } = runtime
  runtime.begin()
  let result = 0
  const spec = { m: plan.chunk, n: filters, k: channels, a: matrix(channels), b: matrix(filters), c: matrix(filters) }
  const job = tileJob(runtime, x, plan, spec, () => {
    const weights = bring(runtime, kernel, 'f32')
    result = target(runtime, out, 'f32')
    const kernels = runtime.reserve(64 * channels * filters)
    const [rows, columns] = kernel.shape.slice(2)
    const first = runtime.job(16)
    runtime.i32.set([weights, kernels, rows, columns], first >> 2)
    const transform = runtime.kernel(`winograd kernel/${turned}`, () => buildKernelTransform(shared, turned))
    runtime.run(transform, first, { tasks: rows, grain: grainOf(columns) })
    return { out: result, kernels, turns: 1 }
  })
  const tiles = runtime.kernel(`winograd/${fused}`, () => buildTiles(shared, fused))
  runtime.run(tiles, job, { tasks: Math.ceil(plan.tiles / plan.chunk), grain: 1 })
  unstage(runtime, result, out, 'f32')
  return true
}

/** The gradient for the kernel, given that for the result, if this is the way to do it; returns whether it was. */
export function winogradKernel(runtime: Runner, x: Tensor, dy: Tensor, attributes: ConvAttributes, out: Tensor): boolean {
  const plan = planOf(runtime, x, out.shape, attributes, dy, { summed: true })
  if (!plan || out.dtype !== 'float32') return false
  const { channels, filters } = plan.sizes
  const { shared, fused } = runtime
  const size = channels * filters
  const chunks = Math.ceil(plan.tiles / plan.chunk)
  const most = Math.max(1, Math.min(limits.parts, chunks, Math.floor(limits.sums / (64 * size))))
  const turns = Math.ceil(chunks / most)
  const parts = Math.ceil(chunks / turns)
  runtime.begin()
  const [a, b] = [matrix(1, channels), matrix(filters)]
  const spec = { m: channels, n: filters, k: plan.chunk, a, b, c: matrix(filters), accumulate: true }
  let kernels = 0
  const job = tileJob(runtime, x, plan, spec, () => {
    const slopes = bring(runtime, dy, 'f32')
    kernels = runtime.reserve(parts * 64 * size)
    return { out: slopes, kernels, turns }
  })
  const result = target(runtime, out, 'f32')
  const sums = runtime.kernel(`winograd slopes/${fused}`, () => buildSlopes(shared, fused))
  runtime.run(sums, job, { tasks: parts, grain: 1 })
  const last = runtime.job(20)
  runtime.i32.set([kernels, result, channels, filters, parts], last >> 2)
  const transform = runtime.kernel('winograd slopes', () => buildSlopesTransform(shared))
  runtime.run(transform, last, { tasks: channels, grain: grainOf(filters) })
  unstage(runtime, result, out, 'f32')
  return true
}
