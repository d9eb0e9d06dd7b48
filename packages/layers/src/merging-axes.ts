/** Layers that make one tensor of several, along an axis. */
import { concat, formatShape, normalizeAxis, ShapeError, ValueError, type DType, type Tensor } from '@typegrad/tensor'
import { required, type Defaults } from './layer-config.ts'
import type { LayerOptions } from './layer.ts'
import type { Mask } from './masks.ts'
import { Merge, ofElements, type Masks } from './merging.ts'
import type { SymbolicShape } from './symbolic.ts'
import { unit } from './unit.ts'

export interface ConcatenateOptions extends LayerOptions {
  /** @defaultValue `-1` */
  readonly axis?: number
}

/** The inputs one after the other along an axis; their other lengths are the same. */
export class Concatenate extends Merge<ConcatenateOptions> {
  static override readonly defaults = { axis: -1 } satisfies Defaults<ConcatenateOptions>

  constructor(options: ConcatenateOptions = {}) {
    super(options)
  }

  protected merge(inputs: readonly Tensor[]): Tensor {
    return concat(inputs, this.options.axis)
  }

  override call(inputs: readonly Tensor[]): Tensor {
    this.computeOutputShape(inputs.map((x) => x.shape))
    return this.merge(inputs)
  }

  override computeOutputShape(shapes: readonly SymbolicShape[]): SymbolicShape {
    this.assertList(shapes)
    const [first] = shapes
    const at = normalizeAxis(this.options.axis, first.length, 'Concatenate')
    return first.map((_, axis) => {
      const lengths = shapes.map((shape) => shape[axis])
      const known = lengths.filter((length): length is number => length !== null)
      if (axis === at) return known.length < lengths.length ? null : known.reduce((a, b) => a + b)
      if (new Set(known).size > 1 || shapes.some((shape) => shape.length !== first.length)) {
        const given = shapes.map((shape) => formatShape(shape)).join(' and ')
        throw new ShapeError(`Concatenate: inputs ${given} must agree everywhere but at axis ${at}`, { shapes, axis: at })
      }
      return known[0] ?? null
    })
  }

  /** The masks one after the other; along the last axis, where some element counts. An input without a mask counts. */
  override computeMask(inputs: readonly Tensor[], mask: Mask | undefined): Mask | undefined {
    const masks = (mask ?? []) as Masks
    if (!masks.some(Boolean)) return undefined
    const elements = inputs.map((x, i) => (masks[i] ? ofElements(masks[i], x).broadcastTo(x.shape) : x.onesLike().cast('bool')))
    return concat(elements, this.options.axis).any(-1)
  }
}

export interface DotOptions extends LayerOptions {
  /** The axis of both inputs, or of each, that is summed over; not the batch. */
  readonly axes: number | readonly [number, number]
  /** Whether to scale the lines along the axes to length 1 first, which makes the result their cosine. @defaultValue `false` */
  readonly normalize?: boolean
}

/** `Σₖ x₀[…, k, …] · x₁[…, k, …]` for every sample: of vectors `[batch, 1]`, else with all other axes of both. */
export class Dot extends Merge<DotOptions> {
  static override readonly defaults = { axes: required, normalize: false } satisfies Defaults<DotOptions>

  override computeOutputDType(inputs: readonly DType[]): DType {
    return this.options.normalize ? this.dtype : super.computeOutputDType(inputs)
  }
  protected override readonly count = [2, 2] as const

  constructor(options: DotOptions) {
    super(options)
    const { axes } = this.options
    const pair = typeof axes === 'number' ? [axes, axes] : axes
    if (!Array.isArray(pair) || pair.length !== 2 || !pair.every((axis) => Number.isInteger(axis)))
      throw new ValueError(`Dot: axes must be an integer or two, got ${JSON.stringify(axes)}`, { axes })
  }

  override call([a, b]: readonly Tensor[]): Tensor {
    const shape = this.computeOutputShape([a.shape, b.shape]) as readonly number[]
    return this.merge([a, b]).reshape(shape)
  }

  protected merge(inputs: readonly Tensor[]): Tensor {
    const axes = this.axesOf(inputs.map((x) => x.shape))
    const [a, b] = inputs.map((x, i) => {
      const line = x.moveaxis(axes[i], -1)
      const flat = line.reshape([x.shape[0], line.shape.slice(1, -1).reduce((n, length) => n * length, 1), x.shape[axes[i]]])
      return this.options.normalize ? unit(flat, -1, 1e-7) : flat
    })
    return a.matmul(b.swapaxes(1, 2))
  }

  override computeOutputShape(shapes: readonly SymbolicShape[]): SymbolicShape {
    this.assertList(shapes)
    const axes = this.axesOf(shapes)
    const [p, q] = shapes.map((shape, i) => shape[axes[i]])
    const [m, n] = shapes.map(([batch]) => batch)
    if ((p !== q && p !== null && q !== null) || (m !== n && m !== null && n !== null)) {
      throw new ShapeError(
        `Dot: inputs ${formatShape(shapes[0])} and ${formatShape(shapes[1])}, ` +
          (p === q ? `batches of ${m} and ${n} differ` : `lengths ${p} at axis ${axes[0]} and ${q} at axis ${axes[1]} differ`),
        { shapes, axes },
      )
    }
    const rest = shapes.flatMap((shape, i) => shape.filter((_, axis) => axis !== 0 && axis !== axes[i]))
    return [m ?? n, ...(rest.length > 0 ? rest : [1])]
  }

  /** The axes, counted from the front. */
  private axesOf(shapes: readonly SymbolicShape[]): number[] {
    const { axes } = this.options
    return shapes.map(({ length }, i) => {
      const axis = normalizeAxis(typeof axes === 'number' ? axes : axes[i], length, 'Dot')
      if (axis === 0) throw new ShapeError(`Dot: axes ${JSON.stringify(axes)} name the batch`, { axes })
      return axis
    })
  }

  override computeMask(): undefined {
    return undefined
  }
}
