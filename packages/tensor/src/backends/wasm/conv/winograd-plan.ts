/** What of a convolution is computed by which tiles: see winograd.ts. It depends on sizes alone, and so do the bits of the result. */
import type { ConvAttributes } from '../../backend.ts'
import { blockDepth, gemmScratchBytes } from '../gemm/index.ts'
import { packedABytes } from '../gemm/rectangle.ts'
import type { PaddedAxis } from '../images.ts'
import { type AxisShape, phasesAxis, windowsAxis } from './geometry.ts'
import { filteringOf, pointsOf, type Tiling } from './winograd-points.ts'
import { matrixSpare, type Outcome } from './winograd-tiles.ts'

/** How a convolution is computed: its result, the result of its gradient for the input, or that from what the gradient is given. */
export type Way = 'forward' | 'turned' | 'mirrored'

export const limits = {
  /** Bytes of the matrices of a chunk of tiles, which are to stay in a core's outer cache. */
  chunk: 1 << 19,
  /** How much less work it must be. */
  gain: 1.2,
  /** Products that take as long as moving an element of a tile of up to 16, and of a larger one. */
  moves: { small: 4, large: 6 },
  /** Parts that the gradient of a kernel is summed in, for threads to share, bytes of all, and filters that a thread should have of one. */
  parts: 8,
  sums: 1 << 22,
  filters: 32,
  /** Points along an axis that are tried. */
  points: [4, 6] as readonly (4 | 6)[],
  /** Ways of a gradient for an input that are tried. */
  ways: ['turned', 'mirrored'] as readonly Way[],
}

/** Fewer tiles than this are not worth a product. */
const fewest = 12
/** Taps of a piece at the most. */
const longest = 3
/** Points for shorter ones: of six, results would be made of fourth powers, and errors be five times as large. */
const fewPoints = [4] as const

/** Taps of a window along an axis that are as far apart as their places: what they give is a convolution of step 1. */
interface Piece {
  /** Their places in the window. */
  readonly positions: readonly number[]
  /** In what is read, with what is around it: where the first place begins, and the distance of places and of taps. */
  readonly start: number
  readonly step: number
  /** The results of its places are every `stride`-th from number `first` on. */
  readonly first: number
  readonly stride: number
  readonly places: number
}

/** A piece downwards with one across. */
export interface Part {
  readonly down: Piece
  readonly across: Piece
  readonly tiling: Tiling
  /** Tiles of an image, downwards and across. */
  readonly grid: readonly [number, number]
  /** Tiles that are multiplied together, and those of a task. */
  readonly chunk: number
  readonly tilesOfTask: number
  readonly outcome: Outcome
}

export interface Plan {
  readonly way: Way
  /** Channels of what is read, and of the result. */
  readonly channels: number
  readonly filters: number
  readonly parts: readonly Part[]
  /** What has to lie around the images. */
  readonly padded: readonly PaddedAxis[]
  /** In products of a channel and a filter. */
  readonly time: number
}

/** Lists as long as each other, none longer than a piece. */
function cut<T>(list: readonly T[]): T[][] {
  const count = Math.ceil(list.length / longest)
  const at = (i: number): number => Math.ceil((i * list.length) / count)
  return Array.from({ length: count }, (_, i) => list.slice(at(i), at(i + 1)))
}

interface PiecedAxis {
  readonly padded: PaddedAxis
  readonly pieces: readonly Piece[]
}

/** Of places at the distance of the taps those that begin so far on: where they are among all, and how many. */
const everyOf = (distance: number, places: number) =>
  Array.from({ length: Math.min(distance, places) }, (_, on) => ({ on, places: Math.ceil((places - on) / distance) }))

/** What results read along an axis: of a step s, every s-th tap is of one piece; of taps d apart, every d-th result. */
function forwardAxis(shape: AxisShape, attributes: ConvAttributes, i: number): PiecedAxis {
  const { padded, axis } = windowsAxis(shape, attributes, i)
  const { start, step, taps, positions } = axis
  const apart = attributes.dilation[i]
  const classes = Array.from({ length: Math.min(step, shape.window) }, (_, first) => positions.filter((k) => k % step === first))
  const pieces = everyOf(apart, axis.places).flatMap(({ on, places }) =>
    classes.flatMap(cut).map(
      (group): Piece => ({ positions: group, start: start + on + taps[group[0]], step: step * apart, first: on, stride: apart, places }), // prettier-ignore
    ),
  )
  return { padded, pieces: step === 1 || apart === 1 ? pieces : [] }
}

/** What inputs read of results: of a step s, every s-th input meets the same taps; of taps d apart, every d-th meets the same results. */
function turnedAxis(shape: AxisShape, attributes: ConvAttributes, i: number): PiecedAxis {
  const { padded, phases } = phasesAxis(shape, attributes, i)
  const [step, apart] = [attributes.strides[i], attributes.dilation[i]]
  const pieces = phases.flatMap(({ first, places: all, start, taps, positions }) =>
    everyOf(apart, all).flatMap(({ on, places }) =>
      cut(taps.map((_, number) => number)).map((group) => ({
        positions: group.map((number) => positions[number]),
        start: start + on + taps[group[0]],
        step: apart,
        first: first + on,
        stride: step * apart,
        places,
      })),
    ),
  )
  return { padded, pieces: phases.every(({ taps }) => taps.length > 0) && (step === 1 || apart === 1) ? pieces : [] }
}

