/**
 * Seeded random numbers, made by counting: element i of the n-th draw of a generator is block (i, n) of its seed, and
 * depends on nothing else. So the numbers are the same on every backend and for every number of threads.
 */
import { currentBackend } from './backends/backend.ts'
import type { DType } from './dtype.ts'
import { ValueError } from './errors.ts'
import { assertShape, type Shape } from './shape.ts'
import { emptyTensor, type Tensor } from './tensor.ts'
import { erf } from './formula/special.ts'

export interface FloatOptions {
  readonly dtype?: 'float32' | 'float64'
}

/** A stream of random tensors that depends on its seed alone. */
export class Generator {
  #seed: readonly [number, number]
  #draws = 0

  /** A seed is any integer up to 2^53. */
  constructor(seed: number) {
    if (!Number.isSafeInteger(seed)) throw new ValueError(`Generator: seed ${seed}, expected an integer`)
    this.#seed = [seed | 0, Math.floor(seed / 2 ** 32) | 0]
  }

  /** Seed and number of draws so far: what a checkpoint needs to go on. */
  get state(): readonly [number, number, number] {
    return [...this.#seed, this.#draws]
  }

  set state([low, high, draws]: readonly [number, number, number]) {
    this.#seed = [low, high]
    this.#draws = draws
  }

  #uniform01(shape: Shape, dtype: DType): Tensor {
    assertShape(shape, 'random')
    const out = emptyTensor(shape, dtype)
    if (out.size > 0) currentBackend().random(this.#seed, this.#draws, out)
    this.#draws++
    return out
  }

  /** Uniform in [low, high). */
  uniform(
    shape: Shape = [],
    { low = 0, high = 1, dtype = 'float32' }: FloatOptions & { low?: number; high?: number } = {},
  ): Tensor {
    const u = this.#uniform01(shape, dtype)
    if (low === 0 && high === 1) return u
    // The sum may round up to `high`, which is outside: the last number of the dtype below it is the limit.
    const last = high - Math.abs(high) * 2 ** (dtype === 'float64' ? -53 : -24)
    return u
      .mul(high - low)
      .add(low)
      .minimum(last)
  }

  /** Normal, by Box and Muller: `√(-2 log(1 - u)) · cos(2πv)`. */
  normal(
    shape: Shape = [],
    { mean = 0, stddev = 1, dtype = 'float32' }: FloatOptions & { mean?: number; stddev?: number } = {},
  ): Tensor {
    const radius = this.#uniform01(shape, dtype).neg().log1p().mul(-2).sqrt()
    const z = radius.mul(
      this.#uniform01(shape, dtype)
        .mul(2 * Math.PI)
        .cos(),
    )
    return mean === 0 && stddev === 1 ? z : z.mul(stddev).add(mean)
  }

  /** Normal, without the values farther than two standard deviations from the mean (by the inverse distribution function). */
  truncatedNormal(
    shape: Shape = [],
    { mean = 0, stddev = 1, dtype = 'float32' }: FloatOptions & { mean?: number; stddev?: number } = {},
  ): Tensor {
    const edge = erf(Math.SQRT2)
    const z = this.#uniform01(shape, 'float64')
      .mul(2 * edge)
      .sub(edge)
      .erfinv()
      .mul(Math.SQRT2)
    return z.mul(stddev).add(mean).cast(dtype)
  }

  /** True with probability `p`. */
  bernoulli(shape: Shape = [], { p = 0.5 }: { p?: number } = {}): Tensor {
    if (!(p >= 0 && p <= 1)) throw new ValueError(`bernoulli: p is ${p}, expected a probability`)
    return this.#uniform01(shape, 'float32').less(p)
  }

  /** int32, uniform in [low, high). */
  integers(shape: Shape = [], { low = 0, high }: { low?: number; high: number }): Tensor {
    if (!Number.isInteger(low) || !Number.isInteger(high) || high <= low || low < -(2 ** 31) || high > 2 ** 31) {
      throw new ValueError(`integers: low ${low}, high ${high}, expected int32 with low < high`)
    }
    return this.#uniform01(shape, 'float64')
      .mul(high - low)
      .floor()
      .add(low)
      .cast('int32')
  }

  /** The integers below n in random order, as int32. */
  permutation(n: number): Tensor {
    return this.#uniform01([n], 'float64').argsort()
  }
}

let global = new Generator(Math.floor(Math.random() * 2 ** 32))

/** Makes everything random from here on (weights, shuffling, dropout, splits without a seed) depend on `seed` alone. */
export function setSeed(seed: number): void {
  global = new Generator(seed)
}

/** The generator behind the functions of this module. */
export const globalGenerator = (): Generator => global

export const uniform: Generator['uniform'] = (...args) => global.uniform(...args)
export const normal: Generator['normal'] = (...args) => global.normal(...args)
export const truncatedNormal: Generator['truncatedNormal'] = (...args) => global.truncatedNormal(...args)
export const bernoulli: Generator['bernoulli'] = (...args) => global.bernoulli(...args)
export const integers: Generator['integers'] = (...args) => global.integers(...args)
export const permutation: Generator['permutation'] = (...args) => global.permutation(...args)
