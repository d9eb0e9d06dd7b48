import type { Tensor } from '../../../tensor.ts'
import type { ConvAttributes, PoolAttributes, PoolKind } from '../../backend.ts'
import { ModuleBuilder } from '../assembler/index.ts'
import { bringImages, type Images, stridesOf } from '../images.ts'
import { sumLines } from '../reduce/index.ts'
import type { Runner } from '../runtime.ts'
import { bring, bytesOf, type Real, target, unstage } from '../stage.ts'
import { type WindowAxis, type WindowSpec, windowJobBytes, writeWindowJob } from './job.ts'
import { type WindowKind, writeWindows } from './kernels.ts'

type Shape = readonly number[]
type Windows = Omit<ConvAttributes, 'groups'>

const spatial = (shape: Shape): Shape => shape.slice(1, -1)

/** What the two shapes and the window say. */
function specOf(x: Shape, y: Shape, window: Shape, { strides, dilation, padding }: Windows, images: Images) {
  const channels = x.at(-1)!
  const kernel = stridesOf(window, channels)
  const axes = spatial(x).map((length, i): WindowAxis => ({
    length,
    outputs: y[i + 1],
    window: window[i],
    stride: strides[i],
    dilation: dilation[i],
    before: padding[i][0],
    xStride: images.strides[i],
    kernelStride: kernel.strides[i],
  }))
  return { batch: x[0], channels, x: images.address, xImage: images.imageStride, axes }
}

/** Images without gaps, of a shape, at an address. */
function flatImages(shape: Shape, address: number): Images {
  const { strides, size } = stridesOf(spatial(shape), shape.at(-1)!)
  return { address, imageStride: size, strides }
}

/** Elements of a window for which code is written out: their values fit the registers. */
const few = 4

function run(runtime: Runner, kind: WindowKind, spec: WindowSpec, type: Real, apart = false): void {
  const rank = spec.axes.length
  const { fused, shared } = runtime
  const lengths = spec.axes.map((axis) => axis.window)
  const window = lengths.reduce((product, length) => product * length, 1) <= few ? lengths : undefined
  const kernel = runtime.kernel(`windows/${kind}/${type}/${rank}/${fused}/${apart}/${window?.join()}`, () => {
    const module = new ModuleBuilder({ memory: { shared } })
    module.export(writeWindows(module, { kind, type, rank, fused, apart, window }))
    return module.toBytes()
  })
  const job = runtime.job(windowJobBytes(spec))
  runtime.run(kernel, job, writeWindowJob(runtime.i32, job, type, spec, runtime.threads().count))
}

const undilated = (attributes: PoolAttributes): Windows => ({ ...attributes, dilation: attributes.window.map(() => 1) })

export function pool(runtime: Runner, kind: PoolKind, x: Tensor, attributes: PoolAttributes, out: Tensor, type: Real): void {
  runtime.begin()
  const images = bringImages(runtime, x, type)
  const y = target(runtime, out, type)
  run(runtime, kind, { ...specOf(x.shape, out.shape, attributes.window, undilated(attributes), images), y }, type)
  unstage(runtime, y, out, type)
}

export function poolPick(runtime: Runner, values: Tensor, x: Tensor, attributes: PoolAttributes, out: Tensor, type: Real): void {
  runtime.begin()
  const images = flatImages(x.shape, bring(runtime, x, type))
  const beside = bring(runtime, values, type)
  const y = target(runtime, out, type)
  run(runtime, 'pick', { ...specOf(x.shape, out.shape, attributes.window, undilated(attributes), images), beside, y }, type)
  unstage(runtime, y, out, type)
}

export function poolGradient(
  runtime: Runner,
  kind: PoolKind,
  x: Tensor,
  dy: Tensor,
  attributes: PoolAttributes,
  out: Tensor,
  type: Real,
): void {
  runtime.begin()
  const y = bring(runtime, dy, type)
  const beside = target(runtime, out, type)
  // The mean's gradient does not depend on x.
  const images = flatImages(x.shape, kind === 'max' ? bring(runtime, x, type) : beside)
  const spec = specOf(x.shape, dy.shape, attributes.window, undilated(attributes), images)
  const apart = spec.axes.every(({ stride, window }) => stride >= window)
  const isCovered = spec.axes.every(
    ({ before, stride, window, outputs, length }) => before === 0 && stride === window && outputs * stride === length,
  )
  const zeros = apart && isCovered ? 0 : images.imageStride
  run(runtime, `${kind}Gradient`, { ...spec, beside, y, zeros }, type, apart)
  unstage(runtime, beside, out, type)
}

/** Convolution of each channel with a filter of its own. */
export function channelwise(
  runtime: Runner,
  x: Tensor,
  kernel: Tensor,
  attributes: ConvAttributes,
  out: Tensor,
  type: Real,
): void {
  runtime.begin()
  const images = bringImages(runtime, x, type)
  const weights = bring(runtime, kernel, type)
  const y = target(runtime, out, type)
  run(
    runtime,
    'depthwise',
    { ...specOf(x.shape, out.shape, kernel.shape.slice(0, -2), attributes, images), kernel: weights, y },
    type,
  )
  unstage(runtime, y, out, type)
}

/** The gradient of {@link channelwise} for its input. */
export function channelwiseInput(
  runtime: Runner,
  dy: Tensor,
  kernel: Tensor,
  attributes: ConvAttributes,
  out: Tensor,
  type: Real,
): void {
  runtime.begin()
  const y = bring(runtime, dy, type)
  const weights = bring(runtime, kernel, type)
  const beside = target(runtime, out, type)
  const images = flatImages(out.shape, beside)
  const spec = specOf(out.shape, dy.shape, kernel.shape.slice(0, -2), attributes, images)
  run(runtime, 'depthwiseInput', { ...spec, kernel: weights, beside, y, zeros: images.imageStride }, type)
  unstage(runtime, beside, out, type)
}

/** The gradient of {@link channelwise} for the kernel: that of each image, then their sum. */
export function channelwiseKernel(
  runtime: Runner,
  x: Tensor,
  dy: Tensor,
  attributes: ConvAttributes,
  out: Tensor,
  type: Real,
): void {
  runtime.begin()
  const images = bringImages(runtime, x, type)
  const y = bring(runtime, dy, type)
  const batch = x.shape[0]
  const kernel = runtime.reserve(batch * out.size * bytesOf[type])
  const spec = specOf(x.shape, dy.shape, out.shape.slice(0, -2), attributes, images)
  run(runtime, 'depthwiseKernel', { ...spec, kernel, kernelImage: out.size, y, zeros: out.size }, type)
  const result = target(runtime, out, type)
  sumLines(runtime, { x: kernel, out: result }, batch, out.size, type)
  unstage(runtime, result, out, type)
}
