import { FormatError } from '../errors.ts'
import { join } from '../source.ts'

/** What a gzip file holds, which may be at most `maxBytes`. @throws {@link FormatError} */
export async function gunzip(bytes: Uint8Array, op: string, maxBytes: number): Promise<Uint8Array<ArrayBuffer>> {
  const packed = new Blob([bytes as Uint8Array<ArrayBuffer>]).stream()
  const reader = packed.pipeThrough(new DecompressionStream('gzip')).getReader()
  const parts: Uint8Array[] = []
  let length = 0
  try {
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      length += part.value.length
      if (length > maxBytes) throw new FormatError(`${op}: the gzip file unpacks to more than ${maxBytes} bytes`)
      parts.push(part.value)
    }
  } catch (error) {
    if (error instanceof FormatError) throw error
    throw new FormatError(`${op}: the gzip file is damaged: ${(error as Error).message}`)
  } finally {
    reader.cancel().catch(() => {})
  }
  return join(parts)
}

/** The files of a tar archive, by the last part of their names. @throws {@link FormatError} */
export function untar(bytes: Uint8Array, op: string): Map<string, Uint8Array> {
  const files = new Map<string, Uint8Array>()
  const text = (from: number, length: number): string =>
    new TextDecoder().decode(bytes.subarray(from, from + length)).replace(/\0.*$/s, '')
  for (let at = 0; at + 512 <= bytes.length && bytes[at] !== 0;) {
    const size = Number.parseInt(text(at + 124, 12).trim() || '0', 8)
    if (!(size >= 0 && at + 512 + size <= bytes.length))
      throw new FormatError(`${op}: the tar archive is damaged: '${text(at, 100)}' is cut off`)
    const kind = text(at + 156, 1)
    if (kind === '' || kind === '0') files.set(text(at, 100).split('/').at(-1)!, bytes.subarray(at + 512, at + 512 + size))
    at += 512 + Math.ceil(size / 512) * 512
  }
  return files
}
