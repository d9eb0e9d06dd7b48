import { lookup, random, toTensor, ValueError, zeros, full, type SnakeCase, type Shape, type Tensor } from '@typegrad/tensor'

/** Makes the first value of a weight. */
export interface Initializer {
  call(shape: Shape): Tensor
}

export interface SeedOptions {
  /** Makes the draw its own; without it the global stream of `setSeed` is used. */
  readonly seed?: number
}

const generator = (seed: number | undefined): Pick<random.Generator, 'uniform' | 'normal' | 'truncatedNormal'> =>
  seed === undefined ? random.globalGenerator() : new random.Generator(seed)

export class Zeros implements Initializer {
  call(shape: Shape): Tensor {
    return zeros(shape)
  }
}

export class Ones implements Initializer {
  call(shape: Shape): Tensor {
    return full(shape, 1)
  }
}

/** Every element `value`. */
export class Constant implements Initializer {
  readonly value: number

  constructor({ value = 0 }: { value?: number } = {}) {
    this.value = value
  }

  call(shape: Shape): Tensor {
    return full(shape, this.value)
  }
}

/** Normal around `mean`. */
export class RandomNormal implements Initializer {
  readonly options: SeedOptions & { mean?: number; stddev?: number }

  constructor(options: SeedOptions & { mean?: number; stddev?: number } = {}) {
    this.options = { mean: 0, stddev: 0.05, ...options }
  }

  call(shape: Shape): Tensor {
    return generator(this.options.seed).normal(shape, this.options)
  }
}

/** Normal around `mean`, without what lies farther than two standard deviations. */
export class TruncatedNormal extends RandomNormal {
  override call(shape: Shape): Tensor {
    return generator(this.options.seed).truncatedNormal(shape, this.options)
  }
}

/** Uniform in [minval, maxval). */
export class RandomUniform implements Initializer {
  readonly options: SeedOptions & { minval?: number; maxval?: number }

  constructor(options: SeedOptions & { minval?: number; maxval?: number } = {}) {
    this.options = options
  }

  call(shape: Shape): Tensor {
    const { minval = -0.05, maxval = 0.05, seed } = this.options
    return generator(seed).uniform(shape, { low: minval, high: maxval })
  }
}

/** Inputs and outputs of a weight: of a kernel `[…window, in, out]` the window counts for both. */
export function fans(shape: Shape): [fanIn: number, fanOut: number] {
  if (shape.length === 0) return [1, 1]
  if (shape.length === 1) return [shape[0], shape[0]]
  const window = shape.slice(0, -2).reduce((a, b) => a * b, 1)
  return [shape.at(-2)! * window, shape.at(-1)! * window]
}

export interface VarianceScalingOptions extends SeedOptions {
  /** @defaultValue `1` */
  readonly scale?: number
  /** @defaultValue `'fanIn'` */
  readonly mode?: 'fanIn' | 'fanOut' | 'fanAvg'
  /** @defaultValue `'truncatedNormal'` */
  readonly distribution?: 'truncatedNormal' | 'untruncatedNormal' | 'uniform'
}

/** Variance `scale / n`, where n is the number of inputs, outputs or their mean. */
export class VarianceScaling implements Initializer {
  readonly options: VarianceScalingOptions

  constructor(options: VarianceScalingOptions = {}) {
    if (!((options.scale ?? 1) > 0)) throw new ValueError(`VarianceScaling: scale must be positive, got ${options.scale}`)
    this.options = options
  }

  call(shape: Shape): Tensor {
    const { scale = 1, mode = 'fanIn', distribution = 'truncatedNormal', seed } = this.options
    const [fanIn, fanOut] = fans(shape)
    const variance = scale / Math.max(1, mode === 'fanIn' ? fanIn : mode === 'fanOut' ? fanOut : (fanIn + fanOut) / 2)
    const draw = generator(seed)
    if (distribution === 'uniform') {
      const limit = Math.sqrt(3 * variance)
      return draw.uniform(shape, { low: -limit, high: limit })
    }
    // Cutting at two standard deviations makes the normal narrower by this factor.
    if (distribution === 'truncatedNormal')
      return draw.truncatedNormal(shape, { stddev: Math.sqrt(variance) / 0.87962566103423978 })
    return draw.normal(shape, { stddev: Math.sqrt(variance) })
  }
}

/** The scalings that have a name of their own: scale, mode, distribution. */
const scalings = {
  GlorotUniform: [1, 'fanAvg', 'uniform'],
  GlorotNormal: [1, 'fanAvg', 'truncatedNormal'],
  HeUniform: [2, 'fanIn', 'uniform'],
  HeNormal: [2, 'fanIn', 'truncatedNormal'],
  LecunUniform: [1, 'fanIn', 'uniform'],
  LecunNormal: [1, 'fanIn', 'truncatedNormal'],
} as const

function scaling(className: keyof typeof scalings): new (options?: SeedOptions) => VarianceScaling {
  const [scale, mode, distribution] = scalings[className]
  const made = class extends VarianceScaling {
    constructor(options: SeedOptions = {}) {
      super({ scale, mode, distribution, ...options })
    }
  }
  Object.defineProperty(made, 'name', { value: className })
  return made
}

/** Glorot and Bengio (2010): uniform within `±√(6 / (fanIn + fanOut))`. The default of most layers. */
export const GlorotUniform = scaling('GlorotUniform')
export const GlorotNormal = scaling('GlorotNormal')
/** He et al. (2015): uniform within `±√(6 / fanIn)`, for ReLU. */
export const HeUniform = scaling('HeUniform')
export const HeNormal = scaling('HeNormal')
export const LecunUniform = scaling('LecunUniform')
export const LecunNormal = scaling('LecunNormal')

const named = {
  zeros: Zeros,
  ones: Ones,
  constant: Constant,
  randomNormal: RandomNormal,
  randomUniform: RandomUniform,
  truncatedNormal: TruncatedNormal,
  varianceScaling: VarianceScaling,
  glorotUniform: GlorotUniform,
  glorotNormal: GlorotNormal,
  heUniform: HeUniform,
  heNormal: HeNormal,
  lecunUniform: LecunUniform,
  lecunNormal: LecunNormal,
}

export type InitializerName = keyof typeof named | SnakeCase<keyof typeof named>
export type InitializerLike = InitializerName | Initializer | ((shape: Shape) => Tensor)

/** The initializer that a name or a function stands for. */
export function resolveInitializer(initializer: InitializerLike): Initializer {
  if (typeof initializer === 'string') return new (lookup<new () => Initializer>('initializer', initializer, named))()
  if (typeof initializer === 'function') return { call: (shape) => toTensor(initializer(shape)) }
  return initializer
}
