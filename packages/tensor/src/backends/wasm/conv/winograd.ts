/**
 * Convolutions of windows of 3, or of 3 × 3, 1 × 3 and 3 × 1, step 1, by Winograd's minimal filtering (Lavin and Gray, 2016): 2 × 2 results are made of 16 products
 * of sums instead of 36, or 4 × 4 of 36 instead of 144 (along one axis 4 of 6 instead of 12), as so many products of matrices over the tiles. The root mean
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
import { buildTiles } from './winograd-convolve.ts'
import { type Filtering, filterings, pointsOf, type Tiling } from './winograd-points.ts'
import { buildSlopes, buildSlopesTransform } from './winograd-slopes.ts'
import { buildKernelTransform, matrixSpare, tileWords, type Way } from './winograd-tiles.ts'

export const limits = {
  /** Bytes of the matrices of a chunk of tiles, which are to stay in a core's outer cache. */
  chunk: 1 << 19,
  /** How much less work it must be. */
  gain: 1.2,
  /** Products that take as long as moving an element of a tile of up to 16, and of a larger one. */
  moves: { small: 4, large: 6 },
  /** Parts that the gradient of a kernel is summed in, for threads to share, bytes of all, and filters that a thread should have of one. */
  parts: 8,
  sums: 1 << 22,
  filters: 32,
  /** Results of a tile along an axis that are tried. */
  outputs: [2, 4] as readonly (2 | 4)[],
  /** Ways of a gradient for an input that are tried. */
  ways: ['turned', 'mirrored'] as readonly Way[],
}

interface Sizes {
  /** Channels of what is read, and of the result. */
  readonly channels: number
  readonly filters: number
  readonly height: number
  readonly width: number
}

const tilesOf = (length: number, { outputs }: Filtering): number => Math.ceil(length / outputs)

/** The filterings of an axis with a window of so many elements. */
const filteringsOf = (window: number): readonly Filtering[] =>
  window === 3 ? limits.outputs.map((outputs) => filterings[outputs]) : window === 1 ? [filterings[1]] : []

/**
 * The tiling that takes least time, if there is one that is worth it. Times are estimated in products of a channel and a filter: what moves
 * an element of a tile there and back takes as long as a few of them for each channel, of large tiles as it does not stay in registers.
 */
function tilingOf(
  { channels, filters, height, width }: Sizes,
  window: readonly number[],
): Pick<Plan, 'tiling' | 'time'> | undefined {
  let least = (window[0] * window[1] * height * width * channels * filters) / limits.gain
  let best: Pick<Plan, 'tiling' | 'time'> | undefined
  if (window[0] * window[1] === 1) return undefined
  for (const down of filteringsOf(window[0]))
    for (const across of filteringsOf(window[1])) {
      const points = pointsOf({ down, across })
      const moves = (points > 16 ? limits.moves.large : limits.moves.small) * points
      const time = tilesOf(height, down) * tilesOf(width, across) * (points * channels * filters + moves * (channels + filters))
      if (time >= least || chunkOf(points, channels + filters) < fewest) continue
      least = time
      best = { tiling: { down, across }, time }
    }
  return best
}

/** Fewer tiles than this are not worth a product. */
const fewest = 12

/** How many tiles are multiplied together: as many as a core's outer cache holds, if its thread has the space. */
function chunkOf(points: number, channels: number): number {
  const bytes = channels * points * 4
  const spare = 2 * matrixSpare * points
  const [wanted, most] = [limits.chunk, gemmScratchBytes('f32') - packedABytes - spare].map(
    (space) => Math.floor(space / bytes / 4) * 4,
  )
  return Math.min(Math.max(wanted, fewest), blockDepth, most)
}

/** A convolution of x to y by tiles: of its sizes alone it depends whether there is one, and so do the bits of the result. */
interface Plan {
  readonly way: Way
  /** Of what is cut into tiles, of y or, mirrored, of x. */
  readonly sizes: Sizes
  readonly time: number
  readonly window: readonly number[]
  readonly tiling: Tiling
  /** Zeros before x. */
  readonly before: readonly number[]
  /** Tiles of an image, downwards and across, and of all images. */
  readonly grid: readonly number[]
  readonly tiles: number
  /** Tiles that are multiplied together, and those of a task. */
  readonly chunk: number
  readonly tilesOfTask: number
}

