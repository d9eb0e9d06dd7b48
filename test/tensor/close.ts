import type { DType } from '@typegrad/tensor'
import { expect } from 'vitest'
import type { Tolerances } from './backends.ts'
import type { Naive } from './naive.ts'

const smallest = { float32: 2 ** -149, float64: 2 ** -1074 } as const

export interface Closeness {
  /** Largest error of a float, relative to the expected one or to its scale. Integers and truth values are exact. */
  readonly tolerance: Tolerances
  /** By element, the size below which its error is not relative to it; ∞ where any number will do. */
  readonly scales?: readonly number[]
  /** By element, what it may be off besides, because something on the way became too small. */
  readonly losses?: readonly number[]
  /** Whether 0 and -0 differ. */
  readonly signedZeros?: boolean
}

function isClose(
  got: number,
  expected: number,
  dtype: DType,
  { tolerance, signedZeros, scales, losses }: Closeness,
  i: number,
): boolean {
  const [scale, loss] = [scales?.[i] ?? 0, losses?.[i] ?? 0]
  if (scale === Infinity) return true
  if (expected === 0 && got === 0) return !signedZeros || scale > 0 || Object.is(got, expected)
  if (Object.is(got, expected)) return true
  if ((dtype !== 'float32' && dtype !== 'float64') || !Number.isFinite(expected) || !Number.isFinite(got)) return false
  const underflow = (dtype === 'float32' && tolerance.underflow) || 2 * smallest[dtype]
  return Math.abs(got - expected) <= tolerance[dtype] * Math.max(Math.abs(expected), scale) + underflow + loss
}

/** Fails unless shape and elements agree; NaN agrees with NaN. */
export function expectClose(got: Naive, expected: Naive, dtype: DType, closeness: Closeness): void {
  expect(got.shape).toEqual(expected.shape)
  const wrong = expected.values.findIndex((x, i) => !isClose(got.values[i], x, dtype, closeness, i))
  if (wrong < 0) return
  const text = (x: number): string => (Object.is(x, -0) ? '-0' : String(x))
  const at = `element ${wrong} of shape [${expected.shape.join(', ')}] ${dtype}`
  expect.fail(`${at} is ${text(got.values[wrong])}, expected ${text(expected.values[wrong])}`)
}

/** The largest difference of two lists, relative to the largest of the expected numbers or to `size`. */
export function normError(got: readonly number[], expected: readonly number[], size = 0): number {
  const largest = expected.reduce((m, x) => Math.max(m, Math.abs(x)), Math.max(size, 1e-3))
  const error = expected.reduce((m, x, i) => (Number.isNaN(got[i]) ? NaN : Math.max(m, Math.abs(x - got[i]))), 0)
  return error / largest
}
