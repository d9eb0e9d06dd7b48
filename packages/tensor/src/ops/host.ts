import { backendFor } from '../backends/backend.ts'
import type { TypedArray } from '../dtype.ts'
import type { Op, Spec } from '../op.ts'
import type { Shape } from '../shape.ts'
import { emptyTensor } from '../tensor.ts'

/** What a host op reads of an input: its elements in row-major order. */
export interface Elements {
  readonly shape: Shape
  readonly values: TypedArray
}

export interface HostOpRow<A> extends Pick<Op<A>, 'name' | 'infer' | 'gradient' | 'batch'> {
  /** The elements of the result in row-major order, in double precision. */
  readonly compute: (inputs: readonly Elements[], attributes: A, spec: Spec) => ArrayLike<number>
}

/**
 * An op that no kernel of the backends is made for, because it goes from one element to the next (a decomposition, a search):
 * computed on the host, whatever the backend, in double precision, and rounded once.
 */
export const hostOp = <A>({ compute, ...row }: HostOpRow<A>): Op<A> => ({
  ...row,
  run(inputs, attributes, spec) {
    const backend = backendFor(inputs)
    const out = emptyTensor(spec.shape, spec.dtype, backend)
    if (out.size === 0) return out
    backend.host(row.name, inputs, out, (xs, y) => {
      const elements = xs.map((x): Elements => ({ shape: x.shape, values: x.toTypedArray() }))
      y.array.set(compute(elements, attributes, spec), y.layout.offset)
    })
    return out
  },
})
