/** Takes what a callback writes, piece by piece: a file, or something of yours. */
export interface Sink {
  /** The bytes that were there before. @defaultValue `0` */
  readonly size?: number
  write(piece: Uint8Array): void | Promise<void>
  close?(): void | Promise<void>
}

export interface OpenOptions {
  /** Goes on after what is there, in place of beginning anew. @defaultValue `false` */
  readonly append?: boolean
  /** Of what is there, goes on after so many bytes only. */
  readonly size?: number | undefined
}

/** Opens what a callback writes into, by its name. By default that is a file, of which pages have none. */
export type Open = (path: string, options: OpenOptions) => Sink | Promise<Sink>
