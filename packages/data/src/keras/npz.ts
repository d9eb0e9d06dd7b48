import { FormatError } from '../errors.ts'
import { readNpy, type Npy } from '../npy.ts'
import { unzip } from '../zip.ts'

/** The arrays of these names in a `.npz` archive, in their order. @throws {@link FormatError} */
export function arraysOf(bytes: Uint8Array, names: readonly string[], op: string): Npy[] {
  const files = unzip(bytes, (name) => names.some((one) => name === `${one}.npy`), op)
  return names.map((name) => {
    const file = files.get(`${name}.npy`)
    if (!file) throw new FormatError(`${op}: the archive has no ${name}; expected ${names.join(', ')}`)
    const array = readNpy(file, op)
    if (array.fortranOrder && array.shape.length > 1)
      throw new FormatError(`${op}: ${name} lies column by column, expected row by row`)
    return array
  })
}
