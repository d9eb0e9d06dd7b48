/**
 * Host storage. Tensors are garbage-collected: their elements lie in ordinary typed arrays, which the engine's
 * collector knows. Small ones are cut from a 128 KiB slab, because a typed array of its own costs more than the
 * arithmetic on it; single numbers have slabs of their own, so that a loss that is kept keeps little else.
 *
 * Nothing here may be registered for finalization, unless somebody counts: what is registered outlives the collections of the
 * young, so its pages do not come back at once, and writing fresh ones takes several times as long as the copy.
 */
import { allocateArray, bytesPerElement, unwrittenArray, type DType, type TypedArray } from './dtype.ts'
import { BackendError } from './errors.ts'

/** Where the elements of a tensor lie: a host array, or something that a device's backend understands. */
export interface Buffer {
  readonly device: string
  readonly array?: TypedArray | undefined
  /**
   * A number of its own for an array that nobody but the library can write, which writes each element once, before anybody reads it: what
   * has been copied from there stays true. 0 or none for others.
   */
  stamp?: number
  /** Set for memory that the collector does not see. */
  readonly lifetime?: Lifetime
}

/** What variables tell a buffer, so that its memory can be freed as soon as nobody can ask for it any more. */
export interface Lifetime {
  /** A variable took a tensor of this buffer as its value. */
  held(): void
  /** That variable took another value. */
  dropped(): void
  /** The value of that variable was handed out as a tensor. */
  seen(): void
}

export interface Slot {
  readonly buffer: Buffer
  readonly offset: number
}

const slabBytes = 128 * 1024
const largestInSlab = 16 * 1024
/** Slots begin at multiples of 16 bytes. */
const alignment = 16

interface Slab {
  buffer: Buffer
  used: number
}

const slabsOf = {
  single: new Map<DType, Slab>(),
  several: new Map<DType, Slab>(),
  unwritten: new Map<DType, Slab>(),
}

/** Host storage for `size` elements: zeros, or, for a caller that writes all of it, whatever lies there. */
export function allocate(dtype: DType, size: number, isUnwritten = false): Slot {
  const width = bytesPerElement(dtype)
  if (size * width > largestInSlab) return { buffer: newBuffer(dtype, size, isUnwritten), offset: 0 }
  const slabs = size === 1 ? slabsOf.single : isUnwritten ? slabsOf.unwritten : slabsOf.several
  let slab = slabs.get(dtype)
  const perSlot = alignment / width
  const length = Math.max(perSlot, Math.ceil(size / perSlot) * perSlot)
  if (!slab || slab.used + length > slabBytes / width) {
    slab = { buffer: newBuffer(dtype, slabBytes / width, slabs === slabsOf.unwritten), used: 0 }
    slabs.set(dtype, slab)
  }
  const offset = slab.used
  slab.used += length
  return { buffer: slab.buffer, offset }
}

function unwrittenOf(dtype: DType, size: number): TypedArray {
  const array = unwrittenArray(dtype, size)
  return unwritten.fill === undefined ? array : array.fill(unwritten.fill)
}

/** Tests have unwritten storage filled with a number, to see that all of it is written. */
export const unwritten: { fill?: number | undefined } = {}

function newBuffer(dtype: DType, size: number, isUnwritten: boolean): Buffer {
  try {
    return ownBuffer(isUnwritten ? unwrittenOf(dtype, size) : allocateArray(dtype, size))
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause
    const error = new BackendError(
      `out of memory: ${size} elements of ${dtype} (${size * bytesPerElement(dtype)} bytes) cannot be allocated`,
      {
        dtype,
        size,
      },
    )
    error.cause = cause
    throw error
  }
}

/** A buffer over an existing array, which is shared, not copied. */
export function hostBuffer(array: TypedArray): Buffer {
  count(array)
  return { device: 'host', array, stamp: 0 }
}

let stamps = 0

/** A buffer over an array that nobody else has. */
export function ownBuffer(array: TypedArray): Buffer {
  count(array)
  return { device: 'host', array, stamp: ++stamps }
}

/** Live buffers, once somebody has asked. */
let live: { buffers: number; bytes: number } | undefined
/** Registrations cost memory until their job ends: a long synchronous loop stops counting here. */
const mostCounted = 1 << 16
const registry = new FinalizationRegistry<number>((bytes) => {
  live!.buffers--
  live!.bytes -= bytes
})

function count(array: TypedArray): void {
  if (!live || live.buffers >= mostCounted) return
  registry.register(array, array.byteLength)
  live.buffers++
  live.bytes += array.byteLength
}

/**
 * Live host buffers and their bytes, counted from the first call on: when they are made, and when the collector reports them gone,
 * which it does between jobs (`await` a timer first). Counting makes large tensors some times as slow, so it begins with that
 * call; at most 65,536 are counted at a time.
 */
export function memory(): { buffers: number; bytes: number } {
  live ??= { buffers: 0, bytes: 0 }
  return { ...live }
}
