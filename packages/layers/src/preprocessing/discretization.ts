/** Numbers as the bins that they fall into. */
import { isFloat, tensor, ValueError, type DType, type Tensor } from '@typegrad/tensor'
import type { FirstLayerOptions } from '../core.ts'
import type { Defaults, LayerConfig } from '../layer-config.ts'
import { Layer } from '../layer.ts'
import type { SymbolicShape } from '../symbolic.ts'
import { batchesOf, type AdaptData } from './adapt.ts'
import { encode, encodedShape, option, type EncodingMode } from './encode.ts'

export interface DiscretizationOptions extends FirstLayerOptions {
  /** Where one bin ends and the next begins, ascending; in place of `adapt`. */
  readonly binBoundaries?: readonly number[] | null
  /** How many bins `adapt` is to make. */
  readonly numBins?: number | null
  /** How far the share of data in a bin of `adapt` may be off. @defaultValue `0.01` */
  readonly epsilon?: number
  /** The number of the bin, or a vector that says so: see {@link CategoryEncoding}. @defaultValue `'int'` */
  readonly outputMode?: 'int' | EncodingMode
}

/** The number of the bin that each element falls into: of boundaries `[0, 1]`, 0 below 0, 1 from 0 to below 1, and 2. */
export class Discretization extends Layer<DiscretizationOptions> {
  static override readonly defaults = {
    binBoundaries: null,
    numBins: null,
    epsilon: 0.01,
    outputMode: 'int',
  } satisfies Defaults<DiscretizationOptions>
  static override readonly fixed = { sparse: false }
  readonly #mode: 'int' | 'oneHot' | 'multiHot' | 'count'
  #binBoundaries: readonly number[] | null

  constructor(options: DiscretizationOptions = {}) {
    super(options)
    const { binBoundaries, numBins, outputMode } = this.options
    this.#mode = option('Discretization', 'outputMode', outputMode, ['int', 'oneHot', 'multiHot', 'count'])
    if (binBoundaries === null && numBins === null) throw new ValueError('Discretization: binBoundaries or numBins must be given')
    if (binBoundaries?.some((b, i) => !(b > (binBoundaries[i - 1] ?? -Infinity))))
      throw new ValueError(`Discretization: binBoundaries must ascend, got ${JSON.stringify(binBoundaries)}`, { binBoundaries })
    if (numBins !== null && !(Number.isInteger(numBins) && numBins >= 1))
      throw new ValueError(`Discretization: numBins must be a positive integer, got ${JSON.stringify(numBins)}`, { numBins })
    this.#binBoundaries = binBoundaries
  }

  /** Given, or found by {@link adapt}. */
  get binBoundaries(): readonly number[] | null {
    return this.#binBoundaries
  }

  set binBoundaries(boundaries: readonly number[] | null) {
    this.#binBoundaries = boundaries
    this.changed()
  }

  /** Chooses boundaries so that about as many elements of the data fall into each bin. */
  adapt(data: AdaptData): void {
    const { numBins, epsilon } = this.options
    if (numBins === null) throw new ValueError('Discretization: binBoundaries were given, there is nothing to adapt')
    const summary = batchesOf(data, 'Discretization')
      .map((batch) => summarize(batch, epsilon))
      .reduce((before, next) => compress([...next, ...before].sort(byValue), epsilon), [])
    this.binBoundaries = compress(summary, 1 / numBins)
      .slice(0, -1)
      .map(({ value }) => value)
  }

  call(x: Tensor): Tensor {
    if (this.binBoundaries === null) throw new ValueError('Discretization: give binBoundaries, or call adapt with data first')
    const dtype = isFloat(x.dtype) ? x.dtype : 'float32'
    // NaN is not below any boundary, and so falls into the last bin.
    const below = x.expandDims(-1).less(tensor(this.binBoundaries, { dtype }))
    const bins = below.sum(-1).neg().add(this.binBoundaries.length)
    return this.#mode === 'int' ? bins : encode(bins, this.#mode, this.binBoundaries.length + 1)
  }

  override computeOutputDType(): DType {
    return this.#mode === 'int' ? 'int32' : 'float32'
  }

  override computeOutputShape(inputShape: SymbolicShape): SymbolicShape {
    const bins = this.binBoundaries ? this.binBoundaries.length + 1 : this.options.numBins
    return encodedShape(inputShape, this.#mode, bins)
  }

  override getConfig(): LayerConfig {
    const { trainable: _, ...config } = super.getConfig()
    return { ...config, dtype: this.dtype, bin_boundaries: this.binBoundaries }
  }
}

/** A value, and how many elements it stands for. */
interface Weighted {
  readonly value: number
  readonly weight: number
}

const byValue = (a: Weighted, b: Weighted): number => a.value - b.value

/** At most `1 / epsilon` of the elements, evenly spaced in order. */
function summarize(data: Tensor, epsilon: number): Weighted[] {
  const sorted = Float32Array.from(data.toTypedArray()).sort()
  const step = Math.max(1, sorted.length / (1 / epsilon))
  const summary: Weighted[] = []
  for (let i = Math.trunc(step - 1); i < sorted.length; i += Math.trunc(step)) summary.push({ value: sorted[i], weight: step })
  return summary
}

/** The same distribution by `1 / epsilon` values, interpolated. */
function compress(summary: readonly Weighted[], epsilon: number): Weighted[] {
  if (summary.length * epsilon < 1) return [...summary]
  let sum = 0
  const sums = summary.map(({ weight }) => (sum += weight))
  const shares = sums.map((s) => s / sum)
  let before = 0
  return Array.from({ length: Math.ceil(1 / epsilon) }, (_, i) => {
    const share = epsilon + i * epsilon
    const next = interpolate(share, shares, sums)
    const value = Math.fround(
      interpolate(
        share,
        shares,
        summary.map((one) => one.value),
      ),
    )
    const weight = Math.fround(next - before)
    before = next
    return { value, weight }
  })
}

/** The value at x of the line through the points `(xs, ys)`, level beyond the ends. */
function interpolate(x: number, xs: readonly number[], ys: readonly number[]): number {
  const after = xs.findIndex((point) => point > x)
  if (after === 0) return ys[0]
  if (after < 0) return ys.at(-1)!
  return ys[after - 1] + ((ys[after] - ys[after - 1]) / (xs[after] - xs[after - 1])) * (x - xs[after - 1])
}
