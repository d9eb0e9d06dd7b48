import { ValueError, type Shape, type SnakeCase, type Tensor } from '@typegrad/tensor'
import { oneOf, type Defaults } from '@typegrad/tensor/config'
import { RandomInitializer, type SeedOptions } from './random.ts'

/** Inputs and outputs of a weight: of a kernel `[…window, in, out]` the window counts for both. */
export function fans(shape: Shape): [fanIn: number, fanOut: number] {
  if (shape.length === 0) return [1, 1]
  if (shape.length === 1) return [shape[0], shape[0]]
  const window = shape.slice(0, -2).reduce((a, b) => a * b, 1)
  return [shape.at(-2)! * window, shape.at(-1)! * window]
}

const modes = ['fanIn', 'fanOut', 'fanAvg'] as const
const distributions = ['truncatedNormal', 'untruncatedNormal', 'uniform', 'normal'] as const
type Mode = (typeof modes)[number]
type Distribution = (typeof distributions)[number]

export interface FanOptions extends SeedOptions {
  /** The axes whose lengths multiply to the number of inputs, where the usual ones are not. @defaultValue `null` */
  readonly inputAxes?: readonly number[] | null
  /** The same for the outputs; both must be given. @defaultValue `null` */
  readonly outputAxes?: readonly number[] | null
}

export interface VarianceScalingOptions extends FanOptions {
  /** @defaultValue `1` */
  readonly scale?: number
  /** @defaultValue `'fanIn'` */
  readonly mode?: Mode | SnakeCase<Mode>
  /** `'normal'` is the truncated one. @defaultValue `'truncatedNormal'` */
  readonly distribution?: Distribution | SnakeCase<Distribution>
}

const fanDefaults = { ...RandomInitializer.defaults, inputAxes: null, outputAxes: null } satisfies Defaults<FanOptions>

/** The standard deviation of the standard normal distribution cut at two of its standard deviations. */
const truncated = 0.87962566103423978

/** Variance `scale / n`, where n is the number of inputs, outputs or their mean. */
abstract class Scaling<O extends FanOptions> extends RandomInitializer<O> {
  protected abstract readonly rule: readonly [scale: number, mode: Mode, distribution: Distribution]

  call(shape: Shape): Tensor {
    const [scale, mode, distribution] = this.rule
    const { inputAxes, outputAxes } = this.options
    const product = (axes: readonly number[]): number => axes.reduce((n, axis) => n * shape.at(axis)!, 1)
    const [fanIn, fanOut] = inputAxes && outputAxes ? [product(inputAxes), product(outputAxes)] : fans(shape)
    const variance = scale / Math.max(1, mode === 'fanIn' ? fanIn : mode === 'fanOut' ? fanOut : (fanIn + fanOut) / 2)
    const limit = Math.sqrt(3 * variance)
    if (distribution === 'uniform') return this.generator.uniform(shape, { low: -limit, high: limit })
    if (distribution === 'untruncatedNormal') return this.generator.normal(shape, { stddev: Math.sqrt(variance) })
    return this.generator.truncatedNormal(shape, { stddev: Math.sqrt(variance) / truncated })
  }
}

/** Variance `scale / n`, where n is the number of inputs (`fanIn`), outputs (`fanOut`) or their mean (`fanAvg`). */
export class VarianceScaling extends Scaling<VarianceScalingOptions> {
  static override readonly defaults = {
    ...fanDefaults,
    scale: 1,
    mode: 'fanIn',
    distribution: 'truncatedNormal',
  } satisfies Defaults<VarianceScalingOptions>
  protected readonly rule: readonly [number, Mode, Distribution]

  constructor(options: VarianceScalingOptions = {}) {
    super(options)
    const { scale, mode, distribution } = this.options
    if (!(scale > 0 && Number.isFinite(scale)))
      throw new ValueError(`VarianceScaling: scale must be positive, got ${scale}`, { scale })
    this.rule = [
      scale,
      oneOf('VarianceScaling: mode', mode, modes),
      oneOf('VarianceScaling: distribution', distribution, distributions),
    ]
  }
}

/** Glorot and Bengio (2010): uniform within `±√(6 / (fanIn + fanOut))`. The default of most layers. */
export class GlorotUniform extends Scaling<FanOptions> {
  static override readonly defaults = fanDefaults
  protected readonly rule = [1, 'fanAvg', 'uniform'] as const
}

/** Glorot and Bengio (2010): truncated normal of variance `2 / (fanIn + fanOut)`. */
export class GlorotNormal extends Scaling<FanOptions> {
  static override readonly defaults = fanDefaults
  protected readonly rule = [1, 'fanAvg', 'truncatedNormal'] as const
}

/** He et al. (2015): uniform within `±√(6 / fanIn)`, for ReLU. */
export class HeUniform extends Scaling<FanOptions> {
  static override readonly defaults = fanDefaults
  protected readonly rule = [2, 'fanIn', 'uniform'] as const
}

/** He et al. (2015): truncated normal of variance `2 / fanIn`, for ReLU. */
export class HeNormal extends Scaling<FanOptions> {
  static override readonly defaults = fanDefaults
  protected readonly rule = [2, 'fanIn', 'truncatedNormal'] as const
}

/** LeCun et al. (1998): uniform within `±√(3 / fanIn)`, for SELU. */
export class LecunUniform extends Scaling<FanOptions> {
  static override readonly defaults = fanDefaults
  protected readonly rule = [1, 'fanIn', 'uniform'] as const
}

/** LeCun et al. (1998): truncated normal of variance `1 / fanIn`, for SELU. */
export class LecunNormal extends Scaling<FanOptions> {
  static override readonly defaults = fanDefaults
  protected readonly rule = [1, 'fanIn', 'truncatedNormal'] as const
}
