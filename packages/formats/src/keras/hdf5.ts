/** HDF5 files as named tensors and attributes, by h5wasm: the HDF5 library itself, in a sandbox, loaded when it is first needed. */
import { FormatError } from '@typegrad/data'
import { tensor, type DType, type Tensor, type TypedArray } from '@typegrad/tensor'
import type * as H5wasmModule from 'h5wasm'
import type { Attribute, Dataset, Group, Metadata } from 'h5wasm'
import { SaveError } from '../errors.ts'

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
  readFile(path: string): Uint8Array
  writeFile(path: string, bytes: Uint8Array): void
  unlink(path: string): void
  getStream(fd: number): { stream_ops: { write(stream: unknown, buffer: unknown, offset: number, length: number): number } }
}

async function library(op: string): Promise<{ h5wasm: H5wasm; files: Files }> {
  let module: typeof H5wasmModule
  try {
    module = await import('h5wasm')
  } catch (error) {
    throw new SaveError(`${op}: Keras' files need the package h5wasm: npm install h5wasm`, {}, error)
  }
  const files = (await module.ready).FS as unknown as Files
  // The library prints a page for every damaged file, besides returning an error.
  const stderr = files.getStream(2)
  stderr.stream_ops = { ...stderr.stream_ops, write: (_stream, _buffer, _offset, length) => length }
  return { h5wasm: module.default, files }
}

let count = 0

/** Everything in an HDF5 file. Links are refused, and so is what would take more than the limit when it is read. @throws FormatError */
export async function readHdf5(bytes: Uint8Array, op: string, limit = 4 * bytes.length + 2 ** 24): Promise<Hdf5> {
  const fail = (why: string): FormatError => new FormatError(`${op}: the HDF5 file is damaged: ${why}`)
  const { h5wasm, files } = await library(op)
  const path = `/read-${count++}.h5`
  files.writeFile(path, bytes)
  try {
    const file = new h5wasm.File(path, 'r')
    try {
      if (file.file_id < 0n) throw fail('it is no HDF5 file')
      return new Walk(h5wasm, fail, bytes.length, limit).read(file)
    } finally {
      file.close()
    }
  } catch (error) {
    throw error instanceof FormatError ? error : fail((error as Error).message)
  } finally {
    files.unlink(path)
  }
}

/** The deepest nesting of groups, which ends a walk through links that lead back. */
const maxDepth = 64

class Walk {
  readonly #library: H5wasm
  readonly #fail: (why: string) => FormatError
  /** No object takes less than so many bytes of a file: there cannot be more objects, unless they are met again and again. */
  #objects: number
  #room: number
  readonly tensors = new Map<string, Tensor>()
  readonly groups = new Set<string>()
  readonly attributes = new Map<string, Map<string, string | readonly string[]>>()

  constructor(library: H5wasm, fail: (why: string) => FormatError, size: number, limit: number) {
    this.#library = library
    this.#fail = fail
    this.#objects = size / 32
    this.#room = limit
  }

  read(root: Group): Hdf5 {
    this.#group(root, '', 0)
    return this
  }

  #group(group: Group, path: string, depth: number): void {
    if (depth > maxDepth) throw this.#fail(`groups are nested more than ${maxDepth} deep`)
    this.groups.add(path)
    this.#attributes(group, path)
    for (const name of group.keys()) {
      if (--this.#objects < 0) throw this.#fail('it has more objects than its size allows')
      const below = path === '' ? name : `${path}/${name}`
      const found = group.get(name)
      if (found instanceof this.#library.Group) this.#group(found, below, depth + 1)
      else if (found instanceof this.#library.Dataset) this.tensors.set(below, this.#dataset(found, below))
      else throw this.#fail(`'${below}' is ${found ? `a ${found.constructor.name}` : 'missing'}, expected a group or an array`)
    }
  }

  #attributes(group: Group, path: string): void {
    const texts = new Map<string, string | readonly string[]>()
    for (const [name, attribute] of Object.entries(group.attrs)) {
      const { metadata } = attribute
      this.#take(metadata.total_size * metadata.size)
      const value = metadata.type === 3 ? textOf(attribute) : undefined
      if (value !== undefined) texts.set(name, value)
      // h5py writes an empty list of names as an empty array of numbers.
      else if (metadata.total_size === 0) texts.set(name, [])
    }
    this.attributes.set(path, texts)
  }

  #take(bytes: number): void {
    this.#room -= bytes
    if (!(this.#room >= 0)) throw this.#fail('it would take more room than its size allows')
  }

  #dataset(dataset: Dataset, path: string): Tensor {
    const { metadata, shape } = dataset
    const dtype = dtypeOf(metadata)
    if (!dtype || !shape) throw this.#fail(`'${path}' holds ${JSON.stringify(dataset.dtype)}, expected numbers`)
    this.#take(shape.reduce((a, b) => a * b, metadata.size))
    const value = dataset.value as TypedArray | BigInt64Array | BigUint64Array | number | bigint | null
    const values = typeof value === 'object' ? (value ?? []) : [value]
    const exact = Float64Array.from(values as ArrayLike<number | bigint>, Number)
    if (dtype === 'int32' && exact.some((element) => element !== (element | 0)))
      throw this.#fail(`'${path}' holds integers beyond int32`)
    return tensor(exact, { shape, dtype })
  }
}

/** What the elements of an array become; `undefined` for what is not supported. */
function dtypeOf({ type, size, signed, littleEndian, vlen }: Metadata): DType | undefined {
  if (vlen || (size > 1 && !littleEndian)) return undefined
  if (type === 0) return size === 1 && !signed ? 'uint8' : 'int32'
  return type === 1 ? ({ 4: 'float32', 8: 'float64' } as const)[size] : undefined
}

function textOf({ value }: Attribute): string | readonly string[] | undefined {
  if (typeof value === 'string') return value
  return Array.isArray(value) && value.every((item) => typeof item === 'string') ? value : undefined
}

/** An HDF5 file with these arrays, and texts as attributes of groups, as h5py writes it. */
export async function writeHdf5({ tensors, groups, attributes }: Hdf5, op: string): Promise<Uint8Array> {
  const { h5wasm, files } = await library(op)
  const path = `/write-${count++}.h5`
  const file = new h5wasm.File(path, 'w')
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
        data: value.toTypedArray(),
        shape: [...value.shape],
        dtype,
      })
    }
  } finally {
    file.close()
  }
  const bytes = files.readFile(path)
  files.unlink(path)
  return bytes
}
