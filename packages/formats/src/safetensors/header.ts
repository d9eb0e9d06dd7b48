/** The head of a safetensors file: eight bytes with its length, and JSON that says where each tensor lies. */
import type { FormatError } from '@typegrad/data'
import { sizeOf, type Shape } from '@typegrad/tensor'
import { isRecord, parseJson } from '../json.ts'
import { storedTypes } from './dtypes.ts'

/** What the head says of one tensor. */
export interface Entry {
  readonly name: string
  readonly type: string
  readonly shape: Shape
  /** From where to where its bytes lie, counted from the end of the head. */
  readonly start: number
  readonly end: number
}

export interface Header {
  readonly entries: readonly Entry[]
  readonly metadata: ReadonlyMap<string, string>
}

/** The reference implementation's limit. */
export const maxHeader = 100_000_000

/** Reads the JSON of a head whose tensors take `size` bytes: no overlaps, no holes, no name twice, every length right. */
export function readHeader(json: Uint8Array, size: number, fail: (why: string) => FormatError): Header {
  if (json[0] !== 0x7b) throw fail('its header does not begin with {')
  const parsed = parseJson(json, fail)
  if (!isRecord(parsed)) throw fail('its header is no object')
  const metadata = new Map<string, string>()
  const entries: Entry[] = []
  for (const [name, value] of Object.entries(parsed)) {
    if (name === '__metadata__') {
      if (!isRecord(value)) throw fail('__metadata__ is no object')
      for (const [key, text] of Object.entries(value)) {
        if (typeof text !== 'string') throw fail(`__metadata__ '${key}' is no text`)
        metadata.set(key, text)
      }
    } else entries.push(readEntry(name, value, fail))
  }
  entries.sort((a, b) => a.start - b.start || a.end - b.end)
  let at = 0
  for (const { name, start, end } of entries) {
    if (start !== at)
      throw fail(`${quoted(name)} begins at ${start}, expected ${at}: there is ${start < at ? 'an overlap' : 'a hole'}`)
    at = end
  }
  if (at !== size) throw fail(`its tensors take ${at} bytes, the file has ${size}`)
  return { entries, metadata }
}

const quoted = (name: string): string => JSON.stringify(name.length > 100 ? `${name.slice(0, 100)}…` : name)

const isLength = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0

function readEntry(name: string, value: unknown, fail: (why: string) => FormatError): Entry {
  const { dtype, shape, data_offsets: offsets, ...others } = isRecord(value) ? value : {}
  if (typeof dtype !== 'string' || !Array.isArray(shape) || !Array.isArray(offsets) || Object.keys(others).length > 0)
    throw fail(`${quoted(name)} is not described by dtype, shape and data_offsets`)
  if (!Object.hasOwn(storedTypes, dtype))
    throw fail(`${quoted(name)} has the dtype ${quoted(dtype)}, known are ${Object.keys(storedTypes).join(', ')}`)
  const [start, end] = offsets as unknown[]
  if (offsets.length !== 2 || !isLength(start) || !isLength(end) || end < start)
    throw fail(`${quoted(name)} has no valid data_offsets`)
  if (shape.length > 64 || !shape.every(isLength)) throw fail(`${quoted(name)} has no valid shape`)
  const bytes = sizeOf(shape) * storedTypes[dtype].bytes
  if (bytes !== end - start) throw fail(`${quoted(name)} has ${end - start} bytes, its shape and dtype take ${bytes}`)
  return { name, type: dtype, shape, start, end }
}

/** The head for these entries, padded so that the tensors begin at a multiple of eight bytes. */
export function writeHeader(entries: readonly Entry[], metadata: ReadonlyMap<string, string>): Uint8Array {
  // Written name by name: an object would lose the name __proto__ and put numbers first.
  const texts = entries.map(
    ({ name, type, shape, start, end }) =>
      `${JSON.stringify(name)}:${JSON.stringify({ dtype: type, shape, data_offsets: [start, end] })}`,
  )
  if (metadata.size > 0) {
    const lines = [...metadata].map(([key, text]) => `${JSON.stringify(key)}:${JSON.stringify(text)}`)
    texts.unshift(`"__metadata__":{${lines.join(',')}}`)
  }
  const json = new TextEncoder().encode(`{${texts.join(',')}}`)
  const length = Math.ceil(json.length / 8) * 8
  const out = new Uint8Array(8 + length).fill(0x20)
  new DataView(out.buffer).setBigUint64(0, BigInt(length), true)
  out.set(json, 8)
  return out
}
