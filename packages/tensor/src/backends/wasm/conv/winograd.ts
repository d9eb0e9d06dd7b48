/**
 * Convolutions by Winograd's minimal filtering (Lavin and Gray, 2016): 2 × 2 results of a window of 3 × 3 are made of 16 products
 * of sums instead of 36, or 4 × 4 of 36 instead of 144 (along one axis 4 of 6 instead of 12), as so many products of matrices over the tiles. The root mean
 * square of the errors of 16 products is 0.7 (of 16 channels) to 1.7 times (of 256) that of the plain way, whose sums are longer and in blocks,
 * of 36 it is 2.3 to 5.2 times as large: 1.5e-6 of that of the results, the largest 2.6e-6 of the largest result. It is not for
 * deterministic mode.
 *
 * Longer windows, and those of a larger step or with taps farther apart, are sums of convolutions with up to 3 × 3 of their taps, of step 1 on every s-th element: 5 × 5 takes 8.0 products a
 * result instead of 25, 3 × 3 of step 2 5.4 instead of 9.
 */
import type { Tensor } from '../../../tensor.ts'
import type { ConvAttributes } from '../../backend.ts'
import { gemmJobBytes, type GemmSpec, jobWords, writeGemmJob } from '../gemm/index.ts'
import { packedABytes } from '../gemm/rectangle.ts'
import { bringImages, type Images } from '../images.ts'
import type { Runner } from '../runtime.ts'
import { bring, target, unstage } from '../stage.ts'
import type { AxisShape } from './geometry.ts'
import { buildTiles } from './winograd-convolve.ts'
import { limits, type Part, type Plan, planOf, type Way } from './winograd-plan.ts'
import { pointsOf } from './winograd-points.ts'
import { buildSlopes, buildSlopesTransform } from './winograd-slopes.ts'
import { buildKernelTransform, matrixSpare, tileWords } from './winograd-tiles.ts'

/** A matrix of the scratch: its address is that of a tile's. */
const matrix = (rowStride: number, columnStride = 1) => ({ address: 0, rowStride, columnStride })
const inPanels = { ...matrix(0), panels: true }

/** Bytes from the matrix of a point to that of the next. */
const stepOf = (size: number): number => 4 * size + matrixSpare

/** Channels that a thread transforms the kernels of at a time. */
const grainOf = (filters: number): number => Math.max(4, Math.ceil((1 << 13) / filters))

/** The windows and points of a tiling, by which its modules differ. */
const keyOf = ({ tiling: { down, across } }: Part): string =>
  [down, across].map(({ outputs, points }) => `${outputs}/${points}`).join()

/** Of the two innermost spatial axes of a shape. */
const sidesOf = (shape: readonly number[]): number[] => [1, ...shape.slice(1, -1)].slice(-2)

/** Writes the job of the tiles of a part, of so many images, that write, or read too, what is of the shape of `y` at `out`. */
function tileJob(
  runtime: Runner,
  { address, imageStride, strides }: Images,
  y: readonly number[],
  { channels, filters }: Plan,
  { down, across, grid, chunk, tilesOfTask, outcome }: Part,
  spec: GemmSpec,
  { out, ...places }: Record<'out' | 'kernels' | 'turns' | 'blocks' | 'blockBytes', number>,
): number {
  const [rowStride, pixelStride] = [0, ...strides].slice(-2)
  const [height, width] = sidesOf(y)
  const pixel = filters * 4
  const [outHeight, outWidth] = outcome === 'mirror' ? [height, width] : [down.places, across.places]
  const words: Record<(typeof tileWords)[number], number> = {
    images: address + (down.start * rowStride + across.start * pixelStride) * 4,
    imageStep: imageStride * 4,
    rowStep: down.step * rowStride * 4,
    pixelStep: across.step * pixelStride * 4,
    channelBytes: channels * 4,
    kernelStep: stepOf(channels * filters),
    out: out + (down.first * width + across.first) * pixel,
    outImage: height * width * pixel,
    outRow: down.stride * width * pixel,
    outPixel: across.stride * pixel,
    filterBytes: pixel,
    height: down.places,
    width: across.places,
    outHeight,
    outWidth,
    tilesAcross: grid[1],
    tilesOfImage: grid[0] * grid[1],
    tilesOfTask,
    tiles: y[0] * grid[0] * grid[1],
    chunk,
    work: packedABytes,
    ...places,
  }
  const job = runtime.job(gemmJobBytes({}) + 4 * tileWords.length)
  writeGemmJob(runtime.i32, job, 'f32', spec)
  const all = tileWords.map((word) => words[word])
  runtime.i32.set(all, (job >> 2) + jobWords.length)
  return job
}

/** Where the taps of a part are in a kernel of this shape at an address: the first, and the distances downwards and across. */
function tapsOf({ down, across }: Part, shape: readonly number[], kernel: number): [first: number, down: number, across: number] {
  const tap = shape.at(-2)! * shape.at(-1)! * 4
  const row = tap * (shape.at(-3) ?? 1)
  const [[i, nextI = i], [j, nextJ = j]] = [down.positions, across.positions]
  return [kernel + i * row + j * tap, (nextI - i) * row, (nextJ - j) * tap]
}

/** May tensors of this dtype be computed by tiles? */
const isFor = (runtime: Runner, { dtype }: Tensor): boolean => runtime.fused && dtype === 'float32'

