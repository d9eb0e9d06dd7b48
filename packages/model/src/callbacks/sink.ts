/** Takes what a callback writes, piece by piece: a file, or something of yours. */
export interface Sink {
  /** Whether nothing was written before. @defaultValue `true` */
  readonly empty?: boolean
  write(piece: Uint8Array): void | Promise<void>
  close?(): void | Promise<void>
}

/** Opens what a callback writes into, by its name. By default that is a file, of which pages have none. */
export type Open = (path: string, options: { readonly append: boolean }) => Sink | Promise<Sink>
