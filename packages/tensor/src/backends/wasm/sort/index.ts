/** Sorting: `writeArgsort` writes the function; `argsort` does it eagerly. */
export { argsort } from './eager.ts'
export { writeArgsort } from './kernels.ts'
