/** The most threads of a launch along each axis, for launches of rank 2 and 3; rank 1 has no limit below 2^31. */
export interface Limits {
  readonly x: number
  readonly y: number
  readonly z: number
  /** Bytes of one buffer. */
  readonly bytes: number
  /** Array arguments of one kernel. */
  readonly arrays: number
}

export const unlimited: Limits = { x: Infinity, y: Infinity, z: Infinity, bytes: Infinity, arrays: Infinity }
