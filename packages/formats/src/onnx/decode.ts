/** ONNX' messages read from protocol buffers: what of onnx.proto a graph for inference needs. Nothing in a file is trusted. */
import { BinaryReader, WireType } from '@bufbuild/protobuf/wire'
import type { FormatError } from '@typegrad/data'
import { sizeOf, tensor, type DType, type Shape, type Tensor, type TypedArray } from '@typegrad/tensor'
import { joined } from '../files/place.ts'
import { storedTensor, storedTypes } from '../safetensors/dtypes.ts'

export type Fail = (why: string) => FormatError

/** What a file says that this reader knows, but cannot give: the name of an element type, of a kind of value. */
export interface Unknown {
  readonly unknown: string
}

/** Where a tensor's elements lie outside of the model file. */
export interface External {
  readonly location: string
  readonly offset: number
  readonly length: number | undefined
}

/** A tensor as it is stored. */
export interface Stored {
  readonly name: string
  readonly shape: Shape
  readonly type: number
  /** The elements, little-endian. */
  readonly bytes: Uint8Array
  readonly external?: External
}

export type AttributeValue = number | string | readonly number[] | readonly string[] | Stored | Unknown

export interface DecodedNode {
  readonly op: string
  /** Empty for ONNX' own operators. */
  readonly domain: string
  readonly name: string
  /** Empty names stand for inputs that are left out. */
  readonly inputs: readonly string[]
  readonly outputs: readonly string[]
  readonly attributes: ReadonlyMap<string, AttributeValue>
}

/** An input or output of the graph. */
export interface DecodedValue {
  readonly name: string
  /** The number of the element type; `undefined` for what is no tensor. */
  readonly type: number | undefined
  /** The length of each axis: a number, or the name of one that is not known; `undefined` where the rank is not known. */
  readonly shape: readonly (number | string)[] | undefined
}

export interface DecodedModel {
  readonly producer: string
  /** Versions of the operators by domain. */
  readonly opsets: ReadonlyMap<string, number>
  readonly nodes: readonly DecodedNode[]
  readonly constants: readonly Stored[]
  readonly inputs: readonly DecodedValue[]
  readonly outputs: readonly DecodedValue[]
  /** What is in the graph beside nodes and tensors. */
  readonly extras: readonly string[]
}

/** Element types by number: the key in {@link storedTypes}, or how it is called. */
const elements: readonly string[] =
  'undefined F32 U8 I8 U16 I16 I32 I64 string BOOL F16 F64 U32 U64 complex64 complex128 BF16'.split(' ')

const nameOfType = (type: number): string => elements[type] ?? `number ${type}`

/** The dtype that elements of a type become here; `undefined` for what has none. */
export const dtypeOf = (type: number): DType | undefined =>
  Object.hasOwn(storedTypes, nameOfType(type)) ? storedTypes[nameOfType(type)].dtype : undefined

/** The tensor of stored elements. int64 becomes int32, or float64 where int32 does not hold all of it. */
export function tensorOf({ name, shape, type, bytes }: Stored, fail: Fail): Tensor {
  const stored = dtypeOf(type) && storedTypes[nameOfType(type)]
  if (!stored) throw fail(`'${name}' holds elements of the type ${nameOfType(type)}, which is not supported`)
  const size = sizeOf(shape)
  if (size * stored.bytes !== bytes.length)
    throw fail(
      `'${name}' ${JSON.stringify(shape)} of ${nameOfType(type)} takes ${size * stored.bytes} bytes, there are ${bytes.length}`,
    )
  try {
    return storedTensor(nameOfType(type), bytes, shape)
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    if (stored.bytes < 8) throw fail(`'${name}' ${error.message}`)
    // Ends of slices that mean "to the end" are as large as can be.
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
    return tensor(wide(view, size, nameOfType(type)), { shape, dtype: 'float64' })
  }
}

const wide = (view: DataView, size: number, type: string): TypedArray =>
  Float64Array.from({ length: size }, (_, i) =>
    Number(type === 'U64' ? view.getBigUint64(8 * i, true) : view.getBigInt64(8 * i, true)),
  )

