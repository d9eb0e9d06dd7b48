/**
 * Convolutions of 3 × 3 windows, step 1, by Winograd's minimal filtering (Lavin and Gray, 2016): 2 × 2 results are made of 16 products
 * of sums instead of 36, as 16 products of matrices over the tiles. Its errors are 0.8 (of 16 channels) to 1.7 times (of 256) those of
 * the plain way, whose sums are longer; it is not for deterministic mode.
 */
import type { Tensor } from '../../../tensor.ts'
import type { ConvAttributes } from '../../backend.ts'
import { gemmJobBytes, jobWords, writeGemmJob } from '../gemm/index.ts'
import { behindPacked, gemmScratchBytes } from '../gemm/rectangle.ts'
import { bringImages } from '../images.ts'
import type { Runner } from '../runtime.ts'
import { bring, target, unstage } from '../stage.ts'
import { buildKernelTransform, buildTiles, tileWords } from './winograd-code.ts'

export const limits = {
  /** Bytes of the matrices of a chunk of tiles, which are to stay in a core's outer cache. */
  chunk: 1 << 18,
  /** How much less work it must be. */
  gain: 1.15,
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

/** Tiles of a chunk, and where their matrices begin in the scratch of a thread; none where they find no place there. */
function chunkOf({ channels, filters }: Sizes): { readonly chunk: number; readonly work: number } {
  const work = behindPacked(channels, filters)
  const space = Math.min(limits.chunk, gemmScratchBytes('f32') - work)
  return { chunk: Math.floor(space / (64 * (channels + filters)) / 4) * 4, work }
}

/**
 * The convolution of x with a kernel `[3, 3, channels, filters]`, or with `turned` that of its gradient with the kernel turned around, if
 * this is the way to do it; returns whether it was. It depends on nothing but sizes of an image, and so do the bits of the result.
 */
export function winograd(
  runtime: Runner,
  x: Tensor,
  kernel: Tensor,
  attributes: ConvAttributes,
  out: Tensor,
  turned: boolean,
): boolean {
  const { strides, dilation, groups, padding } = attributes
  if (!runtime.fused || out.dtype !== 'float32' || x.rank !== 4 || groups !== 1) return false
  if (![...strides, ...dilation].every((step) => step === 1) || kernel.shape[0] !== 3 || kernel.shape[1] !== 3) return false
  const [batch, height, width, filters] = out.shape
  const channels = x.shape[3]
  const sizes = { channels, filters, height, width }
  const before = padding.map(([zeros]) => (turned ? 2 - zeros : zeros))
  const { chunk, work } = chunkOf(sizes)
  if (channels % 4 !== 0 || filters % 4 !== 0 || before.some((zeros) => zeros < 0) || chunk < 8 || !isLess(sizes)) return false

  runtime.begin()
  const [down, across] = [tilesOf(height), tilesOf(width)]
  const padded = [down, across].map((tiles, axis) => {
    const length = x.shape[axis + 1]
    return { length, before: before[axis], after: Math.max(0, 2 * tiles + 2 - before[axis] - length) }
  })
  const images = bringImages(runtime, x, 'f32', padded)
  const weights = bring(runtime, kernel, 'f32')
  const result = target(runtime, out, 'f32')
  const { shared, fused } = runtime
  const size = channels * filters
  const kernels = runtime.reserve(16 * size * 4)
  const [rows, columns] = kernel.shape.slice(2)
  const first = runtime.job(16)
  runtime.i32.set([weights, kernels, rows, columns], first >> 2)
  const transform = runtime.kernel(`winograd kernel/${turned}`, () => buildKernelTransform(shared, turned))
  runtime.run(transform, first, { tasks: rows, grain: Math.max(4, Math.ceil((1 << 13) / columns)) })

  const spec = {
    m: chunk,
    n: filters,
    k: channels,
    a: { address: 0, rowStride: channels, columnStride: 1 },
    b: { address: 0, rowStride: filters, columnStride: 1 },
    c: { address: 0, rowStride: filters },
  }
  const job = runtime.job(gemmJobBytes({}) + 4 * tileWords.length)
  writeGemmJob(runtime.i32, job, 'f32', spec)
  const [rowStep, pixelStep] = images.strides.map((stride) => stride * 4)
  const words: Record<(typeof tileWords)[number], number> = {
    images: images.address,
    imageStep: images.imageStride * 4,
    rowStep,
    pixelStep,
    channelBytes: channels * 4,
    kernels,
    kernelStep: size * 4,
    out: result,
    outImage: height * width * filters * 4,
    outRow: width * filters * 4,
    outPixel: filters * 4,
    height,
    width,
    tilesAcross: across,
    tilesOfImage: down * across,
    tiles: batch * down * across,
    chunk,
    work,
  }
  runtime.i32.set(tileWords.map((word) => words[word]), (job >> 2) + jobWords.length) // prettier-ignore
  const tiles = runtime.kernel(`winograd/${fused}`, () => buildTiles(shared, fused))
  runtime.run(tiles, job, { tasks: Math.ceil(words.tiles / chunk), grain: 1 })
  unstage(runtime, result, out, 'f32')
  return true
}
