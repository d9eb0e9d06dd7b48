import type { Tensor } from '../../../tensor.ts'
import type { ConvAttributes } from '../../backend.ts'
import { copyBlocks } from '../blocks.ts'
import { gemmJobBytes, gemmKernel, type GemmSpec, type Left, writeGemmJob } from '../gemm/index.ts'
import { multiplyInto } from '../matmul.ts'
import { sumLines } from '../reduce/index.ts'
import type { Runner } from '../runtime.ts'
import { bring, bytesOf, type Real, target, unstage } from '../stage.ts'
import { channelwise, channelwiseInput, channelwiseKernel } from '../windows/index.ts'
import { type AxisShape, phasesOf, type Phase, windowsAxis } from './geometry.ts'
import { bringImages } from '../images.ts'
import { fewInput } from './few-input.ts'
import { fewOf, runFew, runFewKernel } from './few.ts'
import { winograd, winogradKernel } from './winograd.ts'
import {
  type Channels,
  forwardProduct,
  inputProduct,
  kernelProduct,
  leftOf,
  partsOf,
  patchMatrix,
  type PutTable,
} from './product.ts'

function channelsOf(x: readonly number[], kernel: readonly number[], groups: number): Channels {
  return { batch: x[0], groups, channels: kernel.at(-2)!, filters: kernel.at(-1)! / groups }
}

/** The spatial axes of the input, the window and the result. */
const axesOf = (x: readonly number[], kernel: readonly number[], y: readonly number[]): AxisShape[] =>
  x.slice(1, -1).map((length, i) => ({ length, window: kernel[i], outputs: y[i + 1] }))

const tablesOf =
  (runtime: Runner): PutTable =>
  (table) =>
    runtime.table(table)

function multiply(runtime: Runner, left: Left, spec: GemmSpec, type: Real): void {
  const kernel = gemmKernel(runtime, type, left)
  const job = runtime.job(gemmJobBytes(spec))
  runtime.run(kernel, job, writeGemmJob(runtime.i32, job, type, spec, runtime.threads().count))
}

/** Has each channel one filter of its own? */
const isChannelwise = ({ groups, channels, filters }: Channels): boolean => groups > 1 && channels === 1 && filters === 1

/** Convolution: patches of x times the kernel. */
export function conv(runtime: Runner, x: Tensor, kernel: Tensor, attributes: ConvAttributes, out: Tensor, type: Real): void {
  const bytes = bytesOf[type]
  const sizes = channelsOf(x.shape, kernel.shape, attributes.groups)
  if (isChannelwise(sizes)) return channelwise(runtime, x, kernel, attributes, out, type)
  if (winograd(runtime, x, kernel, attributes, out, false)) return
  runtime.begin()
  const windows = axesOf(x.shape, kernel.shape, out.shape).map((shape, i) => windowsAxis(shape, attributes, i))
  const images = bringImages(
    runtime,
    x,
    type,
    windows.map(({ padded }) => padded),
  )
  const axes = windows.map(({ axis }) => axis)
  const weights = bring(runtime, kernel, type, true)
  const result = target(runtime, out, type)
  const few = fewOf(runtime, type, images, axes, sizes)
  if (few) {
    runFew(runtime, few, sizes.batch, weights, result)
    return unstage(runtime, result, out, type)
  }
  const patches = patchMatrix(images, sizes.batch, axes, sizes.channels, bytes, tablesOf(runtime))
  const spec = forwardProduct(patches, weights, result, sizes)
  if (sizes.groups === 1) return multiplyInto(runtime, spec, out, type, leftOf(patches, false))
  multiply(runtime, leftOf(patches, false), spec, type)
  unstage(runtime, result, out, type)
}

/** Every combination of one element of each list. */
const combinations = <T>(lists: readonly (readonly T[])[]): T[][] =>
  lists.reduce<T[][]>((all, list) => all.flatMap((head) => list.map((item) => [...head, item])), [[]])

/**
 * The gradient for the input: patches of dy times the transposed kernel, one product for all inputs that meet the same places
 * of the window.
 */
