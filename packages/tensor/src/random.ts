/**
 * Seeded random numbers, made by counting: element i of the n-th draw of a generator is block (i, n) of its seed, and
 * depends on nothing else. So the numbers are the same on every backend and for every number of threads.
 */
import { optionsOf, required } from './names.ts'
import { currentBackend } from './backends/backend.ts'
import { hostDraw, hostEffect } from './compile/host.ts'
import type { DType } from './dtype.ts'
import { ValueError } from './errors.ts'
import { assertShape, formatShape, normalizeAxis, type Shape } from './shape.ts'
import { emptyTensor, type Tensor } from './tensor.ts'
import { erf } from './formula/special.ts'
import { lgamma } from './formula/gamma.ts'
import { toTensor, type TensorLike } from './convert.ts'
import * as rejection from './random-rejection.ts'
import { noteDraw } from './draws.ts'
import { threefry } from './threefry.ts'

export interface FloatOptions {
  readonly dtype?: 'float32' | 'float64'
}

interface NormalOptions extends FloatOptions {
  readonly mean?: number
  readonly stddev?: number
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
    const out = emptyTensor(shape, dtype, currentBackend(), true)
    noteDraw(this)
    hostDraw(
      () => [...this.#seed, this.#draws++],
      out,
      ([low, high, stream]) => {
        if (out.size > 0) currentBackend().random([low, high], stream, out)
      },
    )
    return out
  }

