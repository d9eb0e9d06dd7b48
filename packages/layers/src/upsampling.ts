/** Upsampling over one, two and three axes. */
import { perAxis, tensor, type PerAxis, type Tensor } from '@typegrad/tensor'
import type { Defaults } from './layer-config.ts'
import { assertName, multiplyAxis, SpatialLayer, type SpatialOptions } from './spatial.ts'

export interface UpSamplingOptions extends SpatialOptions {
  /** How many elements are made of one. @defaultValue `2` */
  readonly size?: PerAxis
}

abstract class UpSampling<O extends UpSamplingOptions = UpSamplingOptions> extends SpatialLayer<O> {
  static override readonly sizes: Readonly<Record<string, number>> = { size: 1 }

  protected get size(): readonly number[] {
    return this.options.size as readonly number[]
  }

  /** Every element repeated. */
  protected compute(x: Tensor): Tensor {
    const [batch, channels] = [x.shape[0], x.shape.at(-1)!]
    const spatial = x.shape.slice(1, -1)
    return x
      .reshape([batch, ...spatial.flatMap((length) => [length, 1]), channels])
      .broadcastTo([batch, ...spatial.flatMap((length, axis) => [length, this.size[axis]]), channels])
      .reshape([batch, ...spatial.map((length, axis) => length * this.size[axis]), channels])
  }

  protected outputLength(length: number, axis: number): number {
    return length * this.size[axis]
  }
}

/** Every step of `[batch, steps, channels]` repeated `size` times. */
export class UpSampling1D extends UpSampling<Omit<UpSamplingOptions, 'dataFormat'>> {
  static override readonly rank = 1
  static override readonly sizes = {}
  static override readonly defaults: Defaults<Omit<UpSamplingOptions, 'dataFormat'>> = { size: 2 }

  constructor(options: Omit<UpSamplingOptions, 'dataFormat'> = {}) {
    super(options)
    perAxis(this.options.size, 1, this.kind, 'size')
  }

  protected override get size(): readonly number[] {
    return perAxis(this.options.size, 1, this.kind, 'size')
  }
}

/** Every voxel of `[batch, depth, height, width, channels]` repeated `size` times along each axis. */
export class UpSampling3D extends UpSampling {
  static override readonly rank = 3
  static override readonly defaults: Defaults<UpSamplingOptions> = { size: 2, dataFormat: 'channelsLast' }
}

/** Weight of an element at a distance, in elements, from the point that is asked for. */
const interpolations = {
  bilinear: (x: number): number => Math.max(0, 1 - x),
  /** Keys' cubic convolution with a = -1/2. */
  bicubic: (x: number): number => (x >= 2 ? 0 : x >= 1 ? ((-0.5 * x + 2.5) * x - 4) * x + 2 : (1.5 * x - 2.5) * x * x + 1),
  lanczos3: (x: number): number => lanczos(x, 3),
  lanczos5: (x: number): number => lanczos(x, 5),
}

const lanczos = (x: number, radius: number): number => (x > radius ? 0 : sinc(x) * sinc(x / radius))
const sinc = (x: number): number => (x < 1e-6 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x))

export interface UpSampling2DOptions extends UpSamplingOptions {
  /** How new pixels are made. @defaultValue `'nearest'` */
  readonly interpolation?: 'nearest' | keyof typeof interpolations
}

/** Every pixel of `[batch, height, width, channels]` repeated `size` times along both axes, or what lies between interpolated. */
export class UpSampling2D extends UpSampling<UpSampling2DOptions> {
  static override readonly rank = 2
  static override readonly defaults: Defaults<UpSampling2DOptions> = {
    size: 2,
    dataFormat: 'channelsLast',
    interpolation: 'nearest',
  }

  constructor(options: UpSampling2DOptions = {}) {
    super(options)
    assertName(this.kind, 'interpolation', this.options.interpolation, ['nearest', ...Object.keys(interpolations)])
  }

  protected override compute(x: Tensor): Tensor {
    const { interpolation } = this.options
    if (interpolation === 'nearest') return super.compute(x)
    const weight = interpolations[interpolation]
    const dtype = x.dtype === 'float64' ? 'float64' : 'float32'
    return this.size.reduce((y, size, i) => {
      const length = y.shape[i + 1]
      return multiplyAxis(y, i + 1, tensor(resizing(length, length * size, weight), { shape: [length, length * size], dtype }))
    }, x)
  }
}

/** The matrix `[length, outputs]` that samples at the centres of the new pixels; every column's sum is 1. */
function resizing(length: number, outputs: number, weight: (distance: number) => number): Float64Array {
  const matrix = new Float64Array(length * outputs)
  for (let o = 0; o < outputs; o++) {
    const centre = ((o + 0.5) * length) / outputs - 0.5
    let sum = 0
    for (let i = 0; i < length; i++) sum += matrix[i * outputs + o] = weight(Math.abs(centre - i))
    for (let i = 0; i < length; i++) matrix[i * outputs + o] /= sum
  }
  return matrix
}
