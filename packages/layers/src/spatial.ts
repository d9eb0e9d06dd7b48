/** What layers on `[batch, …spatial, channels]` have in common. */
import { formatShape, perAxis, ShapeError, ValueError, type PerAxis, type Tensor } from '@typegrad/tensor'
import type { FirstLayerOptions } from './core.ts'
import { Layer, type CallContext } from './layer.ts'
import type { SymbolicShape } from './symbolic.ts'

export type DataFormat = 'channelsLast' | 'channelsFirst' | 'channels_last' | 'channels_first'

export interface SpatialOptions extends FirstLayerOptions {
  /** Where the channels are: `[batch, …spatial, channels]` or `[batch, channels, …spatial]`. @defaultValue `'channelsLast'` */
  readonly dataFormat?: DataFormat | null
}

const formats: readonly unknown[] = ['channelsLast', 'channels_last', 'channelsFirst', 'channels_first']
const axisNames = [['steps'], ['height', 'width'], ['depth', 'height', 'width']]

/**
 * A layer over `rank` spatial axes. A subclass computes with the channels last; this class moves them there and back, by
 * views. Where the result has no spatial axes, nothing is moved back.
 */
export abstract class SpatialLayer<O extends SpatialOptions> extends Layer<O> {
  /** The number of spatial axes. */
  static readonly rank: number = 2
  /** Options that are a number, or one for each spatial axis, and the least that they may be. */
  static readonly sizes: Readonly<Record<string, number>> = {}

  override readonly samplewise = true
  readonly rank: number
  protected readonly channelsFirst: boolean

  constructor(options: O = {} as O) {
    super(standardize(new.target, options))
    this.rank = new.target.rank
    this.channelsFirst = /first$/i.test(this.options.dataFormat ?? '')
  }

  /** The class name, for errors. */
  protected get kind(): string {
    return this.constructor.name
  }

  /** The result for `[batch, …spatial, channels]`. */
  protected abstract compute(x: Tensor, context: CallContext): Tensor

  /** The length of the result on spatial axis number `axis`. */
  protected abstract outputLength(length: number, axis: number): number

  /** The number of channels of the result. */
  protected outputChannels(channels: number | null): number | null {
    return channels
  }

  call(x: Tensor, context: CallContext): Tensor {
    this.assertInput(x.shape)
    if (!this.channelsFirst) return this.compute(x, context)
    const y = this.compute(x.moveaxis(1, -1), context)
    return y.rank === x.rank ? y.moveaxis(-1, 1) : y
  }

  override computeOutputShape(inputShape: SymbolicShape): SymbolicShape {
    this.assertInput(inputShape)
    const { batch, spatial, channels } = this.parts(inputShape)
    const lengths = spatial.map((length, axis) => (length === null ? null : this.outputLength(length, axis)))
    return this.assemble(batch, lengths, this.outputChannels(channels))
  }

  /** The parts of an input shape, whatever their order. */
  protected parts(shape: SymbolicShape): { batch: number | null; spatial: SymbolicShape; channels: number | null } {
    const [batch, ...rest] = this.channelsFirst ? [shape[0], ...shape.slice(2), shape[1]] : shape
    return { batch, spatial: rest.slice(0, -1), channels: rest.at(-1)! }
  }

  /** The shape that has these parts. */
  protected assemble(batch: number | null, spatial: SymbolicShape, channels: number | null): SymbolicShape {
    return this.channelsFirst ? [batch, channels, ...spatial] : [batch, ...spatial, channels]
  }

  /** The number of channels of an input, which must be known. */
  protected knownChannels(inputShape: SymbolicShape): number {
    this.assertInput(inputShape)
    const { channels } = this.parts(inputShape)
    if (channels !== null) return channels
    throw new ShapeError(`${this.kind}: input ${formatShape(inputShape)}, the number of channels must be known`, {
      shape: inputShape,
    })
  }

  protected assertInput(shape: SymbolicShape): void {
    if (shape.length === this.rank + 2) return
    const names = axisNames[this.rank - 1]
    const expected = this.channelsFirst ? ['batch', 'channels', ...names] : ['batch', ...names, 'channels']
    const oneChannel = this.channelsFirst ? [shape[0], 1, ...shape.slice(1)] : [...shape, 1]
    const hint = shape.length === this.rank + 1 ? `; for one channel, reshape to ${formatShape(oneChannel)}` : ''
    throw new ShapeError(`${this.kind}: input ${formatShape(shape)}, expected [${expected.join(', ')}]${hint}`, { shape })
  }
}

/** The options with a list in place of every number that stands for all axes. */
function standardize<O extends SpatialOptions>({ name, rank, sizes, defaults = {} }: typeof SpatialLayer, options: O): O {
  const given = options as Readonly<Record<string, unknown>>
  const lists = Object.entries(sizes).flatMap(([key, least]): [string, readonly number[]][] => {
    const value = given[key] ?? defaults[key]
    return value === null ? [] : [[key, perAxis(value as PerAxis, rank, name, key, least)]]
  })
  const { dataFormat } = options
  if (dataFormat === undefined || dataFormat === null) return { ...options, dataFormat: undefined, ...Object.fromEntries(lists) }
  if (formats.includes(dataFormat)) return { ...options, ...Object.fromEntries(lists) }
  throw new ValueError(`${name}: dataFormat must be 'channelsLast' or 'channelsFirst', got ${JSON.stringify(dataFormat)}`, {
    dataFormat,
  })
}

/** Throws unless a string option has one of its values. */
export function assertName(kind: string, option: string, value: unknown, names: readonly string[]): void {
  if (names.includes(value as string)) return
  const known = names.map((name) => `'${name}'`).join(', ')
  throw new ValueError(`${kind}: ${option} must be one of ${known}, got ${JSON.stringify(value)}`, { [option]: value })
}

/** x multiplied along an axis by a matrix `[length, outputs]`. */
export function multiplyAxis(x: Tensor, axis: number, matrix: Tensor): Tensor {
  return x.moveaxis(axis, -1).matmul(matrix).moveaxis(-1, axis)
}