function planOf(
  runtime: Runner,
  x: Tensor,
  kernel: readonly number[],
  { strides, dilation, groups, padding }: ConvAttributes,
  y: Tensor,
  way: Way = 'forward',
): Plan | undefined {
  const axes = x.rank - 2
  if (!runtime.fused || y.dtype !== 'float32' || axes > 2 || groups !== 1) return undefined
  if (![...strides, ...dilation].every((step) => step === 1)) return undefined
  // One axis is the second of two.
  const spatial = (sizes: readonly number[], one: number): number[] => [...(axes === 1 ? [one] : []), ...sizes]
  // What lies behind the end of y adds nothing to it.
  const cut = y.shape.slice(1, -1).map((length, axis) => (way === 'mirrored' ? Math.min(length, x.shape[axis + 1]) : length))
  const [height, width] = spatial(cut, 1)
  const window = spatial(kernel.slice(0, axes), 1)
  const zeros = spatial(padding.map(([first]) => first), 0) // prettier-ignore
  const [channels, filters] = [x.shape.at(-1)!, y.shape.at(-1)!]
  const sizes = { channels, filters, height, width }
  const before = zeros.map((count, axis) => (way === 'turned' ? window[axis] - 1 - count : count))
  if (channels % 4 !== 0 || filters % 8 !== 0 || before.some((count) => count < 0)) return undefined
  // Its tiles begin where y does.
  if (way === 'mirrored' && before.some((count) => count > 0)) return undefined
  const best = tilingOf(sizes, window)
  if (!best) return undefined
  const { tiling } = best
  const grid = [tilesOf(height, tiling.down), tilesOf(width, tiling.across)]
  const ofImage = grid[0] * grid[1]
  const most = chunkOf(pointsOf(tiling), channels + filters)
  // Tiles that add to each other's results are of one task.
  const tilesOfTask = way !== 'mirrored' ? most : ofImage * Math.max(1, Math.floor(most / ofImage))
  const chunk = Math.min(most, 4 * Math.ceil(tilesOfTask / Math.ceil(tilesOfTask / most) / 4))
  return { ...best, way, sizes, window, before, grid, tiles: y.shape[0] * ofImage, chunk, tilesOfTask }
}

