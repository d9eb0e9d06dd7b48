/**
 * HDF5 files as named tensors and attributes. They are written by h5wasm, the HDF5 library itself, which is loaded when it is first
 * needed. They are not read by it: some damaged files keep it busy for ever.
 */
import { FormatError } from '@typegrad/data'
import type { Tensor } from '@typegrad/tensor'
import type * as H5wasmModule from 'h5wasm'
import type { Group } from 'h5wasm'
import { SaveError } from '../errors.ts'
import { joined } from '../files/place.ts'
import { membersOf, messagesOf, View, type Message } from './hdf5-objects.ts'
import { arrayAt, attributeAt } from './hdf5-types.ts'

type H5wasm = typeof H5wasmModule.default

/** What a file holds, by path: `layers/dense/vars/0`. */
export interface Hdf5 {
  readonly tensors: ReadonlyMap<string, Tensor>
  readonly groups: ReadonlySet<string>
  /** Texts and lists of texts, by the path of a group, empty for the file, and name. */
  readonly attributes: ReadonlyMap<string, ReadonlyMap<string, string | readonly string[]>>
}

/** The library's files, which are in memory. */
interface Files {
  open(path: string, flags: string): unknown
  stat(path: string): { readonly size: number }
  read(stream: unknown, into: Uint8Array, at: number, length: number): number
  close(stream: unknown): void
  unlink(path: string): void
}

async function library(op: string): Promise<{ h5wasm: H5wasm; files: Files }> {
  let module: typeof H5wasmModule
  try {
    module = await import('h5wasm')
  } catch (error) {
    throw new SaveError(`${op}: Keras' files need the package h5wasm: npm install h5wasm`, {}, error)
  }
  const files = (await module.ready).FS as unknown as Files
  return { h5wasm: module.default, files }
}

/** The deepest nesting of groups, which ends a walk through links that lead back. */
const maxDepth = 64

/**
 * Everything in an HDF5 file that the library or h5py wrote with its defaults. Links are refused, and so is what would take more than
 * the limit. @throws FormatError
 */
export function readHdf5(bytes: Uint8Array, op: string, limit = 4 * bytes.length + 2 ** 24): Hdf5 {
  const fail = (why: string): FormatError => new FormatError(`${op}: the HDF5 file is damaged: ${why}`)
  const view = new View(bytes, fail)
  view.expect(0, '\u0089HDF\r\n\u001A\n')
  const version = view.uint8(8)
  if (version > 1 || view.uint8(13) !== 8 || view.uint8(14) !== 8)
    throw new FormatError(`${op}: an HDF5 file of version ${version}, only those of the library's default format are read`)
  const tensors = new Map<string, Tensor>()
  const groups = new Set<string>()
  const attributes = new Map<string, Map<string, string | readonly string[]>>()
  let room = limit
  const take = (size: number): void => {
    room -= size
    if (!(room >= 0)) throw fail('it would take more room than its size allows')
  }
  // No object takes less than so many bytes: there cannot be more of them, unless they are met again and again.
  let objects = bytes.length / 32
  const visit = (at: number, path: string, depth: number): void => {
    if (--objects < 0 || depth > maxDepth) throw fail('it has more objects than its size allows')
    const messages = messagesOf(view, at)
    const find = (type: number): Message | undefined => messages.find((message) => message.type === type)
    const table = find(0x11)
    if (find(0x2)) throw fail(`the group '${path}' has links elsewhere, or is of the newer format`)
    if (!table) {
      tensors.set(path, arrayAt(view, path, find, take))
      return
    }
    groups.add(path)
    const texts = new Map<string, string | readonly string[]>()
    for (const message of messages) {
      const attribute = message.type === 0xc ? attributeAt(view, message, take) : undefined
      if (attribute) texts.set(...attribute)
    }
    attributes.set(path, texts)
    const members = membersOf(view, view.uint64(table.at), view.uint64(table.at + 8))
    for (const [name, member] of members) {
      const below = path === '' ? name : `${path}/${name}`
      if (tensors.has(below) || groups.has(below)) throw fail(`'${below}' is in it twice`)
      visit(member, below, depth + 1)
    }
  }
  visit(view.uint64((version === 0 ? 56 : 60) + 8), '', 0)
  return { tensors, groups, attributes }
}

let count = 0

/** How many bytes of a file are taken out of the library's memory at once. */
const pieceSize = 2 ** 20

/**
 * The pieces of an HDF5 file with these arrays, and texts as attributes of groups, as h5py writes it. They must be taken to their end: the library
 * holds the file until then.
 */
export async function hdf5Pieces({ tensors, groups, attributes }: Hdf5, op: string): Promise<Iterable<Uint8Array>> {
  const values = new Map(await Promise.all([...tensors].map(async ([name, value]) => [name, await value.data()] as const)))
  const { h5wasm, files } = await library(op)
  const path = `/write-${count++}.h5`
  const file = new h5wasm.File(path, 'w', { libver: ['earliest', 'latest'] })
  try {
    const made = new Map<string, Group>([['', file]])
    const group = (name: string): Group => {
      const known = made.get(name)
      if (known) return known
      const at = name.lastIndexOf('/')
      const created = group(name.slice(0, Math.max(0, at))).create_group(name.slice(at + 1))
      made.set(name, created)
      return created
    }
    for (const name of groups) group(name)
    for (const [name, texts] of attributes) {
      for (const [key, text] of texts) group(name).create_attribute(key, text as string)
    }
    for (const [name, value] of tensors) {
      const at = name.lastIndexOf('/')
      const dtype = { float32: '<f4', float64: '<f8', int32: '<i4', uint8: '<B', bool: '<B' }[value.dtype]
      group(name.slice(0, Math.max(0, at))).create_dataset({
        name: name.slice(at + 1),
        data: values.get(name)!,
        shape: [...value.shape],
        dtype,
      })
      values.delete(name)
    }
  } finally {
    file.close()
  }
  return takeOut(files, path)
}

function* takeOut(files: Files, path: string): Generator<Uint8Array> {
  const stream = files.open(path, 'r')
  try {
    for (let left = files.stat(path).size; left > 0;) {
      const piece = new Uint8Array(Math.min(left, pieceSize))
      left -= files.read(stream, piece, 0, piece.length)
      yield piece
    }
  } finally {
    files.close(stream)
    files.unlink(path)
  }
}

/** The same file as bytes. */
export const writeHdf5 = async (content: Hdf5, op: string): Promise<Uint8Array> => joined(await hdf5Pieces(content, op))
