/** Convolution as arithmetic on one axis: which elements meet, and how much padding lets all of them be read. Pure. */
import type { ConvAttributes } from '../../backend.ts'
import type { PaddedAxis } from '../images.ts'

/** What a place reads along an axis of an image: elements `start + place · step + taps[i]`, all of which exist once it is padded. */
export interface Axis {
  readonly places: number
  readonly start: number
  readonly step: number
  /** Ascending. */
  readonly taps: readonly number[]
  /** The place in the kernel's window that each tap meets. */
  readonly positions: readonly number[]
}

export interface AxisShape {
  readonly length: number
  readonly window: number
  readonly outputs: number
}

/** The axis numbers of a convolution. */
const at = ({ strides, dilation, padding }: ConvAttributes, axis: number) => ({
  stride: strides[axis],
  dilation: dilation[axis],
  before: padding[axis][0],
})

/** What the outputs of a convolution read of its input, padded. */
export function windowsAxis(shape: AxisShape, attributes: ConvAttributes, axis: number): { padded: PaddedAxis; axis: Axis } {
  const { stride, dilation, before } = at(attributes, axis)
  const positions = Array.from({ length: shape.window }, (_, k) => k)
  const last = (shape.outputs - 1) * stride + (shape.window - 1) * dilation - before
  const padded = { length: shape.length, before: Math.max(0, before), after: Math.max(0, last - (shape.length - 1)) }
  const taps = positions.map((k) => k * dilation)
  return { padded, axis: { places: shape.outputs, start: padded.before - before, step: stride, taps, positions } }
}

/** Every `stride`-th input element meets the same places of the window: those from number `first` on. */
export interface Phase extends Axis {
  readonly first: number
}

/** What the inputs of a convolution read of its result, padded: input `first + place · stride` meets result `place + tap`. */
export function phasesAxis(shape: AxisShape, attributes: ConvAttributes, axis: number): { padded: PaddedAxis; phases: Phase[] } {
  const { stride, dilation, before } = at(attributes, axis)
  const phases: Phase[] = []
  let [low, high] = [0, shape.outputs - 1]
  for (let first = 0; first < Math.min(stride, shape.length); first++) {
    const places = Math.ceil((shape.length - first) / stride)
    const positions: number[] = []
    // From the last place of the window, so that what is read ascends.
    for (let k = shape.window - 1; k >= 0; k--) if ((first + before - k * dilation) % stride === 0) positions.push(k)
    const taps = positions.map((k) => (first + before - k * dilation) / stride)
    if (taps.length > 0) {
      low = Math.min(low, taps[0])
      high = Math.max(high, places - 1 + taps.at(-1)!)
    }
    phases.push({ first, places, start: 0, step: 1, taps, positions })
  }
  const padded = { length: shape.outputs, before: -low, after: high - (shape.outputs - 1) }
  return { padded, phases: phases.map((phase) => ({ ...phase, start: padded.before })) }
}

/** The places of a phase, cut where some of what they would meet is padding: each part has those taps alone that meet a result. */
function cutAtEnds(phase: Phase, outputs: number, stride: number): Phase[] {
  const parts: Phase[] = []
  const meets = (place: number): string => phase.taps.filter((tap) => place + tap >= 0 && place + tap < outputs).join()
  for (let place = 0, end = 0; place < phase.places; place = end) {
    const taken = meets(place)
    while (end < phase.places && meets(end) === taken) end++
    const met = phase.taps.flatMap((tap, i) => (place + tap >= 0 && place + tap < outputs ? [i] : []))
    const [taps, positions] = [phase.taps, phase.positions].map((all) => met.map((i) => all[i]))
    parts.push({ first: phase.first + place * stride, places: end - place, start: place, step: 1, taps, positions })
  }
  return parts
}

/** What leaving out the padding must save: a share of the work, and for each product that it costs so many operations of an image. */
const cutWorth = { share: 0.15, work: 1 << 14 }

/** The work of all combinations of one phase of each axis: places that meet taps. */
const workOf = (axes: readonly (readonly Phase[])[]): number =>
  axes.reduce((all, phases) => all * phases.reduce((sum, { places, taps }) => sum + places * taps.length, 0), 1)

/**
 * What the inputs read along each axis; where much of it would be padding (small images), in parts that read none. `work` is
 * what one meeting costs. It depends on nothing but the sizes of an image, and so do the bits of the result.
 */
export function phasesOf(
  shapes: readonly AxisShape[],
  attributes: ConvAttributes,
  work: number,
): { padded: PaddedAxis; phases: Phase[] }[] {
  const whole = shapes.map((shape, i) => phasesAxis(shape, attributes, i))
  const cut = whole.map(({ phases }, i) => ({
    padded: { length: shapes[i].outputs, before: 0, after: 0 },
    phases: phases.flatMap((phase) => cutAtEnds({ ...phase, start: 0 }, shapes[i].outputs, attributes.strides[i])),
  }))
  const [all, needed] = [whole, cut].map((axes) => workOf(axes.map(({ phases }) => phases)))
  const products = cut.reduce((count, { phases }) => count * phases.length, 1)
  const isWorth = all - needed > cutWorth.share * all && (all - needed) * work > cutWorth.work * products
  return isWorth ? cut : whole
}

/** The sums of one number of each list, in row-major order. */
function sums(lists: readonly (readonly number[])[]): Int32Array {
  let all = Int32Array.of(0)
  for (const list of lists) {
    const next = new Int32Array(all.length * list.length)
    let at = 0
    for (const sum of all) for (const number of list) next[at++] = sum + number
    all = next
  }
  return all
}

/** Runs of neighbours: `runs` starts, each followed by `length` elements. */
export interface Runs {
  readonly starts: Int32Array
  readonly length: number
}

/** The elements that a place reads, `channels` at each tap, as runs that are as long as possible, relative to the place. */
export function runsOf(axes: readonly Axis[], strides: readonly number[], channels: number): Runs {
  const lists = axes.map(({ taps }, i) => taps.map((tap) => tap * strides[i]))
  let length = channels
  for (let i = lists.length - 1; i >= 0; i--) {
    const list = lists[i]
    if (!list.every((offset, k) => offset === list[0] + k * length)) break
    length *= list.length
    lists[i] = list.slice(0, 1)
  }
  return { starts: sums(lists), length }
}

/** Where the places of an image lie. */
export const placesOf = (axes: readonly Axis[], strides: readonly number[]): Int32Array =>
  sums(axes.map(({ places, start, step }, i) => Array.from({ length: places }, (_, o) => (start + o * step) * strides[i])))
