/** Strings at the door of a model: data are what it takes, and become numbers before a step. */
import type { AnyLayer, SymbolicTensor } from '@typegrad/layers'
import { isStrings, StringTensor } from '@typegrad/layers/internals'
import { ValueError, type Tensor } from '@typegrad/tensor'
import { onHost } from './device.ts'

/** An input of a model; of strings also the layer that alone takes them, and makes numbers of them before the step. */
export interface Entrance {
  readonly input: SymbolicTensor
  readonly encoder?: AnyLayer | undefined
}

interface Entered {
  readonly name: string
  readonly inputNames: readonly string[]
  readonly entrances: readonly Entrance[]
}

/** The data, if they are strings where the model takes strings, and only there. */
export function asDeclared({ name, inputNames, entrances }: Entered, x: readonly Tensor[]): Tensor[] {
  return x.map((one, i) => {
    const { dtype, shape } = entrances[i]?.input ?? {}
    if (dtype === undefined || (dtype === 'string') !== isStrings(one)) {
      if (dtype === undefined) return one
      const [given, taken] = dtype === 'string' ? ['numbers', 'strings'] : ['strings', 'numbers']
      const hint = dtype === 'string' ? '' : "; for strings begin with Input({ shape, dtype: 'string' })"
      throw new ValueError(`data: ${given} for the input '${inputNames[i]}' of model '${name}', which takes ${taken}${hint}`)
    }
    return one instanceof StringTensor ? one.withRank(shape.length) : one
  })
}

/** The data with the numbers that layers make of strings. */
export function encoded(model: Entered, x: readonly Tensor[]): readonly Tensor[] {
  if (!x.some(isStrings)) return x
  const { entrances } = model
  return x.map((one, i) => {
    const encoder = isStrings(one) ? entrances[i]?.encoder : undefined
    return encoder ? onHost(() => encoder.apply(one) as Tensor) : one
  })
}
