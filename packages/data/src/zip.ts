import { inflate } from '#platform'
import { ValueError } from '@typegrad/tensor'
import { FormatError } from './errors.ts'

interface Entry {
  name: string
  method: number
  crc: number
  packed: number
  size: number
  offset: number
}

/**
 * The files of a zip archive that `wanted` accepts. The archive is not trusted: sizes are checked before anything is
 * allocated and again while inflating, and every file against its checksum. In all, the files may hold at most
 * `maxBytes`.
 * @throws {@link FormatError}
 */
export function unzip(
  bytes: Uint8Array,
  wanted: (name: string) => boolean,
  op: string,
  maxBytes = 4 * bytes.length + (1 << 24),
): Map<string, Uint8Array> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const fail = (why: string): FormatError => new FormatError(`${op}: the zip archive is damaged: ${why}`)
  const entries = directory(view, bytes, fail).filter(({ name }) => wanted(name))
  const twice = entries.find(({ name }, i) => entries.findIndex((other) => other.name === name) < i)
  if (twice) throw fail(`'${twice.name}' is in it twice`)
  const total = entries.reduce((sum, { size }) => sum + size, 0)
  if (total > maxBytes)
    throw new FormatError(`${op}: the zip archive would unpack to ${total} bytes, over the limit of ${maxBytes}`)
  return new Map(
    entries.map((entry): [string, Uint8Array] => {
      const { name, method, packed, size, offset } = entry
      if (offset + 30 > bytes.length || view.getUint32(offset, true) !== 0x04034b50)
        throw fail(`'${name}' is not where the directory says`)
      const start = offset + 30 + view.getUint16(offset + 26, true) + view.getUint16(offset + 28, true)
      if (start + packed > bytes.length) throw fail(`'${name}' is cut off`)
      const data = bytes.subarray(start, start + packed)
      if (method !== 0 && method !== 8) throw fail(`'${name}' is packed by the unknown method ${method}`)
      const content = method === 0 ? data : inflated(data, size, (why) => fail(`'${name}' ${why}`))
      if (content.length !== size) throw fail(`'${name}' has ${content.length} bytes, the directory says ${size}`)
      if (crc32(content) !== entry.crc) throw fail(`'${name}' does not have the checksum of the directory`)
      return [name, content]
    }),
  )
}

/** The central directory, which stands at the end of the archive. */
function directory(view: DataView, bytes: Uint8Array, fail: (why: string) => FormatError): Entry[] {
  let end = bytes.length - 22
  while (end >= 0 && end >= bytes.length - 22 - 0xffff && view.getUint32(end, true) !== 0x06054b50) end--
  if (end < 0 || view.getUint32(end, true) !== 0x06054b50) throw fail('it has no directory (is it a zip file at all?)')
  const count = view.getUint16(end + 10, true)
  let at = view.getUint32(end + 16, true)
  const entries: Entry[] = []
  for (let i = 0; i < count; i++) {
    if (at + 46 > end || view.getUint32(at, true) !== 0x02014b50) throw fail(`entry ${i} of the directory is missing`)
    const [flags, method] = [view.getUint16(at + 8, true), view.getUint16(at + 10, true)]
    const [crc, packed, size] = [view.getUint32(at + 16, true), view.getUint32(at + 20, true), view.getUint32(at + 24, true)]
    const nameLength = view.getUint16(at + 28, true)
    if (at + 46 + nameLength > end) throw fail(`entry ${i} of the directory is cut off`)
    const name = new TextDecoder().decode(bytes.subarray(at + 46, at + 46 + nameLength))
    if (flags & 1) throw fail(`'${name}' is encrypted`)
    entries.push({ name, method, crc, packed, size, offset: view.getUint32(at + 42, true) })
    at += 46 + nameLength + view.getUint16(at + 30, true) + view.getUint16(at + 32, true)
  }
  return entries
}

/** Inflates to `size` bytes at most. */
function inflated(data: Uint8Array, size: number, fail: (why: string) => FormatError): Uint8Array {
  let content: Uint8Array
  try {
    content = inflate(data, size)
  } catch (error) {
    throw fail(`does not inflate (${(error as Error).message})`)
  }
  if (content.length > size) throw fail(`inflates to more than the ${size} bytes of the directory`)
  return content
}

const crcTable = Uint32Array.from({ length: 256 }, (_, n) => {
  let c = n
  for (let k = 0; k < 8; k++) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1
  return c
})

/** The checksum of bytes that follow those of the checksum `before`. */
function crc32(bytes: Uint8Array, before = 0): number {
  let c = ~before
  for (let i = 0; i < bytes.length; i++) c = crcTable[(c ^ bytes[i]) & 255] ^ (c >>> 8)
  return ~c >>> 0
}

/** Little-endian numbers of two or four bytes. */
function record(fields: readonly (readonly [bytes: 2 | 4, value: number])[], ...texts: Uint8Array[]): Uint8Array {
  const numbers = fields.flatMap(([bytes, value]) => Array.from({ length: bytes }, (_, i) => Math.floor(value / 256 ** i) & 255))
  return Uint8Array.from([...numbers, ...texts.flatMap((text) => [...text])])
}

/**
 * The pieces of a zip archive of files, which are not packed: each is passed on as it comes, its length and checksum follow it.
 * @throws {@link ValueError} for more than 4 GiB, which the plain format cannot hold
 */
export function* zipPieces(
  files: Iterable<readonly [name: string, pieces: Iterable<Uint8Array>]>,
  op: string,
): Generator<Uint8Array> {
  let at = 0
  const directory: Uint8Array[] = []
  const out = (piece: Uint8Array): Uint8Array => {
    at += piece.length
    if (at >= 2 ** 32) throw new ValueError(`${op}: the zip archive would have more than 4 GiB`)
    return piece
  }
  for (const [name, pieces] of files) {
    const text = new TextEncoder().encode(name)
    // Version 2.0; lengths follow, names are UTF-8; not packed; the first day that the format knows.
    const head = [[2, 20], [2, 0x808], [2, 0], [2, 0], [2, 0x21]] as const // prettier-ignore
    const lengths = [[2, text.length], [2, 0]] as const // prettier-ignore
    const begin = at
    yield out(record([[4, 0x04034b50], ...head, [4, 0], [4, 0], [4, 0], ...lengths], text))
    let [crc, size] = [0, 0]
    for (const piece of pieces) {
      crc = crc32(piece, crc)
      size += piece.length
      yield out(piece)
    }
    const known = [[4, crc], [4, size], [4, size]] as const // prettier-ignore
    yield out(record([[4, 0x08074b50], ...known]))
    directory.push(
      record([[4, 0x02014b50], [2, 20], ...head, ...known, ...lengths, [2, 0], [2, 0], [2, 0], [4, 0], [4, begin]], text),
    )
  }
  const begin = at
  for (const entry of directory) yield out(entry)
  const count = [[2, directory.length], [2, directory.length]] as const // prettier-ignore
  yield record([[4, 0x06054b50], [2, 0], [2, 0], ...count, [4, at - begin], [4, begin], [2, 0]])
}
