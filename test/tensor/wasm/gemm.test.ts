import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { limits, relu } from '../../../packages/tensor/src/backends/wasm/gemm/index.ts'
import { reals } from '../../../packages/tensor/src/backends/wasm/gemm/real.ts'
import { detectFeatures } from '../../../packages/tensor/src/backends/wasm/features.ts'
import { platform } from '../../../packages/tensor/src/backends/wasm/platform.node.ts'
import { type Floats, GemmRunner, magnitude, orders, type Product, reference } from './gemm-reference.ts'
import { runs } from '../properties.ts'

// Switches relaxed SIMD on.
detectFeatures(platform.enableRelaxedSimd)

const types = ['f32', 'f64'] as const
const rounds = { f32: Math.fround, f64: (x: number) => x }
const arrays = { f32: Float32Array, f64: Float64Array }
const epsilons = { f32: 2 ** -24, f64: 2 ** -53 }
const exact = { f32: new GemmRunner('f32'), f64: new GemmRunner('f64') }
const fused = { f32: new GemmRunner('f32', { fused: true }), f64: new GemmRunner('f64', { fused: true }) }

/** A small generator: the bits of a failure are the same each time. */
function noise(type: 'f32' | 'f64', length: number, seed: number): Floats {
  const data = new arrays[type](length)
  let state = seed
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) | 0
    data[i] = state / 2 ** 31
  }
  return data
}

/** Matrices in every layout: row-major, column-major, apart, reversed, broadcast. */
const layouts: Record<string, (rows: number, columns: number) => readonly [rowStride: number, columnStride: number]> = {
  rows: (_rows: number, columns: number) => [columns, 1],
  columns: (rows: number) => [1, rows],
  apart: (_rows: number, columns: number) => [2 * columns + 3, 2],
  reversed: (_rows, columns) => [-columns, -1],
  mixed: (rows: number) => [-1, rows + 1],
  sameRow: () => [0, 1],
  sameColumn: () => [1, 0],
  one: () => [0, 0],
}

function matrix(type: 'f32' | 'f64', layout: string, rows: number, columns: number, seed: number) {
  const [rowStride, columnStride] = layouts[layout](rows, columns)
  const reach = (stride: number, count: number): number => Math.max(0, count - 1) * stride
  const corners = [0, reach(rowStride, rows), reach(columnStride, columns), reach(rowStride, rows) + reach(columnStride, columns)]
  const start = -Math.min(...corners)
  return { data: noise(type, start + Math.max(...corners) + 1, seed), start, rowStride, columnStride }
}

function product(
  type: 'f32' | 'f64',
  m: number,
  n: number,
  k: number,
  [left, right]: readonly [string, string] = ['rows', 'rows'],
  rest: Partial<Product> = {},
): Product {
  const c = { data: noise(type, m * n + 7, 3), start: 2, rowStride: n }
  return { m, n, k, a: matrix(type, left, m, k, 1), b: matrix(type, right, k, n, 2), c, ...rest }
}

const sameBits = (a: Floats, b: Floats): boolean => Buffer.from(a.buffer).equals(Buffer.from(b.buffer))

/** Runs `body` with other limits, to take the other ways through the code. */
function withLimits(other: Partial<typeof limits>, body: () => void): void {
  const before = { ...limits }
  Object.assign(limits, other)
  try {
    body()
  } finally {
    Object.assign(limits, before)
  }
}

/** Where the result is not the definition's, bit for bit, and where the fused one is too far from the truth. */
function differences(type: 'f32' | 'f64', given: Product): string[] {
  const expected = reference(given, rounds[type])
  const result = exact[type].run(given)
  const found = [...result.entries()]
    .filter(([i, value]) => !Object.is(value, expected[i]))
    .map(([i, value]) => `${value} for ${expected[i]} at ${i}`)
  const truth = reference(given, (x) => x)
  const scale = magnitude(given)
  for (const [i, value] of fused[type].run(given).entries()) {
    const near = Math.abs(value - truth[i]) <= epsilons[type] * (given.k + 4) * scale[i]
    if (!near && !Object.is(value, truth[i])) found.push(`fused: ${value} for ${truth[i]} at ${i}`)
  }
  return found
}

