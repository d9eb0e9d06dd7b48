/** Edges added and cut off, and other sizes. */
import { eye, resize, tensor, type Interpolation } from '@typegrad/tensor'
import type { Builder, Call } from '../builder.ts'
import {
  cut,
  firstSpatial,
  multiplied,
  need,
  numbers,
  onChannelsFirst,
  range,
  spatialFamily,
  type Converter,
  type Converters,
} from './converter.ts'

type Pair = readonly [before: number, after: number]

/** An option of edges as pairs: of one axis Keras has the pair itself. */
const pairsOf = ({ config, shape }: Call, option: string): readonly Pair[] =>
  shape.length === 3 ? [config[option] as Pair] : (config[option] as readonly Pair[])

/** Constants before and after the spatial axes. */
function padded(g: Builder, x: string, call: Call, pairs: readonly Pair[], value = 0): string {
  const pads = [0, 1].flatMap((side) => range(call.shape.length).map((axis) => pairs[axis - firstSpatial(call)]?.[side] ?? 0))
  return g.add('Pad', [x, g.integers(pads), ...(value === 0 ? [] : [g.number(value)])], { mode: 'constant' })
}

const zeroPadding: Converter = (g, [x], _, call) => padded(g, x, call, pairsOf(call, 'padding'))

const cropping: Converter = (g, [x], _, call) =>
  cut(
    g,
    x,
    firstSpatial(call),
    pairsOf(call, 'cropping').map(([before, after]) => [before, -after]),
  )

/** Images of `lengths` at another size. */
function resized(
  g: Builder,
  x: string,
  call: Call,
  lengths: readonly (number | null)[],
  size: readonly number[],
  interpolation: Interpolation = 'bilinear',
  antialias = false,
): string {
  if (interpolation === 'bilinear' && !antialias)
    return onChannelsFirst(g, call, x, (images) => {
      const sizes = g.add('Concat', [g.add('Shape', [images], { start: 0, end: 2 }), g.integers(size)], { axis: 0 })
      return g.add('Resize', [images, '', '', sizes], { mode: 'linear', coordinate_transformation_mode: 'half_pixel' })
    })
  // Resize is not taken for the others: onnxruntime picks another pixel where 32 bits decide which of two is nearer, has its cubic mode for
  // channels first only, which its own optimizer undoes, and knows no Lanczos windows.
  const known = !lengths.includes(null)
  need(known, `interpolation '${interpolation}'${antialias ? ' with antialias' : ''} of images whose size is not known`)
  return size.reduce((y, n, i) => {
    const [length, axis] = [lengths[i]!, firstSpatial(call) + i]
    if (length === n) return y
    // What is made of the unit vectors is the matrix by which an axis is multiplied.
    const matrix = resize(eye(length).expandDims(0), [n], { interpolation, antialias }).squeeze(0)
    if (interpolation === 'nearest') return g.add('Gather', [y, g.integers([...matrix.argmax(-1).toTypedArray()])], { axis })
    return multiplied(g, y, axis, call.shape.length, matrix)
  }, x)
}

const spatialLengths = (call: Call): (number | null)[] =>
  call.shape.slice(firstSpatial(call), firstSpatial(call) + call.shape.length - 2)

const upSampling: Converter = (g, [x], _, call) => {
  const { config, shape } = call
  const factors = numbers(config['size'], shape.length - 2)
  const interpolation = (config['interpolation'] ?? 'nearest') as Interpolation
  if (interpolation !== 'nearest') {
    const lengths = spatialLengths(call)
    need(!lengths.includes(null), `interpolation '${interpolation}' of images whose size is not known`)
    return resized(
      g,
      x,
      call,
      lengths,
      factors.map((factor, i) => factor * lengths[i]!),
      interpolation,
    )
  }
  const scales = tensor(range(shape.length).map((axis) => factors[axis - firstSpatial(call)] ?? 1))
  return g.add('Resize', [x, '', g.constant(scales)], {
    mode: 'nearest',
    coordinate_transformation_mode: 'asymmetric',
    nearest_mode: 'floor',
  })
}

const sizeOf = ({ config }: Call): number[] => [config['height'] as number, config['width'] as number]

/** The lengths of images, for what cannot be said without. */
function knownLengths(call: Call): number[] {
  const lengths = spatialLengths(call)
  need(!lengths.includes(null), 'images whose size is not known')
  return lengths as number[]
}

/** The lengths that images have in the proportions of `size`, if one of them is kept. */
const proportions = ([height, width]: readonly number[], [rows, columns]: readonly number[]): number[] => [
  Math.trunc((width * rows) / columns),
  Math.trunc((height * columns) / rows),
]

/** The pixels in the middle. */
const middle = (g: Builder, x: string, call: Call, lengths: readonly number[], size: readonly number[]): string => {
  const starts = size.map((n, i) => Math.floor((lengths[i] - n) / 2))
  return cut(
    g,
    x,
    firstSpatial(call),
    starts.map((start, i) => [start, start + size[i]]),
  )
}

/** The largest window in the middle that has the proportions of `size`, and its lengths. */
function croppedToProportions(g: Builder, x: string, call: Call, size: readonly number[]): [string, number[]] {
  const lengths = knownLengths(call)
  const fitting = proportions(lengths, size)
  const window = lengths.map((length, i) => Math.max(1, Math.min(length, fitting[i])))
  return [middle(g, x, call, lengths, window), window]
}

function paddedToProportions(g: Builder, x: string, call: Call, size: readonly number[]): [string, number[]] {
  const lengths = knownLengths(call)
  const fitting = proportions(lengths, size)
  const more = lengths.map((length, i) => Math.trunc((Math.max(length, fitting[i]) - length) / 2))
  const pairs = more.map((n): Pair => [n, n])
  return [padded(g, x, call, pairs, call.config['fill_value'] as number), lengths.map((length, i) => length + 2 * more[i])]
}

const resizing: Converter = (g, [x], _, call) => {
  const { config } = call
  const size = sizeOf(call)
  const [images, lengths] = config['crop_to_aspect_ratio']
    ? croppedToProportions(g, x, call, size)
    : config['pad_to_aspect_ratio']
      ? paddedToProportions(g, x, call, size)
      : [x, spatialLengths(call)]
  return resized(g, images, call, lengths, size, config['interpolation'] as Interpolation, config['antialias'] as boolean)
}

const fit: Converter = (g, [x], _, call) => {
  const size = sizeOf(call)
  const [images, lengths] = croppedToProportions(g, x, call, size)
  return resized(g, images, call, lengths, size)
}

const centerCrop: Converter = (g, [x], layer, call) => {
  const [lengths, size] = [knownLengths(call), sizeOf(call)]
  return size.every((n, i) => lengths[i] >= n) ? middle(g, x, call, lengths, size) : fit(g, [x], layer, call)
}

export const images: Converters = {
  ...spatialFamily((n) => `ZeroPadding${n}D`, zeroPadding),
  ...spatialFamily((n) => `Cropping${n}D`, cropping),
  ...spatialFamily((n) => `UpSampling${n}D`, upSampling),
  Resizing: resizing,
  CenterCrop: centerCrop,
  RandomCrop: fit,
}
