import { platform } from '#platform'
import type { TypedArray } from '../../dtype.ts'

/** Elements that a loop copies as fast as a call. */
const few = 32
/** Bytes from which the platform's copy is faster than `set`, on a memory that threads share. */
const many = 4096

/** `to[at + i] = from[start + i]` for `size` elements; arrays of two types convert. */
export function copyElements(from: TypedArray, start: number, size: number, to: TypedArray, at: number): void {
  if (size <= few) {
    for (let i = 0; i < size; i++) to[at + i] = from[start + i]
    return
  }
  const width = from.BYTES_PER_ELEMENT
  const { copyShared } = platform
  if (copyShared && size * width >= many && from.constructor === to.constructor && (isShared(from) || isShared(to)))
    copyShared(bytesOf(from, start, size), bytesOf(to, at, size))
  else to.set(start === 0 && size === from.length ? from : from.subarray(start, start + size), at)
}

const isShared = ({ buffer }: TypedArray): boolean => !(buffer instanceof ArrayBuffer)

const bytesOf = ({ buffer, byteOffset, BYTES_PER_ELEMENT: width }: TypedArray, start: number, size: number): Uint8Array =>
  new Uint8Array(buffer, byteOffset + start * width, size * width)
