import { TypegradError } from '@typegrad/tensor'
import type { OpenOptions, Sink } from './callbacks/sink.ts'

/** Pages have no files by name. */
export function openFile(path: string, _options?: OpenOptions): Promise<Sink> {
  return Promise.reject(
    new TypegradError(`'${path}' cannot be opened, for pages have no files: give an \`open\` of your own`, { path }),
  )
}

export const makeFolderOf = (_path: string): Promise<void> => Promise.resolve()

export const hostname = (): string => globalThis.location.hostname
