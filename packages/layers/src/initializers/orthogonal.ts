import {
  concat,
  currentBackend,
  formatShape,
  internals,
  setBackend,
  ShapeError,
  tensor,
  type Shape,
  type Tensor,
} from '@typegrad/tensor'
import type { Defaults } from '@typegrad/tensor/config'
import { RandomInitializer, type SeedOptions } from './random.ts'

export interface OrthogonalOptions extends SeedOptions {
  /** The length of every row or column. @defaultValue `1` */
  readonly gain?: number
}

/**
 * A random matrix with orthogonal rows or columns, whichever are fewer: all axes but the last one count as rows.
 * Saxe et al. (2013). The default of recurrent kernels.
 */
export class Orthogonal extends RandomInitializer<OrthogonalOptions> {
  static override readonly defaults = { seed: null, gain: 1 } satisfies Defaults<OrthogonalOptions>

  call(shape: Shape): Tensor {
    if (shape.length < 2) throw new ShapeError(`Orthogonal: shape ${formatShape(shape)}, expected at least two axes`, { shape })
    const columns = shape.at(-1)!
    const rows = shape.slice(0, -1).reduce((a, b) => a * b, 1)
    const { gain } = this.options
    return onHost(() => {
      const q = orthonormal(this.generator.normal([Math.max(rows, columns), Math.min(rows, columns)], { dtype: 'float64' }))
      return (rows < columns ? q.transpose() : q).mul(gain).cast('float32').reshape(shape)
    })
  }
}

/** Runs `f` on a backend of the host, where numbers can be read. */
function onHost<T>(f: () => T): T {
  const before = currentBackend().name
  setBackend(internals.backendOn('host').name)
  try {
    return f()
  } finally {
    setBackend(before)
  }
}

/** So many columns are made orthogonal to each other at a time, and by matrix products to those before. */
const panel = 32

/**
 * Q of the decomposition `a = QR` with a positive diagonal of R, by Gram and Schmidt, panel by panel. Twice, since once
 * leaves what rounding left over.
 */
function orthonormal(a: Tensor): Tensor {
  const [rows, columns] = a.shape
  let q: Tensor | undefined
  for (let at = 0; at < columns; at += panel) {
    let next = a.slice(null, [at, Math.min(at + panel, columns)])
    for (let pass = 0; pass < 2; pass++) {
      if (q) next = next.sub(q.matmul(q.transpose().matmul(next)))
      next = gramSchmidt(next)
    }
    q = q ? concat([q, next], 1) : next
  }
  return q ?? a.reshape([rows, columns])
}

/** The columns, each without its parts along those before and scaled to length 1. */
function gramSchmidt(a: Tensor): Tensor {
  const [rows, columns] = a.shape
  const lines = Array.from({ length: columns }, (_, j) => Float64Array.from(a.slice(null, j).toTypedArray()))
  lines.forEach((line, j) => {
    for (const other of lines.slice(0, j)) subtract(line, other, dot(line, other))
    const length = Math.sqrt(dot(line, line))
    for (let i = 0; i < rows; i++) line[i] /= length
  })
  return tensor(
    Float64Array.from({ length: rows * columns }, (_, k) => lines[k % columns][Math.floor(k / columns)]),
    { shape: [rows, columns] },
  )
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i]
  return sum
}

function subtract(a: Float64Array, b: Float64Array, times: number): void {
  for (let i = 0; i < a.length; i++) a[i] -= times * b[i]
}