describe.each(types)('%s', (type) => {
  test.each(['rows', 'columns'] as const)('every kind of edge, B by %s', (right) => {
    const sizes = [0, 1, 2, 3, 4, 5, 7, 8, 9, 16, 17, 31, 33]
    for (const left of ['rows', 'columns'] as const) {
      for (const m of sizes) {
        for (const n of sizes) {
          for (const k of [1, 3, 17]) expect(differences(type, product(type, m, n, k, [left, right]))).toEqual([])
        }
      }
    }
  })

  test('every size from 0 to 70 in one direction', () => {
    for (let size = 0; size <= 70; size++) {
      expect(differences(type, product(type, size, 5, 6))).toEqual([])
      expect(differences(type, product(type, 5, size, 6))).toEqual([])
      expect(differences(type, product(type, 5, 6, size))).toEqual([])
      expect(differences(type, product(type, 1, size, 9, ['rows', 'columns']))).toEqual([])
      expect(differences(type, product(type, size, 1, 9))).toEqual([])
      expect(differences(type, product(type, size, 1, 9, ['columns', 'rows']))).toEqual([])
    }
  })

  test('any layout', () => {
    const size = fc.integer({ min: 1, max: 70 })
    const layout = fc.constantFrom(...Object.keys(layouts))
    fc.assert(
      fc.property(size, size, size, layout, layout, fc.boolean(), fc.boolean(), (m, n, k, left, right, accumulate, biased) => {
        const bias = biased ? { data: noise(type, 2 * n, 4), start: 2 * n - 1, stride: -2 } : undefined
        expect(differences(type, product(type, m, n, k, [left, right], { accumulate, bias }))).toEqual([])
      }),
    )
  })

  test.each([
    [3, 5, 255],
    [3, 5, 256],
    [3, 5, 257],
    [70, 9, 700],
    [130, 40, 300],
    [5, 1030, 7],
    [1, 1030, 300],
    [1030, 1, 300],
    [2, 2, 513],
  ])('blocks of %i × %i × %i', (m, n, k) => {
    for (const right of ['rows', 'columns'] as const) {
      expect(differences(type, product(type, m, n, k, ['rows', right]))).toEqual([])
      expect(differences(type, product(type, m, n, k, ['columns', right], { accumulate: true }))).toEqual([])
    }
  })

  test('any batch', () => {
    const size = fc.integer({ min: 1, max: 9 })
    const axis = fc.record({ size: fc.integer({ min: 0, max: 4 }), sharesA: fc.boolean(), sharesB: fc.boolean() })
    fc.assert(
      fc.property(size, size, size, fc.array(axis, { maxLength: 3 }), fc.boolean(), (m, n, k, axes, turned) => {
        let [aTop, bTop, cTop] = [m * k, k * n, m * n]
        const batch = axes.map(({ size, sharesA, sharesB }) => {
          const step = { size, a: sharesA ? 0 : aTop, b: sharesB ? 0 : bTop, c: cTop }
          if (!sharesA) aTop *= size
          if (!sharesB) bTop *= size
          cTop *= size
          return step
        })
        const a = { data: noise(type, aTop, 5), start: 0, rowStride: turned ? 1 : k, columnStride: turned ? m : 1 }
        const b = { data: noise(type, bTop, 6), start: 0, rowStride: n, columnStride: 1 }
        const c = { data: noise(type, cTop, 7), start: 0, rowStride: n }
        const bias = { data: noise(type, n, 8), start: 0, stride: 1 }
        expect(differences(type, { m, n, k, a, b, c, batch: batch.toReversed(), bias })).toEqual([])
        expect(differences(type, { m, n, k, a, b, c, batch })).toEqual([])
      }),
    )
  })

  test('rows of C apart: what lies between is left alone', () => {
    for (const m of [1, 4, 9]) {
      for (const n of [1, 3, 8, 13]) {
        expect(
          differences(
            type,
            product(type, m, n, 5, ['rows', 'rows'], { c: { data: noise(type, 300, 3), start: 1, rowStride: n + 5 } }),
          ),
        ).toEqual([])
      }
    }
  })

  test('k = 0 gives zeros, or what accumulates, and the bias', () => {
    const bias = { data: noise(type, 5, 4), start: 0, stride: 1 }
    const zeros = exact[type].run({ ...product(type, 6, 5, 0), c: { data: noise(type, 30, 1), start: 0, rowStride: 5 } })
    expect([...zeros]).toEqual(Array.from({ length: 30 }, () => 0))
    expect(differences(type, product(type, 6, 5, 0, ['rows', 'rows'], { bias }))).toEqual([])
    expect(differences(type, product(type, 6, 5, 0, ['rows', 'rows'], { accumulate: true }))).toEqual([])
  })

  test('the same bits for any number of threads, in any order', () => {
    const sizes = fc.integer({ min: 1, max: 100 })
    withLimits({ parallel: 0, task: 1e5 }, () => {
      fc.assert(
        fc.property(sizes, sizes, fc.integer({ min: 1, max: 300 }), fc.boolean(), fc.boolean(), (m, n, k, accumulate, fuse) => {
          const given = product(type, m, n, k, ['rows', 'columns'], { accumulate })
          const runner = (fuse ? fused : exact)[type]
          const expected = runner.run(given)
          for (const threads of [2, 3, 4, 8, 64]) {
            for (const order of Object.values(orders)) expect(sameBits(runner.run(given, threads, order), expected)).toBe(true)
          }
        }),
        runs(0.2),
      )
    })
  })

  test('tasks that write one stretch of C after the other say where they begin', () => {
    const sizes = fc.integer({ min: 1, max: 30 })
    let said = 0
    withLimits({ parallel: 0, part: [1, 500], cached: 2000 }, () => {
      fc.assert(
        fc.property(sizes, sizes, sizes, fc.integer({ min: 1, max: 3 }), fc.boolean(), (m, n, k, size, isShared) => {
          const a = { ...matrix(type, 'rows', m * size, k, 1) }
          const b = { ...matrix(type, 'rows', k * size, n, 2) }
          const c = { data: new arrays[type](size * m * n).fill(77), start: 0, rowStride: n }
          const batch = [
            { size: 1, a: 0, b: 0, c: 0 },
            { size, a: m * k, b: isShared ? 0 : k * n, c: m * n },
          ]
          const given = { m, n, k, a, b, c, batch }
          const expected = exact[type].run(given)
          const begins: number[] = []
          exact[type].run(given, 3, (tasks, begin) => {
            if (begin) for (let task = 0; task <= tasks; task++) begins.push(begin(task))
            return [[0, tasks]]
          })
          for (const [task, until] of begins.entries()) {
            const some = exact[type].run(given, 3, () => [[0, task]])
            expect(some.every((value, i) => value === (i < until ? expected[i] : 77))).toBe(true)
          }
          expect([begins[0] ?? 0, begins.at(-1) ?? size * m * n]).toEqual([0, size * m * n])
          said += begins.length
        }),
        runs(0.1),
      )
    })
    expect(said).toBeGreaterThan(0)
  })

  test('the same bits alone, as a row of a matrix, in a batch and in every layout', () => {
    const whole = product(type, 67, 45, 300)
    for (const runner of [exact[type], fused[type]]) {
      const expected = runner.run(whole)
      for (const m of [1, 2, 5, 20, 66]) {
        const rows = runner.run({ ...whole, m })
        expect(rows.subarray(2, 2 + m * 45)).toEqual(expected.subarray(2, 2 + m * 45))
      }
      for (const n of [1, 7, 8, 40]) {
        const columns = runner.run({ ...whole, n })
        for (let i = 0; i < 67; i++)
          expect(columns.subarray(2 + i * 45, 2 + i * 45 + n)).toEqual(expected.subarray(2 + i * 45, 2 + i * 45 + n))
      }
      const turned = { data: whole.b.data.slice(), start: 0, rowStride: 1, columnStride: 300 }
      for (let p = 0; p < 300; p++) for (let j = 0; j < 45; j++) turned.data[j * 300 + p] = whole.b.data[p * 45 + j]
      expect(runner.run({ ...whole, b: turned })).toEqual(expected)
      expect(runner.run({ ...whole, m: 1, b: turned }).subarray(2, 47)).toEqual(expected.subarray(2, 47))
    }
  })

  test('packing changes no bit', () => {
    const given = product(type, 40, 70, 300, ['columns', 'rows'], { accumulate: true })
    const expected = fused[type].run(given)
    for (const packA of [0, 1e9]) {
      for (const packB of [0, 1e9]) {
        withLimits({ packA, packB, cached: 0 }, () => expect(fused[type].run(given)).toEqual(expected))
      }
    }
  })

  test('an activation comes last, once', () => {
    const runner = new GemmRunner(type, { activation: relu(type) })
    const bias = { data: noise(type, 21, 4), start: 0, stride: 1 }
    for (const [m, n, k] of [
      [9, 21, 600],
      [1, 21, 300],
      [9, 21, 0],
    ] as const) {
      const given = product(type, m, n, k, ['rows', 'rows'], { bias })
      expect(runner.run(given)).toEqual(reference(given, rounds[type], (x) => Math.max(x, 0)))
    }
    const column = product(type, 21, 1, 300, ['rows', 'rows'], { bias })
    expect(runner.run(column)).toEqual(reference(column, rounds[type], (x) => Math.max(x, 0)))
  })

  test('an activation may bring functions of its own', () => {
    const runner = new GemmRunner(type, {
      activation({ f, module }, x) {
        const { ops } = reals[type]
        const square = module.func('square', { params: { x: 'v128' }, result: 'v128' }, (g, p) => g.return(ops.mul(p.x, p.x)))
        return f.let(square.call({ x }))
      },
    })
    const given = product(type, 9, 21, 30)
    expect(runner.run(given)).toEqual(reference(given, rounds[type], (x) => rounds[type](x * x)))
  })

  test('infinities and NaN stay in their row and column', () => {
    const given = product(type, 10, 10, 10)
    given.a.data[3 * 10 + 4] = NaN
    given.b.data[2 * 10 + 7] = Infinity
    expect(differences(type, { ...given, bias: undefined })).toEqual([])
    const result = exact[type].run(given)
    for (let i = 0; i < 10; i++) {
      for (let j = 0; j < 10; j++) expect(Number.isFinite(result[2 + i * 10 + j])).toBe(i !== 3 && j !== 7)
    }
  })
})
