import { random, ValueError, type Shape, type Tensor } from '@typegrad/tensor'
import { Configured, type Defaults } from '@typegrad/tensor/config'
import type { Initializer } from './constant.ts'

export interface SeedOptions {
  /** Makes the draw its own, and every draw the same; without it the global stream of `setSeed` is used. @defaultValue `null` */
  readonly seed?: number | null
}

/** An initializer that draws. */
export abstract class RandomInitializer<O extends SeedOptions> extends Configured<O> implements Initializer {
  static override readonly defaults: { readonly seed: number | null } = { seed: null }

  constructor(options: NoInfer<O> = {} as O) {
    super(options)
    const { seed } = this.options
    if (seed !== null && !Number.isSafeInteger(seed))
      throw new ValueError(`${new.target.name}: seed is ${JSON.stringify(seed)}, expected an integer`, { seed })
  }

  abstract call(shape: Shape): Tensor

  protected get generator(): Pick<random.Generator, 'uniform' | 'normal' | 'truncatedNormal'> {
    const { seed } = this.options
    return seed === null ? random.globalGenerator() : new random.Generator(seed!)
  }
}

export interface NormalOptions extends SeedOptions {
  /** @defaultValue `0` */
  readonly mean?: number
  /** @defaultValue `0.05` */
  readonly stddev?: number
}

/** Normal around `mean`. */
export class RandomNormal extends RandomInitializer<NormalOptions> {
  static override readonly defaults = { seed: null, mean: 0, stddev: 0.05 } satisfies Defaults<NormalOptions>

  call(shape: Shape): Tensor {
    const { mean, stddev } = this.options
    return this.generator.normal(shape, { mean, stddev })
  }
}

/** Normal around `mean`, without what lies farther than two standard deviations. */
export class TruncatedNormal extends RandomNormal {
  override call(shape: Shape): Tensor {
    const { mean, stddev } = this.options
    return this.generator.truncatedNormal(shape, { mean, stddev })
  }
}

export interface UniformOptions extends SeedOptions {
  /** @defaultValue `-0.05` */
  readonly minval?: number
  /** @defaultValue `0.05` */
  readonly maxval?: number
}

/** Uniform in [minval, maxval). */
export class RandomUniform extends RandomInitializer<UniformOptions> {
  static override readonly defaults = { seed: null, minval: -0.05, maxval: 0.05 } satisfies Defaults<UniformOptions>

  call(shape: Shape): Tensor {
    const { minval, maxval } = this.options
    return this.generator.uniform(shape, { low: minval, high: maxval })
  }
}
