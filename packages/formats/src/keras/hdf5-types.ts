/** Types and shapes in an HDF5 file, attributes and arrays made of them. */
import type { Shape, Tensor } from '@typegrad/tensor'
import { storedTensor, storedTypes } from '../safetensors/dtypes.ts'
import { heapText, type Message, type View } from './hdf5-objects.ts'

interface Type {
  /** The key in {@link storedTypes} of numbers, or what kind of text it is. */
  readonly stored?: string
  readonly text?: 'fixed' | 'variable'
  readonly size: number
  readonly little: boolean
}

/** The element type that the message at a place describes. */
function typeAt(view: View, at: number): Type {
  const [kind, bits, size] = [view.uint8(at) & 15, view.uint8(at + 1), view.uint32(at + 4)]
  const numbers = { size, little: (bits & 1) === 0 }
  // The precision of a number whose bits are not all used is not that of its size.
  const whole = kind <= 1 && view.uint16(at + 8) === 0 && view.uint16(at + 10) === 8 * size
  if (kind === 0 && whole) return { ...numbers, stored: `${bits & 8 ? 'I' : 'U'}${8 * size}` }
  if (kind === 1 && whole) return { ...numbers, stored: `F${8 * size}` }
  if (kind === 3) return { size, little: true, text: 'fixed' }
  if (kind === 9 && (bits & 15) === 1) return { size, little: true, text: 'variable' }
  return { size, little: true }
}

/** The shape that the message at a place describes. */
function shapeAt(view: View, at: number): Shape {
  const [version, rank] = [view.uint8(at), view.uint8(at + 1)]
  if ((version !== 1 && version !== 2) || rank > 32) throw view.fail(`the shape at ${at} is not one`)
  const start = at + (version === 1 ? 8 : 4)
  return Array.from({ length: rank }, (_, i) => view.uint64(start + 8 * i))
}

const count = (shape: Shape): number => shape.reduce((a, b) => a * b, 1)

/** Makes room for arrays and texts; throws when there is none left. */
export type Take = (bytes: number) => void

/** Name and texts of an attribute; `undefined` for what holds no texts. */
export function attributeAt(
  view: View,
  { at }: Message,
  take: Take,
): [name: string, value: string | readonly string[]] | undefined {
  const version = view.uint8(at)
  if (version < 1 || version > 3) throw view.fail(`the attribute at ${at} has version ${version}`)
  const lengths = [view.uint16(at + 2), view.uint16(at + 4), view.uint16(at + 6)]
  const padded = (length: number): number => (version === 1 ? Math.ceil(length / 8) * 8 : length)
  const name = at + (version === 3 ? 9 : 8)
  const type = name + padded(lengths[0])
  const space = type + padded(lengths[1])
  const data = space + padded(lengths[2])
  const { text, size } = typeAt(view, type)
  const shape = shapeAt(view, space)
  const n = count(shape)
  const label = view.text(name, lengths[0])
  // h5py writes an empty list of names as an empty array of numbers.
  if (n === 0) return [label, []]
  if (!text) return undefined
  take(n * size)
  view.slice(data, n * size)
  const texts = Array.from({ length: n }, (_, i) => {
    const value = text === 'fixed' ? view.text(data + i * size, size) : heapText(view, data + i * size)
    take(2 * value.length)
    return value
  })
  return [label, shape.length === 0 ? texts[0] : texts]
}

/** The array that an object's messages describe. */
export function arrayAt(view: View, path: string, find: (type: number) => Message | undefined, take: Take): Tensor {
  const [space, type, layout, filters] = [0x1, 0x3, 0x8, 0xb].map(find)
  if (!space || !type || !layout) throw view.fail(`'${path}' lacks shape, type or place`)
  const { stored, size, little } = typeAt(view, type.at)
  if (stored === undefined || !Object.hasOwn(storedTypes, stored)) throw view.fail(`'${path}' holds no numbers of a known type`)
  if (filters) throw view.fail(`'${path}' is packed, which is not supported`)
  const shape = shapeAt(view, space.at)
  const bytes = count(shape) * size
  take(bytes)
  const [version, kind] = [view.uint8(layout.at), view.uint8(layout.at + 1)]
  if (version !== 3 && version !== 4) throw view.fail(`the place of '${path}' is written as version ${version}`)
  if (kind > 1) throw view.fail(`'${path}' is stored in pieces, which is not supported`)
  const start = kind === 0 ? layout.at + 4 : view.address(layout.at + 2)
  if (start === undefined && bytes > 0) throw view.fail(`'${path}' was never written`)
  const raw = start === undefined ? new Uint8Array(0) : view.slice(start, bytes)
  try {
    return storedTensor(stored, raw, shape, { little })
  } catch (error) {
    if (error instanceof RangeError) throw view.fail(`'${path}' ${error.message}`)
    throw error
  }
}
