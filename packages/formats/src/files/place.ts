/** A file that is read piece by piece. */
export interface Bytes {
  readonly size: number
  /** Whether what is read is the reader's alone. */
  readonly owned: boolean
  /** The bytes from `start` to `end`, all of them or an error. */
  read(start: number, end: number): Promise<Uint8Array>
  close(): Promise<void>
}

/** Where one file lies. */
export interface Place {
  open(): Promise<Bytes>
  /** Replaces the file by the pieces, as a whole or not at all. */
  replace(pieces: Iterable<Uint8Array>): Promise<void>
  /** No error if there is nothing. */
  remove(): Promise<void>
}

/** Bytes in memory. */
export const bytesOf = (array: Uint8Array): Bytes => ({
  size: array.length,
  owned: false,
  read: async (start, end) => array.subarray(start, end),
  close: async () => undefined,
})

/** The bytes of a `Blob` or `File`, which are fetched when they are read. */
export const blobBytes = (blob: Blob): Bytes => ({
  size: blob.size,
  owned: true,
  read: async (start, end) => new Uint8Array(await blob.slice(start, end).arrayBuffer()),
  close: async () => undefined,
})

/** The pieces one after the other in one array. */
export function joined(pieces: Iterable<Uint8Array>): Uint8Array<ArrayBuffer> {
  const all = [...pieces]
  const out = new Uint8Array(all.reduce((size, piece) => size + piece.length, 0))
  let at = 0
  for (const piece of all) {
    out.set(piece, at)
    at += piece.length
  }
  return out
}