/** The way forward, of a step of 1 and one piece, backwards: tiles of the results, which begin where the inputs do. */
function mirroredAxis(
  { length, window, outputs }: AxisShape,
  { strides, dilation, padding }: ConvAttributes,
  i: number,
): PiecedAxis {
  const positions = Array.from({ length: window }, (_, k) => k)
  // Results behind the end of the input add nothing to it.
  const piece = { positions, start: 0, step: 1, first: 0, stride: 1, places: Math.min(length, outputs) }
  const isOne = window <= longest && strides[i] === 1 && dilation[i] === 1 && padding[i][0] === 0
  return { padded: { length: outputs, before: 0, after: 0 }, pieces: isOne ? [piece] : [] }
}

const axisOf = { forward: forwardAxis, turned: turnedAxis, mirrored: mirroredAxis }

/** An axis of one element, for images of one axis. */
const noAxis: PiecedAxis = {
  padded: { length: 1, before: 0, after: 0 },
  pieces: [{ positions: [0], start: 0, step: 1, first: 0, stride: 1, places: 1 }],
}

/** How many tiles are multiplied together: as many as a core's outer cache holds, if its thread has the space. */
function chunkOf(points: number, channels: number): number {
  const bytes = channels * points * 4
  const spare = 2 * matrixSpare * points
  const [wanted, most] = [limits.chunk, gemmScratchBytes('f32') - packedABytes - spare].map(
    (space) => Math.floor(space / bytes / 4) * 4,
  )
  return Math.min(Math.max(wanted, fewest), blockDepth, most)
}

/**
 * The tiling of a part that takes least time. Times are estimated in products of a channel and a filter: what moves an element of
 * a tile there and back takes as long as a few of them for each channel, of large tiles as it does not stay in registers.
 */
function tilingOf(down: Piece, across: Piece, channels: number, filters: number) {
  let best: Pick<Part, 'tiling' | 'grid' | 'chunk'> | undefined
  let least = Infinity
  const filterings = ({ positions: { length } }: Piece) =>
    (length === longest ? limits.points : fewPoints).map((points) => filteringOf(length, points))
  for (const one of filterings(down))
    for (const other of filterings(across)) {
      const tiling = { down: one, across: other }
      const points = pointsOf(tiling)
      const grid = [Math.ceil(down.places / one.outputs), Math.ceil(across.places / other.outputs)] as const
      const moves = (points > 16 ? limits.moves.large : limits.moves.small) * points
      const time = grid[0] * grid[1] * (points * channels * filters + moves * (channels + filters))
      const chunk = chunkOf(points, channels + filters)
      if (time >= least || chunk < fewest) continue
      least = time
      best = { tiling, grid, chunk }
    }
  return best && { ...best, time: least }
}

/** Plans that were made: to make one takes some times as long as a small convolution. Who changes the limits clears them. */
export const plans = new Map<string, Plan | undefined>()
const mostPlans = 256

/** How the convolution of the axes of so many channels is computed by tiles, if that is worth it. */
export function planOf(
  way: Way,
  axes: readonly AxisShape[],
  channels: number,
  filters: number,
  attributes: ConvAttributes,
): Plan | undefined {
  if (axes.length > 2 || attributes.groups !== 1 || channels % 4 !== 0 || filters % 8 !== 0) return undefined
  let key = `${way} ${channels} ${filters}`
  const { strides, dilation, padding } = attributes
  for (let i = 0; i < axes.length; i++) {
    const { length, window, outputs } = axes[i]
    key += `/${length} ${window} ${outputs} ${strides[i]} ${dilation[i]} ${padding[i][0]}`
  }
  let plan = plans.get(key)
  if (plan || plans.has(key)) return plan
  if (plans.size >= mostPlans) plans.clear()
  plan = makePlan(way, axes, channels, filters, attributes)
  plans.set(key, plan)
  return plan
}

function makePlan(
  way: Way,
  axes: readonly AxisShape[],
  channels: number,
  filters: number,
  attributes: ConvAttributes,
): Plan | undefined {
  if (axes.every(({ window }) => window === 1)) return undefined
  const given = axes.map((shape, i) => axisOf[way](shape, attributes, i))
  const [rows, columns] = given.length === 1 ? [noAxis, given[0]] : given
  const after = [rows, columns].map(({ padded }) => padded.after)
  const parts: Part[] = []
  let [time, plain] = [0, 0]
  for (const down of rows.pieces)
    for (const across of columns.pieces) {
      const best = tilingOf(down, across, channels, filters)
      if (!best) return undefined
      const { grid, chunk: most, tiling } = best
      time += best.time
      plain += down.places * across.places * down.positions.length * across.positions.length * channels * filters
      for (const [i, { start, step }] of [down, across].entries()) {
        const { outputs, points } = [tiling.down, tiling.across][i]
        const { before, length } = [rows, columns][i].padded
        const last = start + step * ((grid[i] - 1) * outputs + points - 1)
        after[i] = Math.max(after[i], last - before - length + 1)
      }
      const ofImage = grid[0] * grid[1]
      // Tiles that add to each other's results are of one task.
      const tilesOfTask = way === 'mirrored' ? ofImage * Math.max(1, Math.floor(most / ofImage)) : most
      const chunk = Math.min(most, 4 * Math.ceil(tilesOfTask / Math.ceil(tilesOfTask / most) / 4))
      const isFirst = !parts.some((part) => part.down.first === down.first && part.across.first === across.first)
      const outcome = way === 'mirrored' ? 'mirror' : isFirst ? 'store' : 'add'
      parts.push({ down, across, tiling, grid, chunk, tilesOfTask, outcome })
    }
  if (parts.length === 0 || time >= plain / limits.gain) return undefined
  const padded = [rows, columns].map((axis, i) => ({ ...axis.padded, after: way === 'mirrored' ? 0 : after[i] }))
  return { way, channels, filters, parts, padded: padded.slice(2 - axes.length), time }
}
