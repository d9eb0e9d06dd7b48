export { parse as parseQuoted } from 'csv-parse/browser/esm/sync'

/** Pages have no files by name: every string is an address. */
export const asFile = (_source: string | URL): string | undefined => undefined

export function readFileChunks(path: string): AsyncIterable<Uint8Array> {
  throw new Error(`no file system here to read ${path} from`)
}

export const cacheFolder = (): string | undefined => undefined

/** The browser's own HTTP cache keeps downloads. */
export const readCache = (_name: string): Promise<Uint8Array | undefined> => Promise.resolve(undefined)

export const writeCache = (_name: string, _bytes: Uint8Array): Promise<void> => Promise.resolve()

export function progress(_text?: string): void {}
