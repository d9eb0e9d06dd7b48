import { collapse } from '../../layout.ts'
import type { Tensor } from '../../tensor.ts'
import { copyBlocks } from './blocks.ts'
import type { Runner } from './runtime.ts'
import { bring, bytesOf, stageSpan, type Real, type Staged } from './stage.ts'

/** Images in memory, channels side by side; strides are in elements. */
export interface Images {
  readonly address: number
  readonly imageStride: number
  /** Of the spatial axes. */
  readonly strides: readonly number[]
}

/** An axis of an image with zeros around it. */
export interface PaddedAxis {
  readonly length: number
  readonly before: number
  readonly after: number
}

/** Strides of `[…lengths, channels]` without gaps, but for the last. */
export function stridesOf(lengths: readonly number[], channels: number): { strides: number[]; size: number } {
  const strides = [...lengths]
  let size = channels
  for (let axis = lengths.length - 1; axis >= 0; axis--) {
    strides[axis] = size
    size *= lengths[axis]
  }
  return { strides, size }
}

/** `[batch, …spatial, channels]` in memory, with zeros around it. */
export function bringImages(runtime: Runner, x: Tensor, type: Real, padded: readonly PaddedAxis[] = []): Images {
  const channels = x.shape.at(-1)!
  const flat = (): Staged => ({
    address: bring(runtime, x, type),
    strides: [...stridesOf(x.shape.slice(0, -1), channels).strides, 1],
  })
  const staged = channels === 1 || x.layout.strides.at(-1) === 1 ? stageSpan(runtime, x, type) : flat()
  const [imageStride, ...strides] = staged.strides.slice(0, -1)
  if (padded.every(({ before, after }) => before === 0 && after === 0)) return { address: staged.address, imageStride, strides }
  const bytes = bytesOf[type]
  const whole = stridesOf(
    padded.map(({ length, before, after }) => before + length + after),
    channels,
  )
  const address = runtime.reserve(x.shape[0] * whole.size * bytes)
  const first = padded.reduce((sum, { before }, axis) => sum + before * whole.strides[axis], 0)
  // What is contiguous in both is copied as one block.
  const { shape, strides: both } = collapse(x.shape.slice(1), [
    [...strides, 1],
    [...whole.strides, 1],
  ])
  const isBlock = both[0].at(-1) === 1 && both[1].at(-1) === 1
  const axes = (isBlock ? shape.slice(0, -1) : shape).map((size, i) => ({
    size,
    from: both[0][i] * bytes,
    to: both[1][i] * bytes,
  }))
  copyBlocks(runtime, {
    from: staged.address,
    to: address,
    offset: first * bytes,
    fill: whole.size * bytes,
    images: { size: x.shape[0], from: imageStride * bytes, to: whole.size * bytes },
    axes,
    bytes: (isBlock ? shape.at(-1)! : 1) * bytes,
  })
  return { address, imageStride: whole.size, strides: whole.strides }
}
