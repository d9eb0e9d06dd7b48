import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { downsample } from '../../packages/plots/src/downsample.ts'
import { nice, ticks } from '../../packages/plots/src/ticks.ts'
import { displayWidth, padCenter } from '../../packages/plots/src/width.ts'

const finite = fc.double({ min: -1e6, max: 1e6, noNaN: true })

describe('downsample', () => {
  const rows = fc.array(fc.option(finite, { freq: 4 }), { maxLength: 400 })
  const series = (y: (number | null)[]) => ({ name: 'a', x: y.map((_, i) => i), y })

  test('keeps the first, lowest, highest and last value, and the order', () => {
    fc.assert(
      fc.property(rows, fc.integer({ min: 1, max: 20 }), (y, columns) => {
        const small = downsample(series(y), columns)
        const values = (list: readonly (number | null)[]): number[] => list.filter((value) => value !== null)
        expect(values(small.y).at(0)).toBe(values(y).at(0))
        expect(values(small.y).at(-1)).toBe(values(y).at(-1))
        expect(Math.min(...values(small.y))).toBe(Math.min(...values(y)))
        expect(Math.max(...values(small.y))).toBe(Math.max(...values(y)))
        expect(small.x).toEqual(small.x.toSorted((a, b) => a - b))
        expect(small.x.map((i) => y[i])).toEqual(small.y)
        expect(small.y.length).toBeLessThanOrEqual(Math.max(4, 5) * columns)
      }),
    )
  })

  test('never joins what a gap of more than one column separates', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 60 }), (from) => {
        const y = Array.from({ length: 100 }, (_, i) => (i >= from && i < from + 30 ? null : i))
        const small = downsample(series(y), 10)
        const joined = small.x.filter(
          (x, i) => i > 0 && small.y[i] !== null && small.y[i - 1] !== null && small.x[i - 1] < from && x >= from,
        )
        expect(joined).toEqual([])
      }),
    )
  })

  test('leaves short series alone', () => {
    const short = series([1, null, 3])
    expect(downsample(short, 1)).toBe(short)
  })
})

describe('ticks', () => {
  test.each<[[number, number], 'linear' | 'log', number, number[]]>([
    [[0, 1], 'linear', 5, [0, 0.2, 0.4, 0.6, 0.8, 1]],
    [[0.75, 1], 'linear', 5, [0.75, 0.8, 0.85, 0.9, 0.95, 1]],
    [[1, 20], 'linear', 4, [5, 10, 15, 20]],
    [[-0.3, 0.3], 'linear', 6, [-0.3, -0.2, -0.1, 0, 0.1, 0.2, 0.3]],
    [[0.05, 2], 'log', 5, [0.05, 0.1, 0.2, 0.5, 1, 2]],
    [[1e-6, 1], 'log', 3, [1e-6, 1e-4, 1e-2, 1]],
  ])('%j %s in about %i', (domain, scale, count, expected) => {
    expect(ticks(domain, scale, count)).toEqual(expected)
  })

  test('a nice domain holds the values, and its ends are ticks', () => {
    const pair = fc.tuple(finite, finite).filter(([a, b]) => b - a > 1e-6 * (1 + Math.abs(a)))
    fc.assert(
      fc.property(pair, fc.integer({ min: 2, max: 10 }), (domain, count) => {
        const [low, high] = nice(domain, 'linear', count)
        const rounding = 1e-9 * (high - low)
        expect(low).toBeLessThanOrEqual(domain[0] + rounding)
        expect(high).toBeGreaterThanOrEqual(domain[1] - rounding)
        const at = ticks([low, high], 'linear', count)
        expect([at.at(0), at.at(-1)]).toEqual([low, high])
        expect(at.length).toBeLessThanOrEqual(2 * count + 1)
      }),
    )
  })

  test('a nice log domain holds the values within a factor of 2.5', () => {
    const positive = fc.double({ min: 1e-12, max: 1e12, noNaN: true })
    fc.assert(
      fc.property(positive, positive, (a, b) => {
        const [from, to] = a < b ? [a, b] : [b, a]
        const [low, high] = nice([from, to], 'log', 5)
        expect(low <= from && from <= low * 2.5 * (1 + 1e-9)).toBe(true)
        expect(high >= to && high <= to * 2.5 * (1 + 1e-9)).toBe(true)
      }),
    )
  })
})

test('the width of a text in a terminal', () => {
  expect(['abc', '숫자 영', '数字', '😀', '█░'].map(displayWidth)).toEqual([3, 7, 4, 2, 2])
  expect(padCenter('영', 5)).toBe(' 영  ')
})