/** The spatial axes of a convolution of x to y. */
const axesOf = (x: Tensor, kernel: readonly number[], y: Tensor): AxisShape[] =>
  x.shape.slice(1, -1).map((length, i) => ({ length, window: kernel[i], outputs: y.shape[i + 1] }))

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
  if (!isFor(runtime, out)) return false
  const axes = isGradient ? axesOf(out, kernel.shape, x) : axesOf(x, kernel.shape, out)
  const [channels, filters] = [x.shape.at(-1)!, out.shape.at(-1)!]
  const ways: readonly Way[] = isGradient ? limits.ways : ['forward']
  const plans = ways.flatMap((way) => planOf(way, axes, channels, filters, attributes) ?? [])
  const [plan] = plans.toSorted((one, other) => one.time - other.time)
  if (!plan) return false
  const { shared, fused } = runtime
  runtime.begin()
  const images = bringImages(runtime, x, 'f32', plan.padded)
  const weights = bring(runtime, kernel, 'f32', true)
  const result = target(runtime, out, 'f32')
  const points = Math.max(...plan.parts.map(({ tiling }) => pointsOf(tiling)))
  const kernels = runtime.reserve(points * stepOf(channels * filters))
  const [rows, columns] = kernel.shape.slice(-2)
  for (const part of plan.parts) {
    const { tiling, outcome, chunk, tilesOfTask, grid } = part
    const key = keyOf(part)
    const [from, nextDown, nextAcross] = tapsOf(part, kernel.shape, weights)
    const first = runtime.job(24)
    runtime.i32.set([from, kernels, rows, columns, nextDown, nextAcross], first >> 2)
    const transform = runtime.kernel(`winograd kernel/${key}/${isGradient}`, () =>
      buildKernelTransform(shared, tiling, isGradient),
    )
    runtime.run(transform, first, { tasks: rows, grain: grainOf(columns) })
    const spec = { m: chunk, n: filters, k: channels, a: matrix(channels), b: inPanels, c: matrix(filters) }
    const job = tileJob(runtime, images, out.shape, plan, part, spec, {
      out: result,
      kernels,
      turns: 1,
      blocks: 1,
      blockBytes: 0,
    })
    const tiles = runtime.kernel(`winograd/${key}/${fused}/${outcome}`, () => buildTiles(shared, fused, tiling, outcome))
    runtime.run(tiles, job, { tasks: Math.ceil((out.shape[0] * grid[0] * grid[1]) / tilesOfTask), grain: 1 })
  }
  unstage(runtime, result, out, 'f32')
  return true
}

/** How the sums of a part of a gradient for a kernel are shared by threads: parts over some chunks each, and of each blocks of filters. */
function sharesOf(runtime: Runner, { channels, filters }: Plan, { tiling, grid, chunk }: Part, batch: number) {
  const bytes = pointsOf(tiling) * stepOf(channels * filters)
  const chunks = Math.ceil((batch * grid[0] * grid[1]) / chunk)
  const most = Math.max(1, Math.min(limits.parts, chunks, Math.floor(limits.sums / bytes)))
  const turns = Math.ceil(chunks / most)
  const parts = Math.ceil(chunks / turns)
  // Where threads are more, they share the filters: each transforms all of the input, so it is not for fewer.
  const wanted = Math.min(Math.ceil(runtime.threads().count / parts), Math.floor(filters / limits.filters))
  const ofBlock = 8 * Math.ceil(filters / 8 / Math.max(1, wanted))
  return { bytes: parts * bytes, parts, turns, blocks: Math.ceil(filters / ofBlock), blockBytes: 4 * ofBlock }
}

/** The gradient for the kernel, given that for the result, if this is the way to do it; returns whether it was. */
export function winogradKernel(runtime: Runner, x: Tensor, dy: Tensor, attributes: ConvAttributes, out: Tensor): boolean {
  if (!isFor(runtime, dy) || !isFor(runtime, out)) return false
  const [channels, filters] = [x.shape.at(-1)!, dy.shape.at(-1)!]
  const plan = planOf('forward', axesOf(x, out.shape, dy), channels, filters, attributes)
  if (!plan) return false
  const { shared, fused } = runtime
  const all = plan.parts.map((part) => ({ part, ...sharesOf(runtime, plan, part, dy.shape[0]) }))
  runtime.begin()
  const images = bringImages(runtime, x, 'f32', plan.padded)
  const slopes = bring(runtime, dy, 'f32', true)
  const kernels = runtime.reserve(Math.max(...all.map(({ bytes }) => bytes)))
  const result = target(runtime, out, 'f32')
  const begun = new Set<number>()
  for (const { part, parts, turns, blocks, blockBytes } of all) {
    const { tiling, chunk } = part
    const key = keyOf(part)
    const spec = { m: channels, n: filters, k: chunk, a: inPanels, b: inPanels, c: matrix(filters), accumulate: true }
    const job = tileJob(runtime, images, dy.shape, plan, part, spec, { out: slopes, kernels, turns, blocks, blockBytes })
    const sums = runtime.kernel(`winograd slopes/${key}/${fused}`, () => buildSlopes(shared, fused, tiling))
    runtime.run(sums, job, { tasks: parts * blocks, grain: 1 })
    const last = runtime.job(28)
    const [to, nextDown, nextAcross] = tapsOf(part, out.shape, result)
    runtime.i32.set([kernels, to, channels, filters, nextDown, nextAcross, parts], last >> 2)
    const adds = begun.has(to)
    begun.add(to)
    const transform = runtime.kernel(`winograd kernel slopes/${key}/${adds}`, () => buildSlopesTransform(shared, tiling, adds))
    runtime.run(transform, last, { tasks: channels, grain: grainOf(filters) })
  }
  unstage(runtime, result, out, 'f32')
  return true
}
