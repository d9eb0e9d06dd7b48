/** Layers that add and take away at the edges. */
import { formatShape, ShapeError, ValueError, type SliceArgument, type Tensor } from '@typegrad/tensor'
import type { Defaults } from './layer-config.ts'
import { SpatialLayer, type SpatialOptions } from './spatial.ts'

type Pair = readonly [before: number, after: number]

/** A number of elements: for all edges; for both edges of each axis; or for each edge, `[before, after]`. */
export type Edges = number | readonly (number | Pair)[]

/** The pairs for `rank` axes that an option stands for. */
function pairsOf(given: Edges, rank: number, kind: string, option: string): readonly Pair[] {
  const list = typeof given === 'number' ? Array.from({ length: rank }, () => given) : given
  // Of one axis the pair itself is given.
  const axes: unknown = rank === 1 && list?.length === 2 ? [list] : list
  const pairs = Array.isArray(axes) ? axes.map((edge: unknown) => (typeof edge === 'number' ? [edge, edge] : edge)) : []
  const valid = (pair: unknown): boolean =>
    Array.isArray(pair) && pair.length === 2 && pair.every((n) => Number.isInteger(n) && n >= 0)
  if (pairs.length === rank && pairs.every((pair) => valid(pair))) return pairs as Pair[]
  const each = rank === 1 ? '[before, after]' : `${rank} integers, or ${rank} pairs [before, after]`
  throw new ValueError(`${kind}: ${option} must be an integer ≥ 0 or ${each}, got ${JSON.stringify(given)}`, { [option]: given })
}

/** The pairs as an option: of one axis the pair itself. */
const asOption = (pairs: readonly Pair[]): Edges => (pairs.length === 1 ? pairs[0] : pairs)

export interface ZeroPaddingOptions extends SpatialOptions {
  /** The zeros to add. @defaultValue `1` */
  readonly padding?: Edges
}

/** Zeros around. */
abstract class ZeroPadding extends SpatialLayer<ZeroPaddingOptions> {
  static override readonly keepsIntegers = true
  static override readonly defaults: Defaults<ZeroPaddingOptions> = { padding: 1, dataFormat: 'channelsLast' }
  protected readonly edges: readonly Pair[]

  constructor(options: ZeroPaddingOptions = {}) {
    const edges = pairsOf(options.padding ?? 1, new.target.rank, new.target.name, 'padding')
    super({ ...options, padding: asOption(edges) })
    this.edges = edges
  }

  protected compute(x: Tensor): Tensor {
    return x.pad([[0, 0], ...this.edges, [0, 0]])
  }

  protected outputLength(length: number, axis: number): number {
    return this.edges[axis][0] + length + this.edges[axis][1]
  }
}

/** Zeros before and after the steps of `[batch, steps, channels]`. */
export class ZeroPadding1D extends ZeroPadding {
  static override readonly rank = 1
}

/** Zeros around images `[batch, height, width, channels]`. */
export class ZeroPadding2D extends ZeroPadding {
  static override readonly rank = 2
}

/** Zeros around volumes `[batch, depth, height, width, channels]`. */
export class ZeroPadding3D extends ZeroPadding {
  static override readonly rank = 3
}

export interface CroppingOptions extends SpatialOptions {
  /** The elements to take away. @defaultValue `1`; for `Cropping2D` `0` */
  readonly cropping?: Edges
}

/** Without the edges. */
abstract class Cropping extends SpatialLayer<CroppingOptions> {
  static override readonly keepsIntegers = true
  static override readonly defaults: Partial<Defaults<CroppingOptions>> & { readonly cropping: Edges } = {
    cropping: 1,
    dataFormat: 'channelsLast',
  }
  protected readonly edges: readonly Pair[]

  constructor(options: CroppingOptions = {}) {
    const edges = pairsOf(options.cropping ?? new.target.defaults.cropping, new.target.rank, new.target.name, 'cropping')
    super({ ...options, cropping: asOption(edges) })
    this.edges = edges
  }

  protected compute(x: Tensor): Tensor {
    const inner = this.edges.map(([before], axis): SliceArgument => {
      const length = x.shape[axis + 1]
      return [before, before + this.outputLength(length, axis)]
    })
    return x.slice(null, ...inner)
  }

  protected outputLength(length: number, axis: number): number {
    const [before, after] = this.edges[axis]
    if (before + after < length) return length - before - after
    throw new ShapeError(
      `${this.kind}: cropping ${formatShape(this.edges[axis])} leaves nothing of spatial axis ${axis}, of length ${length}`,
      { length, cropping: this.edges },
    )
  }
}

/** `[batch, steps, channels]` without the first and last steps. */
export class Cropping1D extends Cropping {
  static override readonly rank = 1
  static override readonly defaults = { cropping: 1 }
}

/** Images `[batch, height, width, channels]` without their edges. */
export class Cropping2D extends Cropping {
  static override readonly rank = 2
  static override readonly defaults = { cropping: 0, dataFormat: 'channelsLast' } as const
}

/** Volumes `[batch, depth, height, width, channels]` without their edges. */
export class Cropping3D extends Cropping {
  static override readonly rank = 3
}