export function convInput(
  runtime: Runner,
  dy: Tensor,
  kernel: Tensor,
  attributes: ConvAttributes,
  out: Tensor,
  type: Real,
): void {
  const bytes = bytesOf[type]
  const sizes = channelsOf(out.shape, kernel.shape, attributes.groups)
  if (isChannelwise(sizes)) return channelwiseInput(runtime, dy, kernel, attributes, out, type)
  if (winograd(runtime, dy, kernel, attributes, out, true)) return
  runtime.begin()
  const all = phasesOf(axesOf(out.shape, kernel.shape, dy.shape), attributes, 2 * sizes.channels * sizes.filters * sizes.groups)
  const images = bringImages(
    runtime,
    dy,
    type,
    all.map(({ padded }) => padded),
  )
  const weights = bring(runtime, kernel, type, true)
  const result = target(runtime, out, type)
  const put = tablesOf(runtime)
  const product = (phases: readonly Phase[], to: number): void => {
    const positions = positionsOf(phases, kernel.shape)
    if (fewInput(runtime, type, images, phases, sizes, positions, weights, to)) return
    const patches = patchMatrix(images, sizes.batch, phases, sizes.filters, bytes, put)
    multiply(runtime, leftOf(patches, false), inputProduct(patches, weights, positions, to, sizes, bytes, put), type)
  }
  const whole = combinations(all.map((axis) => axis.phases))
  const phases = whole.filter((axes) => axes.every(({ taps }) => taps.length > 0))
  // Inputs between windows that are farther apart than long.
  if (phases.length < whole.length) runtime.zero(result, out.size * bytes)
  if (whole.length === 1) for (const one of phases) product(one, result)
  else {
    const part = runtime.reserve(out.size * bytes)
    for (const one of phases) {
      product(one, part)
      spread(runtime, part, result, one, out.shape, attributes.strides, bytes)
    }
  }
  unstage(runtime, result, out, type)
}

/** The row-major numbers of the places of the window that the taps of these axes meet. */
function positionsOf(axes: readonly Phase[], kernel: readonly number[]): number[] {
  const all = combinations(axes.map(({ positions }) => positions))
  return all.map((positions) => positions.reduce((number, position, i) => number * kernel[i] + position, 0))
}

/** Copies the inputs of a phase, which lie together at `part`, to where they belong. */
function spread(
  runtime: Runner,
  part: number,
  result: number,
  phases: readonly Phase[],
  shape: readonly number[],
  strides: readonly number[],
  bytes: number,
): void {
  const [batch, ...lengths] = shape
  const block = lengths.pop()! * bytes
  let [from, to, offset] = [block, block, 0]
  const axes = phases.map(({ first, places }, i) => ({ first, places, stride: strides[i], length: lengths[i] })).toReversed()
  const steps = axes.map(({ first, places, stride, length }) => {
    const axis = { size: places, from, to: to * stride }
    offset += first * to
    from *= places
    to *= length
    return axis
  })
  copyBlocks(runtime, {
    from: part,
    to: result,
    offset,
    images: { size: batch, from, to },
    axes: steps.toReversed(),
    bytes: block,
  })
}

/** The gradient for the kernel: the transposed patches of x times dy. */
export function convKernel(runtime: Runner, x: Tensor, dy: Tensor, attributes: ConvAttributes, out: Tensor, type: Real): void {
  const bytes = bytesOf[type]
  const sizes = channelsOf(x.shape, out.shape, attributes.groups)
  if (isChannelwise(sizes)) return channelwiseKernel(runtime, x, dy, attributes, out, type)
  if (winogradKernel(runtime, x, dy, attributes, out)) return
  runtime.begin()
  const windows = axesOf(x.shape, out.shape, dy.shape).map((shape, i) => windowsAxis(shape, attributes, i))
  const images = bringImages(
    runtime,
    x,
    type,
    windows.map(({ padded }) => padded),
  )
  const axes = windows.map(({ axis }) => axis)
  const gradients = bring(runtime, dy, type, true)
  const parts = partsOf(dy.size / (sizes.groups * sizes.filters), out.size / (sizes.groups * sizes.filters), sizes)
  const result = target(runtime, out, type)
  const sums = parts === 1 ? result : runtime.reserve(parts * out.size * bytes)
  const few = parts > 1 ? fewOf(runtime, type, images, axes, sizes) : undefined
  if (few) runFewKernel(runtime, few, sizes.batch, gradients, parts, sums)
  else {
    const patches = patchMatrix(images, sizes.batch, axes, sizes.channels, bytes, tablesOf(runtime))
    const spec = kernelProduct(patches, images.imageStride, gradients, parts, sums, sizes)
    multiply(runtime, leftOf(patches, true), spec, type)
  }
  if (parts > 1) sumLines(runtime, { x: sums, out: result }, parts, out.size, type)
  unstage(runtime, result, out, type)
}
