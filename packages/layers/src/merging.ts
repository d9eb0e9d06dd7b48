/** Layers that make one tensor of several. */
import {
  concat,
  formatShape,
  normalizeAxis,
  ShapeError,
  toTensor,
  ValueError,
  type Tensor,
  type TensorLike,
} from '@typegrad/tensor'
import { required, type Defaults } from './layer-config.ts'
import { Layer, type CallContext, type LayerOptions } from './layer.ts'
import type { Mask } from './masks.ts'
import { SymbolicTensor, type SymbolicShape } from './symbolic.ts'

type Masks = readonly (Tensor | undefined)[]

/** A mask of steps as one of x's elements. */
const ofElements = (mask: Tensor, x: Tensor): Tensor =>
  mask.reshape([...mask.shape, ...Array.from({ length: x.rank - mask.rank }, () => 1)])

/**
 * Elementwise on a list of inputs, which broadcast: to inputs of lower rank, axes are added after the batch. The mask of the
 * result is true where that of some input is; without a mask of every input there is none.
 */
abstract class Merge<O extends LayerOptions = LayerOptions> extends Layer<O> {
  /** The fewest and the most inputs. */
  protected readonly count: readonly [number, number] = [1, Infinity]
  override readonly samplewise = true

  constructor(options: O = {} as O) {
    super(options)
    this.supportsMasking = true
  }

  /** One tensor of several of the same rank. */
  protected abstract merge(inputs: readonly Tensor[], masks: Masks): Tensor

  override build(shapes: readonly SymbolicShape[]): void {
    this.computeOutputShape(shapes)
  }

  call(inputs: readonly Tensor[], { mask }: CallContext): Tensor {
    const rank = this.computeOutputShape(inputs.map((x) => x.shape)).length
    const ones = (x: Tensor): number[] => Array.from({ length: rank - x.rank }, () => 1)
    const aligned = inputs.map((x) => (x.rank === rank ? x : x.reshape([x.shape[0], ...ones(x), ...x.shape.slice(1)])))
    return this.merge(aligned, (mask ?? []) as Masks)
  }

  override computeOutputShape(shapes: readonly SymbolicShape[]): SymbolicShape {
    this.assertList(shapes)
    const rank = Math.max(...shapes.map((shape) => shape.length))
    const aligned = shapes.map(([batch, ...rest]) => [batch, ...Array.from({ length: rank - 1 - rest.length }, () => 1), ...rest])
    return Array.from({ length: rank }, (_, axis) => {
      // The batch does not broadcast.
      const lengths = aligned.map((shape) => shape[axis]).filter((length) => axis === 0 || length !== 1)
      const known = [...new Set(lengths.filter((length) => length !== null))]
      if (known.length > 1) {
        const given = shapes.map((shape) => formatShape(shape)).join(' and ')
        throw new ShapeError(`${this.constructor.name}: inputs ${given} do not fit at axis ${axis}`, { shapes, axis })
      }
      if (axis === 0) return known[0] ?? null
      return lengths.includes(null) ? null : (known[0] ?? 1)
    })
  }

  override computeMask(_inputs: readonly Tensor[], mask: Mask | undefined): Mask | undefined {
    const masks = (mask ?? []) as Masks
    if (masks.length === 0 || masks.includes(undefined)) return undefined
    return (masks as readonly Tensor[]).reduce((a, b) => a.logicalOr(b))
  }

  protected assertList(inputs: unknown): void {
    const [least, most] = this.count
    const expected = least === most ? `a list of ${least} inputs` : 'a list of inputs'
    if (!Array.isArray(inputs) || typeof inputs[0] === 'number' || inputs[0] === null)
      throw new ValueError(`${this.constructor.name}: called on one input, expected ${expected}`)
    if (inputs.length < least || inputs.length > most)
      throw new ValueError(`${this.constructor.name}: called on ${inputs.length} inputs, expected ${expected}`)
  }
}

/** `Σ xᵢ`. */
export class Add extends Merge {
  static override readonly defaults = {}

  protected merge(inputs: readonly Tensor[]): Tensor {
    return inputs.reduce((a, b) => a.add(b))
  }
}