/**
 * How many bytes the messages of the file under way may still take. What a message takes in memory is many times its length in the
 * file, where that is a few bytes.
 */
let room = 0

function take(bytes: number): void {
  room -= bytes
  if (room < 0) throw new RangeError('it would take more room than its size allows')
}

/** What objects take, about. */
const cost = { node: 640, tensor: 640, value: 320, attribute: 240, entry: 160, text: 48, number: 32 } as const

/** One field of a message. */
class Field {
  readonly #reader: BinaryReader
  readonly #type: WireType

  constructor(reader: BinaryReader, type: WireType) {
    this.#reader = reader
    this.#type = type
  }

  #expect(type: WireType): BinaryReader {
    if (this.#type !== type) throw new RangeError(`a field has the wire type ${this.#type}, expected ${type}`)
    return this.#reader
  }

  bytes(): Uint8Array {
    return this.#expect(WireType.LengthDelimited).bytes()
  }

  text(): string {
    const text = this.#expect(WireType.LengthDelimited).string(true)
    take(2 * text.length)
    return text
  }

  integer(): number {
    return Number(this.#expect(WireType.Varint).int64())
  }

  float(): number {
    return this.#expect(WireType.Bit32).float()
  }

  /** The bytes of one number, or of all of a packed list. */
  fixed(type: WireType.Bit32 | WireType.Bit64): Uint8Array {
    if (this.#type !== type) return this.bytes()
    take(cost.entry)
    const reader = this.#reader
    const value = type === WireType.Bit32 ? Float32Array.of(reader.float()) : Float64Array.of(reader.double())
    return new Uint8Array(value.buffer)
  }

  /** One number, or all of a packed list. */
  numbers(type: WireType, next: (reader: BinaryReader) => number): number[] {
    if (this.#type === type) {
      take(cost.number)
      return [next(this.#reader)]
    }
    const reader = new BinaryReader(this.bytes())
    const values: number[] = []
    while (reader.pos < reader.len) {
      take(cost.number)
      values.push(next(reader))
    }
    if (reader.pos !== reader.len) throw new RangeError('a list of numbers is cut off')
    return values
  }
}

const varint = (reader: BinaryReader): number => Number(reader.int64())
const unsigned = (reader: BinaryReader): number => Number(reader.uint64())

/** Reads a message field by field; fields without an entry are passed over. */
function read(bytes: Uint8Array, fields: Readonly<Record<number, (field: Field) => void>>): void {
  const reader = new BinaryReader(bytes)
  while (reader.pos < reader.len) {
    const [number, type] = reader.tag()
    if (Object.hasOwn(fields, number)) fields[number](new Field(reader, type))
    else reader.skip(type, number)
  }
  if (reader.pos > reader.len) throw new RangeError('a field is cut off')
}

const pushed =
  <T>(list: T[], bytes: number, next: (field: Field) => T) =>
  (field: Field): void => {
    take(bytes)
    list.push(next(field))
  }

const extended = (list: number[], values: readonly number[]): void => {
  for (const value of values) list.push(value)
}

/** TensorProto. Elements lie as bytes, or as numbers in one of several lists. */
function readTensor(bytes: Uint8Array): Stored {
  const shape: number[] = []
  const entries = new Map<string, string>()
  const listed: number[] = []
  const into =
    (type: WireType, next: (reader: BinaryReader) => number) =>
    (field: Field): void =>
      extended(listed, field.numbers(type, next))
  // Floats lie as in memory.
  const floats: Uint8Array[] = []
  let [type, name, raw, outside]: [number, string, Uint8Array | undefined, boolean] = [0, '', undefined, false]
  read(bytes, {
    1: (field) => extended(shape, field.numbers(WireType.Varint, varint)),
    2: (field) => (type = field.integer()),
    4: (field) => floats.push(field.fixed(WireType.Bit32)),
    5: into(WireType.Varint, varint),
    7: into(WireType.Varint, varint),
    8: (field) => (name = field.text()),
    9: (field) => (raw = field.bytes()),
    10: (field) => floats.push(field.fixed(WireType.Bit64)),
    11: into(WireType.Varint, unsigned),
    13: (field) => {
      take(cost.entry)
      let [key, value] = ['', '']
      read(field.bytes(), { 1: (one) => (key = one.text()), 2: (one) => (value = one.text()) })
      entries.set(key, value)
    },
    14: (field) => (outside = field.integer() === 1),
  })
  if (!shape.every((length) => Number.isSafeInteger(length) && length >= 0) || shape.length > 64)
    throw new RangeError(`the tensor '${name}' has no valid shape`)
  if (outside) {
    const [location, offset, length] = [entries.get('location') ?? '', Number(entries.get('offset') ?? 0), entries.get('length')]
    const valid = [offset, Number(length ?? 0)].every((n) => Number.isSafeInteger(n) && n >= 0)
    if (!valid || location === '') throw new RangeError(`the tensor '${name}' lies at no valid place`)
    const external = { location, offset, length: length === undefined ? undefined : Number(length) }
    return { name, shape, type, bytes: new Uint8Array(0), external }
  }
  if (floats.length > 1) take(floats.reduce((sum, { length }) => sum + length, 0))
  const [first] = floats
  return { name, shape, type, bytes: raw ?? (floats.length > 1 ? joined(floats) : first) ?? packed(listed, type) }
}

/** Listed numbers as bytes; those of 16-bit floats are bit patterns. */
function packed(values: readonly number[], type: number): Uint8Array {
  const arrays: Readonly<Record<string, (values: readonly number[]) => ArrayBufferView>> = {
    F32: (v) => Float32Array.from(v),
    F64: (v) => Float64Array.from(v),
    F16: (v) => Uint16Array.from(v),
    BF16: (v) => Uint16Array.from(v),
    BOOL: (v) => Uint8Array.from(v),
    U8: (v) => Uint8Array.from(v),
    I8: (v) => Int8Array.from(v),
    U16: (v) => Uint16Array.from(v),
    I16: (v) => Int16Array.from(v),
    I32: (v) => Int32Array.from(v),
    U32: (v) => Uint32Array.from(v),
    // The largest of all has become a number that int64 does not hold.
    I64: (v) => BigInt64Array.from(v, (n) => (n >= 2 ** 63 ? 2n ** 63n - 1n : BigInt(n))),
    U64: (v) => BigUint64Array.from(v, BigInt),
  }
  const made = arrays[nameOfType(type)]?.(values)
  return made ? new Uint8Array(made.buffer, made.byteOffset, made.byteLength) : new Uint8Array(0)
}

/** AttributeProto: its type says which of its fields holds the value. */
function readAttribute(bytes: Uint8Array): [name: string, value: AttributeValue] {
  let [name, type, value]: [string, number, AttributeValue | undefined] = ['', 0, undefined]
  const numbers: number[] = []
  const texts: string[] = []
  read(bytes, {
    1: (field) => (name = field.text()),
    2: (field) => (value = field.float()),
    3: (field) => (value = field.integer()),
    4: (field) => (value = field.text()),
    5: (field) => (value = readTensor(field.bytes())),
    7: (field) =>
      extended(
        numbers,
        field.numbers(WireType.Bit32, (reader) => reader.float()),
      ),
    8: (field) => extended(numbers, field.numbers(WireType.Varint, varint)),
    9: pushed(texts, cost.text, (field) => field.text()),
    20: (field) => (type = field.integer()),
  })
  const kind = ['', 'number', 'number', 'text', 'tensor', 'a graph', 'numbers', 'numbers', 'texts'][type]
  if (kind === 'numbers') return [name, numbers]
  if (kind === 'texts') return [name, texts]
  if (kind === 'text') return [name, typeof value === 'string' ? value : '']
  if (kind === 'number') return [name, typeof value === 'number' ? value : 0]
  return [name, kind === 'tensor' && value !== undefined ? value : { unknown: kind || `a value of type ${type}` }]
}

function readNode(bytes: Uint8Array): DecodedNode {
  const [inputs, outputs]: [string[], string[]] = [[], []]
  const attributes = new Map<string, AttributeValue>()
  let [op, domain, name] = ['', '', '']
  read(bytes, {
    1: pushed(inputs, cost.text, (field) => field.text()),
    2: pushed(outputs, cost.text, (field) => field.text()),
    3: (field) => (name = field.text()),
    4: (field) => (op = field.text()),
    5: (field) => {
      take(cost.attribute)
      const [key, value] = readAttribute(field.bytes())
      if (attributes.has(key)) throw new RangeError(`a node has the attribute '${key}' twice`)
      attributes.set(key, value)
    },
    7: (field) => (domain = field.text()),
  })
  if (op === '' || outputs.length === 0) throw new RangeError('a node has no operator or no output')
  return { op, domain: domain === 'ai.onnx' ? '' : domain, name, inputs, outputs, attributes }
}

/** ValueInfoProto of a tensor. */
function readValue(bytes: Uint8Array): DecodedValue {
  let [name, type, shape]: [string, number | undefined, (number | string)[] | undefined] = ['', undefined, undefined]
  const axis = (field: Field): void => {
    let length: number | string = '?'
    take(cost.text)
    read(field.bytes(), { 1: (one) => (length = one.integer()), 2: (one) => (length = one.text()) })
    if (typeof length === 'number' && length < 0) length = '?'
    shape!.push(length)
  }
  read(bytes, {
    1: (field) => (name = field.text()),
    2: (field) =>
      read(field.bytes(), {
        1: (kind) =>
          read(kind.bytes(), {
            1: (one) => (type = one.integer()),
            2: (one) => {
              shape = []
              read(one.bytes(), { 1: axis })
            },
          }),
      }),
  })
  return { name, type, shape }
}

/** The model in the bytes of a file. @throws FormatError */
export function decodeModel(bytes: Uint8Array, fail: Fail): DecodedModel {
  room = 4 * bytes.length + 2 ** 24
  const opsets = new Map<string, number>()
  const [nodes, constants, inputs, outputs]: [DecodedNode[], Stored[], DecodedValue[], DecodedValue[]] = [[], [], [], []]
  const extras: string[] = []
  let [producer, graphs] = ['', 0]
  try {
    read(bytes, {
      2: (field) => (producer = field.text()),
      7: (field) => {
        graphs++
        read(field.bytes(), {
          1: pushed(nodes, cost.node, (one) => readNode(one.bytes())),
          5: pushed(constants, cost.tensor, (one) => readTensor(one.bytes())),
          11: pushed(inputs, cost.value, (one) => readValue(one.bytes())),
          12: pushed(outputs, cost.value, (one) => readValue(one.bytes())),
          15: pushed(extras, cost.text, (one) => (one.bytes(), 'sparse tensors')),
        })
      },
      8: (field) => {
        take(cost.entry)
        let [domain, version] = ['', 0]
        read(field.bytes(), { 1: (one) => (domain = one.text()), 2: (one) => (version = one.integer()) })
        opsets.set(domain === 'ai.onnx' ? '' : domain, version)
      },
      25: pushed(extras, cost.text, (one) => (one.bytes(), 'functions of the model')),
    })
  } catch (error) {
    // What the reader of protocol buffers throws is of these two classes; anything else is a mistake here.
    if (error instanceof RangeError || (error as Error).constructor === Error || error instanceof TypeError)
      throw fail((error as Error).message)
    throw error
  }
  if (graphs !== 1) throw fail(graphs === 0 ? 'it holds no graph' : 'it holds several graphs')
  return { producer, opsets, nodes, constants, inputs, outputs, extras: [...new Set(extras)] }
}

/** The tensor in the bytes of a TensorProto, as ONNX' test data are. */
export function decodeTensor(bytes: Uint8Array, fail: Fail): Tensor {
  room = 4 * bytes.length + 2 ** 24
  return tensorOf(readTensor(bytes), fail)
}
