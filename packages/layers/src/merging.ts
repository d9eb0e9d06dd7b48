/** Layers that make one tensor of several, element by element. */
import { formatShape, ShapeError, ValueError, type Tensor } from '@typegrad/tensor'
import { Layer, type CallContext, type LayerOptions } from './layer.ts'
import type { Mask } from './masks.ts'
import type { SymbolicShape } from './symbolic.ts'

/** The masks of the inputs, of those that have one. */
export type Masks = readonly (Tensor | undefined)[]

/** A mask of steps as one of x's elements. */
export const ofElements = (mask: Tensor, x: Tensor): Tensor =>
  mask.reshape([...mask.shape, ...Array.from({ length: x.rank - mask.rank }, () => 1)])

/**
 * Elementwise on a list of inputs, which broadcast: to inputs of lower rank, axes are added after the batch. The mask of the
 * result is true where that of some input is; without a mask of every input there is none.
 */
export abstract class Merge<O extends LayerOptions = LayerOptions> extends Layer<O> {
  static override readonly keepsIntegers: boolean = true
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
  static override readonly keepsIntegers = false
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
