/** Upsampling over one, two and three axes. */
import { interpolations, perAxis, resize, type DType, type Interpolation, type PerAxis, type Tensor } from '@typegrad/tensor'
import type { Defaults } from './layer-config.ts'
import { assertName, SpatialLayer, type SpatialOptions } from './spatial.ts'

export interface UpSamplingOptions extends SpatialOptions {
  /** How many elements are made of one. @defaultValue `2` */
  readonly size?: PerAxis
}

abstract class UpSampling<O extends UpSamplingOptions = UpSamplingOptions> extends SpatialLayer<O> {
  static override readonly keepsIntegers = true
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

export interface UpSampling2DOptions extends UpSamplingOptions {
  /** How new pixels are made. @defaultValue `'nearest'` */
  readonly interpolation?: Interpolation
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
    assertName(this.kind, 'interpolation', this.options.interpolation, interpolations)
  }

  override computeOutputDType(inputs: readonly DType[]): DType {
    return this.options.interpolation === 'nearest' ? super.computeOutputDType(inputs) : this.dtype
  }

  protected override compute(x: Tensor): Tensor {
    const { interpolation } = this.options
    if (interpolation === 'nearest') return super.compute(x)
    const spatial = x.shape.slice(1, 3).map((length, axis) => length * this.size[axis])
    return resize(x.cast(x.dtype === 'float64' ? 'float64' : 'float32'), spatial, { interpolation })
  }
}
