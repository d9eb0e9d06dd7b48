import { bytesPerElement } from '../../dtype.ts'
import type { Tensor } from '../../tensor.ts'
import { writeElements } from './resident.ts'
import type { Runner } from './runtime.ts'
import { isIn } from './stage.ts'

/** Where the elements of x are in memory, if they are there in order. */
export const placeOfElements = (runtime: Runner, x: Tensor): number | undefined =>
  x.layout.contiguous && isIn(runtime, x) ? x.array.byteOffset + x.layout.offset * bytesPerElement(x.dtype) : undefined

/** The elements of x in memory, in row-major order and of their own dtype: where they lie, or a copy. */
export function bringElements(runtime: Runner, x: Tensor): number {
  const place = placeOfElements(runtime, x)
  if (place !== undefined) return place
  const address = runtime.reserve(x.size * bytesPerElement(x.dtype))
  writeElements(runtime, x, address)
  return address
}
