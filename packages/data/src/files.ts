/** What reading files needs, for the other packages of this library. May change between minor versions. */
export { asFile } from '#platform'
export { download } from './download.ts'
export { FormatError, LoadError } from './errors.ts'
export { nameOf, type Source } from './source.ts'
export { readNpy as npyHeader } from './npy.ts'
export { unzip, zipPieces } from './zip.ts'