/** `x₀ - x₁`. */
export class Subtract extends Merge {
  static override readonly defaults = {}
  protected override readonly count = [2, 2] as const

  protected merge([a, b]: readonly Tensor[]): Tensor {
    return a.sub(b)
  }
}

/** `Π xᵢ`; where an input is masked it counts as 1, and where all are the result is 0. */
export class Multiply extends Merge {
  static override readonly defaults = {}

  protected merge(inputs: readonly Tensor[], masks: Masks): Tensor {
    const y = inputs.map((x, i) => (masks[i] ? ofElements(masks[i], x).where(x, 1) : x)).reduce((a, b) => a.mul(b))
    const counts = this.computeMask(inputs, masks) as Tensor | undefined
    return counts ? ofElements(counts, y).where(y, 0) : y
  }
}

/** `Σ xᵢ / n`. */
export class Average extends Merge {
  static override readonly defaults = {}

  protected merge(inputs: readonly Tensor[]): Tensor {
    return inputs.reduce((a, b) => a.add(b)).div(inputs.length)
  }
}

/** Combines pairs, each of which gives way to the other where it is masked. */
function combine(inputs: readonly Tensor[], masks: Masks, op: (a: Tensor, b: Tensor) => Tensor): Tensor {
  let [y, counts] = [inputs[0], masks[0]]
  inputs.slice(1).forEach((input, i) => {
    const mask = masks[i + 1]
    const x = mask ? ofElements(mask, input).where(input, y) : input
    y = op(counts ? ofElements(counts, y).where(y, x) : y, x)
    counts = mask && counts?.logicalOr(mask)
  })
  return y
}

/** The largest of the inputs, element by element, of those that are not masked. */
export class Maximum extends Merge {
  static override readonly defaults = {}

  protected merge(inputs: readonly Tensor[], masks: Masks): Tensor {
    return combine(inputs, masks, (a, b) => a.maximum(b))
  }
}

/** The smallest of the inputs, element by element, of those that are not masked. */
export class Minimum extends Merge {
  static override readonly defaults = {}

  protected merge(inputs: readonly Tensor[], masks: Masks): Tensor {
    return combine(inputs, masks, (a, b) => a.minimum(b))
  }
}

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

/** x divided by its Euclidean norm over `axes` (`null`: all), or by `least` where that is larger. */
export const unit = (x: Tensor, axes: number | readonly number[] | null, least: number): Tensor =>
  x.div(x.norm(axes, { keepdims: true }).maximum(least))

/** What a layer of several inputs is called on. */
interface Merging {
  apply(inputs: readonly SymbolicTensor[]): SymbolicTensor
  apply(inputs: readonly TensorLike[]): Tensor
}

/** A function of a list of tensors, or of symbolic ones. */
interface MergeFunction<O> {
  (inputs: readonly SymbolicTensor[], options?: O): SymbolicTensor
  (inputs: readonly TensorLike[], options?: O): Tensor
}

const functional =
  (made: new (options: any) => Merging) =>
  (inputs: readonly any[], options?: LayerOptions): any =>
    new made(options).apply(inputs.map((x) => (x instanceof SymbolicTensor ? x : toTensor(x))) as readonly Tensor[])

/** {@link Add} of a list. */
export const add: MergeFunction<LayerOptions> = functional(Add)
/** {@link Subtract} of two. */
export const subtract: MergeFunction<LayerOptions> = functional(Subtract)
/** {@link Multiply} of a list. */
export const multiply: MergeFunction<LayerOptions> = functional(Multiply)
/** {@link Average} of a list. */
export const average: MergeFunction<LayerOptions> = functional(Average)
/** {@link Maximum} of a list. */
export const maximum: MergeFunction<LayerOptions> = functional(Maximum)
/** {@link Minimum} of a list. */
export const minimum: MergeFunction<LayerOptions> = functional(Minimum)
/** {@link Concatenate} of a list. */
export const concatenate: MergeFunction<ConcatenateOptions> = functional(Concatenate)
/** {@link Dot} of two, along their last axes unless `axes` says otherwise. */
export const dot: MergeFunction<Partial<DotOptions>> = (inputs: readonly any[], options?: Partial<DotOptions>): any =>
  functional(Dot)(inputs, { axes: -1, ...options })