/** Writes the job of tiles that read x, and that write, or read too, results at `out`. */
function tileJob(
  runtime: Runner,
  x: Tensor,
  y: Tensor,
  { way, sizes: { channels, filters, height, width }, window, tiling, before, grid, tiles, chunk, tilesOfTask }: Plan,
  spec: GemmSpec,
  place: () => Record<'out' | 'kernels' | 'turns' | 'blocks' | 'blockBytes', number>,
): number {
  const [down, across] = grid
  const lengths = [1, ...x.shape.slice(1, -1)].slice(-2)
  const padded = [tiling.down, tiling.across].map(({ outputs }, axis) => {
    const needed = outputs * grid[axis] + window[axis] - 1
    return { length: lengths[axis], before: before[axis], after: Math.max(0, needed - before[axis] - lengths[axis]) }
  })
  const images = bringImages(runtime, x, 'f32', way === 'mirrored' ? [] : padded.slice(4 - x.rank))
  const [outHeight, outWidth] = [1, ...y.shape.slice(1, -1)].slice(-2)
  const [rowStep, pixelStep] = [0, ...images.strides].slice(-2).map((stride) => stride * 4)
  const words: Record<(typeof tileWords)[number], number> = {
    images: images.address,
    imageStep: images.imageStride * 4,
    rowStep,
    pixelStep,
    channelBytes: channels * 4,
    kernelStep: stepOf(channels * filters),
    outImage: outHeight * outWidth * filters * 4,
    outRow: outWidth * filters * 4,
    outPixel: filters * 4,
    height,
    width,
    outHeight,
    outWidth,
    tilesAcross: across,
    tilesOfImage: down * across,
    tilesOfTask,
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
 * The convolution of x with a kernel `[…window, channels, filters]`, or with `isGradient` that for the input of one, if this is the way to do
 * it; returns whether it was. The gradient is the convolution with the kernel turned around; or the transpose of every step of the way
 * forward, in the other direction: its tiles are those of x and overlap in the result, and are fewer where nothing was around the input.
 */
export function winograd(
  runtime: Runner,
  x: Tensor,
  kernel: Tensor,
  attributes: ConvAttributes,
  out: Tensor,
  isGradient: boolean,
): boolean {
  const ways: readonly Way[] = isGradient ? limits.ways : ['forward']
  const plans = ways.flatMap((way) => planOf(runtime, x, kernel.shape, attributes, out, way) ?? [])
  const [plan] = plans.toSorted((one, other) => one.time - other.time)
  if (!plan) return false
  const { way, tiling, sizes: { channels, filters } } = plan // prettier-ignore
  const { shared, fused } = runtime
  const key = `${tiling.down.outputs}/${tiling.across.outputs}`
  runtime.begin()
  let result = 0
  const spec = { m: plan.chunk, n: filters, k: channels, a: matrix(channels), b: inPanels, c: matrix(filters) }
  const job = tileJob(runtime, x, out, plan, spec, () => {
    const weights = bring(runtime, kernel, 'f32', true)
    result = target(runtime, out, 'f32')
    const kernels = runtime.reserve(pointsOf(tiling) * stepOf(channels * filters))
    const [rows, columns] = kernel.shape.slice(-2)
    const first = runtime.job(16)
    runtime.i32.set([weights, kernels, rows, columns], first >> 2)
    const transform = runtime.kernel(`winograd kernel/${key}/${way}`, () => buildKernelTransform(shared, tiling, way))
    runtime.run(transform, first, { tasks: rows, grain: grainOf(columns) })
    return { out: result, kernels, turns: 1, blocks: 1, blockBytes: 0 }
  })
  const mirrored = way === 'mirrored'
  const tiles = runtime.kernel(`winograd/${key}/${fused}/${mirrored}`, () => buildTiles(shared, fused, tiling, mirrored))
  runtime.run(tiles, job, { tasks: Math.ceil(plan.tiles / plan.tilesOfTask), grain: 1 })
  unstage(runtime, result, out, 'f32')
  return true
}

/** The gradient for the kernel, given that for the result, if this is the way to do it; returns whether it was. */
export function winogradKernel(runtime: Runner, x: Tensor, dy: Tensor, attributes: ConvAttributes, out: Tensor): boolean {
  const plan = planOf(runtime, x, out.shape, attributes, dy)
  if (!plan || out.dtype !== 'float32') return false
  const { tiling, sizes: { channels, filters } } = plan // prettier-ignore
  const { shared, fused } = runtime
  const key = `${tiling.down.outputs}/${tiling.across.outputs}`
  const size = channels * filters
  const bytes = pointsOf(tiling) * stepOf(size)
  const chunks = Math.ceil(plan.tiles / plan.chunk)
  const most = Math.max(1, Math.min(limits.parts, chunks, Math.floor(limits.sums / bytes)))
  const turns = Math.ceil(chunks / most)
  const parts = Math.ceil(chunks / turns)
  // Where threads are more, they share the filters: each transforms all of the input, so it is not for fewer.
  const wanted = Math.min(Math.ceil(runtime.threads().count / parts), Math.floor(filters / limits.filters))
  const ofBlock = 8 * Math.ceil(filters / 8 / Math.max(1, wanted))
  const blocks = Math.ceil(filters / ofBlock)
  runtime.begin()
  const spec = { m: channels, n: filters, k: plan.chunk, a: inPanels, b: inPanels, c: matrix(filters), accumulate: true }
  let kernels = 0
  const job = tileJob(runtime, x, dy, plan, spec, () => {
    const slopes = bring(runtime, dy, 'f32', true)
    kernels = runtime.reserve(parts * bytes)
    return { out: slopes, kernels, turns, blocks, blockBytes: 4 * ofBlock }
  })
  const result = target(runtime, out, 'f32')
  const sums = runtime.kernel(`winograd slopes/${key}/${fused}`, () => buildSlopes(shared, fused, tiling))
  runtime.run(sums, job, { tasks: parts * blocks, grain: 1 })
  const last = runtime.job(20)
  runtime.i32.set([kernels, result, channels, filters, parts], last >> 2)
  const transform = runtime.kernel(`winograd slopes/${key}`, () => buildSlopesTransform(shared, tiling))
  runtime.run(transform, last, { tasks: channels, grain: grainOf(filters) })
  unstage(runtime, result, out, 'f32')
  return true
}