  /** Uniform in [low, high). */
  uniform(shape: Shape = [], options?: FloatOptions & { low?: number; high?: number }): Tensor {
    const { low, high, dtype } = optionsOf('uniform', options, { low: 0, high: 1, dtype: 'float32' })
    if (!(low <= high)) throw new ValueError(`uniform: low ${low}, high ${high}, expected low ≤ high`)
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
  normal(shape: Shape = [], options?: NormalOptions): Tensor {
    const { mean, stddev, dtype } = optionsOf('normal', options, { mean: 0, stddev: 1, dtype: 'float32' })
    const radius = this.#uniform01(shape, dtype).neg().log1p().mul(-2).sqrt()
    const z = radius.mul(
      this.#uniform01(shape, dtype)
        .mul(2 * Math.PI)
        .cos(),
    )
    return mean === 0 && stddev === 1 ? z : z.mul(stddev).add(mean)
  }

  /** Normal, without the values farther than two standard deviations from the mean (by the inverse distribution function). */
  truncatedNormal(shape: Shape = [], options?: NormalOptions): Tensor {
    const { mean, stddev, dtype } = optionsOf('truncatedNormal', options, { mean: 0, stddev: 1, dtype: 'float32' })
    const edge = erf(Math.SQRT2)
    const z = this.#uniform01(shape, 'float64')
      .mul(2 * edge)
      .sub(edge)
      .erfinv()
      .mul(Math.SQRT2)
    return z.mul(stddev).add(mean).cast(dtype)
  }

  /** True with probability `p`. */
  bernoulli(shape: Shape = [], options?: { p?: number }): Tensor {
    const { p } = optionsOf('bernoulli', options, { p: 0.5 })
    if (!(p >= 0 && p <= 1)) throw new ValueError(`bernoulli: p is ${p}, expected a probability`)
    return this.#uniform01(shape, 'float32').less(p)
  }

  /** int32, uniform in [low, high). */
  integers(shape: Shape = [], options: { low?: number; high: number }): Tensor {
    const { low, high } = optionsOf('integers', options, { low: 0, high: required })
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

  /** x with its slices along `axis` in random order. */
  shuffle(x: TensorLike, axis = 0): Tensor {
    const given = toTensor(x)
    return given.take(this.permutation(given.shape[normalizeAxis(axis, given.rank, 'shuffle')]), axis)
  }

  /** Exponential, of mean `scale`: `-scale · log(1 - u)`. */
  exponential(shape: Shape = [], options?: FloatOptions & { scale?: TensorLike }): Tensor {
    const { scale, dtype } = optionsOf('exponential', options, { scale: 1, dtype: 'float32' })
    return this.#uniform01(shape, dtype).neg().log1p().neg().mul(scale)
  }

  /** Gumbel, `loc - scale · log(-log u)`: how the largest of many numbers is distributed. */
  gumbel(shape: Shape = [], options?: FloatOptions & { loc?: TensorLike; scale?: TensorLike }): Tensor {
    const { loc, scale, dtype } = optionsOf('gumbel', options, { loc: 0, scale: 1, dtype: 'float32' })
    return this.exponential(shape, { dtype: 'float64' })
      .add(2 ** -60)
      .log()
      .neg()
      .cast(dtype)
      .mul(scale)
      .add(loc)
  }

  /** Gamma of shape `alpha` and mean `alpha · scale`; alpha and scale may be tensors that broadcast to `shape`. */
  gamma(shape: Shape, options: FloatOptions & { alpha: TensorLike; scale?: TensorLike }): Tensor {
    const { alpha, scale, dtype } = optionsOf('gamma', options, { alpha: required, scale: 1, dtype: 'float32' })
    return this.#sample('gamma', shape, dtype, [alpha], (u, a) => rejection.gamma(a, u)).mul(scale)
  }

  /** Beta of parameters `alpha` and `beta`, of mean `alpha / (alpha + beta)`. */
  beta(shape: Shape, options: FloatOptions & { alpha: TensorLike; beta: TensorLike }): Tensor {
    const { alpha, beta, dtype } = optionsOf('beta', options, { alpha: required, beta: required, dtype: 'float32' })
    return this.#sample('beta', shape, dtype, [alpha, beta], (u, a, b) => rejection.beta(a, b, u))
  }

  /** Poisson: how many events there are where `rate` is their mean. */
  poisson(shape: Shape, options: FloatOptions & { rate: TensorLike }): Tensor {
    const { rate, dtype } = optionsOf('poisson', options, { rate: required, dtype: 'float32' })
    return this.#sample('poisson', shape, dtype, [rate], (u, mean) => rejection.poisson(mean, u, lgamma))
  }

  /** Binomial: how many of `counts` trials succeed, each with probability `p`. */
  binomial(shape: Shape, options: FloatOptions & { counts: TensorLike; p: TensorLike }): Tensor {
    const { counts, p, dtype } = optionsOf('binomial', options, { counts: required, p: required, dtype: 'float32' })
    return this.#sample('binomial', shape, dtype, [counts, p], (u, n, q) => rejection.binomial(n, q, u))
  }

  /** `numSamples` integers for each row of logits `[…, classes]`, as int32: class k with probability `softmax(logits)[k]`. */
  categorical(logits: TensorLike, numSamples: number): Tensor {
    const x = toTensor(logits)
    if (x.rank === 0 || x.shape.at(-1) === 0)
      throw new ValueError(`categorical: logits ${formatShape(x.shape)}, expected […, classes]`, { shape: x.shape })
    if (!Number.isInteger(numSamples) || numSamples < 0)
      throw new ValueError(`categorical: numSamples ${numSamples}, expected an integer ≥ 0`, { numSamples })
    const noise = this.gumbel([...x.shape.slice(0, -1), numSamples, x.shape.at(-1)!], { dtype: 'float64' })
    return noise.add(x.expandDims(-2)).argmax(-1)
  }

  /** How often each class comes in n draws, for each row of probabilities `[…, classes]`, as int32. */
  multinomial(n: number, probabilities: TensorLike): Tensor {
    const p = toTensor(probabilities)
    const classes = p.shape.at(-1) ?? 0
    return this.categorical(p.cast('float64').log(), n)
      .expandDims(-1)
      .equal(Int32Array.from({ length: classes }, (_, k) => k))
      .sum(-2)
  }

  /** A number for each place, made of as many uniform ones as it takes: those of place i are blocks (i, 0), (i, 1), … of this draw's own key. */
  #sample(
    op: string,
    shape: Shape,
    dtype: DType,
    parameters: readonly TensorLike[],
    draw: (u: rejection.Uniform, ...parameters: number[]) => number,
  ): Tensor {
    assertShape(shape, op)
    noteDraw(this)
    const key = new Uint32Array(2)
    hostEffect(() => threefry(this.#seed, [this.#draws++, samplesOfThisDraw], key))
    const given = parameters.map((value) => toTensor(value).broadcastTo(shape))
    const backend = currentBackend()
    const out = emptyTensor(shape, dtype, backend)
    const block = new Uint32Array(2)
    backend.host(op, given, out, (inputs, { array, layout }) => {
      const values = inputs.map((x) => x.toTypedArray())
      for (let i = 0; i < layout.size; i++) {
        let attempt = 0
        const u = (): number => {
          threefry([key[0], key[1]], [i, attempt++], block)
          // In the middle between two of the 2^53 numbers: never 0 or 1.
          return ((block[0] >>> 5) * 67108864 + (block[1] >>> 6) + 0.5) / 9007199254740992
        }
        array[layout.offset + i] = draw(u, ...values.map((list) => list[i]))
      }
    })
    return out
  }
}

/** Sets the keys of such draws apart from the blocks of all others, whose counters begin with the place. */
const samplesOfThisDraw = 0x73616d70

const global = new Generator(Math.floor(Math.random() * 2 ** 32))

/** Makes everything random from here on (weights, shuffling, dropout, splits without a seed) depend on `seed` alone. */
export function setSeed(seed: number): void {
  noteDraw(global)
  global.state = new Generator(seed).state
}

/** The generator behind the functions of this module. */
export const globalGenerator = (): Generator => global

export const uniform: Generator['uniform'] = (...args) => global.uniform(...args)
export const normal: Generator['normal'] = (...args) => global.normal(...args)
export const truncatedNormal: Generator['truncatedNormal'] = (...args) => global.truncatedNormal(...args)
export const bernoulli: Generator['bernoulli'] = (...args) => global.bernoulli(...args)
export const integers: Generator['integers'] = (...args) => global.integers(...args)
export const permutation: Generator['permutation'] = (...args) => global.permutation(...args)
export const shuffle: Generator['shuffle'] = (...args) => global.shuffle(...args)
export const exponential: Generator['exponential'] = (...args) => global.exponential(...args)
export const gumbel: Generator['gumbel'] = (...args) => global.gumbel(...args)
export const gamma: Generator['gamma'] = (...args) => global.gamma(...args)
export const beta: Generator['beta'] = (...args) => global.beta(...args)
export const poisson: Generator['poisson'] = (...args) => global.poisson(...args)
export const binomial: Generator['binomial'] = (...args) => global.binomial(...args)
export const categorical: Generator['categorical'] = (...args) => global.categorical(...args)
export const multinomial: Generator['multinomial'] = (...args) => global.multinomial(...args)
