/** What converters of layers have in common. They read Keras' config, and the layer for its weights. */
import type { AnyLayer } from '@typegrad/layers'
import { normalizeAxes, type Tensor, type Variable } from '@typegrad/tensor'
import { activate } from '../activations.ts'
import type { Builder, Call } from '../builder.ts'

/** Why a layer cannot be said. */
export class Unsayable extends Error {}

/** Gives the name of the layer's output, or the names of several. */
export type Converter = (g: Builder, inputs: readonly string[], layer: AnyLayer, call: Call) => string | readonly string[]

export type Converters = Readonly<Record<string, Converter>>

/** A layer's weight, by the name of its property. */
export const weight = (layer: AnyLayer, name: string): Tensor | undefined =>
  (layer as unknown as Readonly<Record<string, Variable | undefined>>)[name]?.value

export const need = (condition: boolean, why: string): void => {
  if (!condition) throw new Unsayable(why)
}

export const act = (g: Builder, { config }: Call, x: string, key = 'activation'): string => {
  const y = activate(g, config[key], x)
  if (y === undefined) throw new Unsayable(`the activation '${JSON.stringify(config[key])}'`)
  return y
}

export const plus = (g: Builder, x: string, bias: Tensor | undefined): string => (bias ? g.add('Add', [x, g.constant(bias)]) : x)

export const range = (n: number, from = 0): number[] => Array.from({ length: n }, (_, i) => i + from)

export const numbers = (value: unknown, n: number): number[] =>
  Array.isArray(value) ? (value as number[]) : range(n).map(() => value as number)

/** The same converter for layers of one, two and three spatial axes, or of those given. */
export const spatialFamily = (
  name: (n: number) => string,
  converter: Converter,
  ranks: readonly number[] = [1, 2, 3],
): Converters => Object.fromEntries(ranks.map((n) => [name(n), converter]))

/** The first of the axes between batch and channels. */
export const firstSpatial = ({ config }: Call): number => (config['data_format'] === 'channels_first' ? 2 : 1)

/** From channels last to channels first, and back. */
const channelsFirst = (rank: number): number[] => [0, rank - 1, ...range(rank - 2, 1)]
const channelsLast = (rank: number): number[] => [0, ...range(rank - 2, 2), 1]

/** Runs an operator of images on channels first, whatever the layer's format is. */
export function onChannelsFirst(g: Builder, call: Call, x: string, run: (x: string) => string): string {
  if (firstSpatial(call) === 2) return run(x)
  const y = run(g.add('Transpose', [x], { perm: channelsFirst(call.shape.length) }))
  return g.add('Transpose', [y], { perm: channelsLast(call.shape.length) })
}

/** With channels last, whatever the layer's format is. */
export const toChannelsLast = (g: Builder, call: Call, x: string): string =>
  firstSpatial(call) === 2 && call.shape.length > 2 ? g.add('Transpose', [x], { perm: channelsLast(call.shape.length) }) : x

/** The axes of the option `axis`, counted from the front, in order. */
export const axesOf = ({ config, shape, name }: Call): number[] =>
  normalizeAxes(config['axis'] as number | readonly number[], shape.length, name)

/** A tensor of some axes so that it broadcasts to one of this rank. */
export const along = (values: Tensor, axes: readonly number[], rank: number): Tensor =>
  values.reshape(range(rank).map((axis) => (axes.includes(axis) ? values.shape[axes.indexOf(axis)] : 1)))

/** From `starts` to before `ends` on some axes; negative ends count from the end, and so do 0. */
export const cut = (g: Builder, x: string, first: number, parts: readonly (readonly [start: number, end: number])[]): string => {
  const [starts, ends] = [0, 1].map((side) =>
    g.integers(parts.map((part) => (side === 1 && part[1] === 0 ? 2 ** 31 - 1 : part[side]))),
  )
  return g.add('Slice', [x, starts, ends, g.integers(range(parts.length, first))])
}

/** The last element first, along an axis. */
export const backwards = (g: Builder, x: string, axis: number): string =>
  g.add('Slice', [x, g.integers([-1]), g.integers([-(2 ** 31)]), g.integers([axis]), g.integers([-1])])

/** Letters for the axes of an Einsum. */
export const letters = (n: number, from = 0): string => 'abcdefghijklmnopqrstuvwxyz'.slice(from, from + n)

/** An axis multiplied by a matrix `[new length, length]`. */
export function multiplied(g: Builder, x: string, axis: number, rank: number, matrix: Tensor): string {
  const from = letters(rank)
  return g.add('Einsum', [x, g.constant(matrix)], { equation: `${from},z${from[axis]}->${from.replace(from[axis], 'z')}` })
}
