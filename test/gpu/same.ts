import { setBackend, Tensor, type TypedArray } from '@typegrad/tensor'
import { expect } from 'vitest'

export interface Tolerance {
  /** Largest difference, relative to the largest element of the result. @defaultValue `3e-6` */
  readonly relative?: number
  /** What counts as the largest element at least. @defaultValue `1e-3` */
  readonly scale?: number
}

/** Runs `f` on the host and on the gpu: the same shapes, dtypes and, within the tolerance, elements. */
export async function expectSame(
  f: () => Tensor | readonly Tensor[],
  { relative = 3e-6, scale = 1e-3 }: Tolerance = {},
): Promise<void> {
  const list = (result: Tensor | readonly Tensor[]): readonly Tensor[] => (result instanceof Tensor ? [result] : result)
  const want = list(f())
  let got: readonly Tensor[]
  setBackend('gpu')
  try {
    got = list(f())
  } finally {
    setBackend('cpu')
  }
  expect(got.map(describe)).toEqual(want.map(describe))
  const read = await Promise.all(got.map((tensor) => tensor.data()))
  read.forEach((values, i) => compare(values, want[i].toTypedArray(), relative, scale))
}

const describe = (x: Tensor): string => `${x.dtype} [${x.shape.join(', ')}]`

function compare(got: TypedArray, want: TypedArray, relative: number, least: number): void {
  let largest = least
  for (const v of want) if (Number.isFinite(v)) largest = Math.max(largest, Math.abs(v))
  for (let i = 0; i < want.length; i++) {
    // +0 and -0 are one here: a GPU may not tell them apart.
    if (want[i] === got[i] || (Number.isNaN(want[i]) && Number.isNaN(got[i]))) continue
    const difference = Math.abs(got[i] - want[i])
    if (!(difference <= relative * largest)) {
      expect.fail(
        `element ${i} is ${got[i]}, expected ${want[i]}; the difference is ${difference / largest} of the largest element`,
      )
    }
  }
}
