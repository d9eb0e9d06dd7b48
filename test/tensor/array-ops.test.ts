/** Array ops beyond what NumPy's golden file says: all dtypes, what belongs together, float32, and what is refused. */
import {
  allclose,
  fft,
  IndexError,
  interp,
  linalg,
  meshgrid,
  resize,
  scatter,
  ShapeError,
  tensor,
  ValueError,
  zeros,
  type Tensor,
} from '@typegrad/tensor'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { allDTypes, anyArray, build, dtype, naiveOf, numbersFrom, read } from './arrays.ts'
import { onEveryBackend } from './backends.ts'
import { runs } from './properties.ts'

const matrixOf = (seed: number, shape: readonly number[], type: 'float32' | 'float64'): Tensor => {
  const random = numbersFrom(seed)
  const size = shape.reduce((a, b) => a * b, 1)
  return tensor(Float64Array.from({ length: size }, () => random() * 2 - 1), { shape, dtype: type }) // prettier-ignore
}
const distance = (a: Tensor, b: Tensor): number => a.sub(b).abs().max().item()
const t = (a: Tensor): Tensor => a.swapaxes(-1, -2)
const one = (n: number): Tensor => tensor(Float64Array.from({ length: n }, () => 1)).diag()

onEveryBackend(() => {
  test('round takes decimals as in NumPy', () => {
    expect(tensor([0.93024, -1.005, 2.5], { dtype: 'float64' }).round(2).toArray()).toEqual([0.93, -1, 2.5])
    expect(String(tensor([[0.93024, 0.0685, 0.00127]]).round(2))).toBe('[[0.93 0.07 0.  ]]')
    const integers = tensor([16_777_251, -49, 150], { dtype: 'int32' })
    expect(integers.round(-2).toArray()).toEqual([16_777_300, 0, 200])
    expect(integers.round(3).toArray()).toEqual(integers.toArray())
    expect([integers.round(-2).dtype, tensor([2.5, 3.5]).round().toArray()]).toEqual(['int32', [2, 4]])
    expect(() => tensor([1]).round(0.5)).toThrow(ValueError)
  })

  describe('putting elements elsewhere', () => {
    test('roll there and back, repeat and take apart, chunk and put together: all dtypes and layouts', async () => {
      await fc.assert(
        fc.asyncProperty(
          anyArray(undefined, 3).filter(({ shape }) => shape.length > 0),
          dtype,
          fc.integer({ min: -5, max: 5 }),
          async (array, type, by) => {
            const x = build(array, type)
            const elements = naiveOf(array, type)
            expect(await read(x.roll(by, 0).roll(-by, 0))).toEqual(elements)
            expect(await read(x.roll(by).roll(-by))).toEqual(elements)
            const back = x.repeat(3, -1).slice(...array.shape.slice(1).map(() => null), [null, null, 3])
            expect([back.dtype, await read(back)]).toEqual([type, elements])
            expect(x.chunk(2).map((part) => part.dtype)).toEqual(x.chunk(2).map(() => type))
            const parts = await Promise.all(x.chunk(3).map(async (part) => (await read(part)).values))
            expect(parts.flat()).toEqual(elements.values)
            const slices = await Promise.all(x.unstack().map(async (part) => (await read(part)).values))
            expect(slices.flat()).toEqual(elements.values)
            expect((await read(x.diag().diagonal())).values).toEqual(elements.values)
          },
        ),
      )
    })

    test('triangles keep what they keep, NaN too, and clear the rest', async () => {
      const x = tensor([[1, NaN], [NaN, Infinity]]) // prettier-ignore
      expect((await read(x.tril(-1))).values).toEqual([0, 0, NaN, 0])
      expect((await read(x.triu(1))).values).toEqual([0, NaN, 0, 0])
      expect(allDTypes.map((type) => tensor([[1]], { dtype: type }).tril().dtype)).toEqual(allDTypes)
    })

    test('meshgrid in both orders', async () => {
      const [x, y] = meshgrid([tensor([1, 2, 3]), tensor([4, 5])])
      expect([x.toArray(), y.toArray()]).toEqual([[[1, 2, 3], [1, 2, 3]], [[4, 4, 4], [5, 5, 5]]]) // prettier-ignore
      const [i, j] = meshgrid([tensor([1, 2]), tensor([4, 5, 6])], { indexing: 'ij' })
      expect([i.toArray(), j.toArray()]).toEqual([[[1, 1, 1], [2, 2, 2]], [[4, 5, 6], [4, 5, 6]]]) // prettier-ignore
    })

    test('scatterUpdate: the last of several updates wins; NaN wins a max and a min', async () => {
      const x = zeros([3])
      expect((await read(x.scatterUpdate([[1], [1]], [5, 7]))).values).toEqual([0, 7, 0])
      for (const reduction of ['max', 'min'] as const) {
        expect((await read(x.scatterUpdate([[0], [0], [2]], [1, NaN, -1], { reduction }))).values).toEqual([
          NaN,
          0,
          reduction === 'max' ? 0 : -1,
        ])
      }
      expect((await read(scatter([[0, 1], [1, 0], [0, 1]], [1, 2, 3], [2, 2]))).values).toEqual([0, 4, 2, 0]) // prettier-ignore
      expect(
        (await read(tensor([1, 2], { dtype: 'int32' }).scatterUpdate([[0]], [2 ** 31 - 1], { reduction: 'add' }))).values,
      ).toEqual([-(2 ** 31), 2])
    })

    test('resize keeps the dtype, rounds integers and keeps a constant', async () => {
      const x = tensor([0, 255, 0, 255], { shape: [1, 2, 2, 1], dtype: 'uint8' })
      for (const interpolation of ['nearest', 'bilinear', 'bicubic', 'lanczos3', 'lanczos5'] as const) {
        expect(resize(x, [3, 5], { interpolation }).dtype).toBe('uint8')
        const flat = resize(tensor([3, 3, 3], { shape: [1, 3, 1], dtype: 'float64' }), [7], { interpolation, antialias: true })
        for (const value of flat.toTypedArray()) expect(value).toBeCloseTo(3, 12)
      }
    })

    test('resize of integers that float32 does not hold, up to the ends of the range', async () => {
      for (const value of [2 ** 24 + 1, 2 ** 31 - 1, -(2 ** 31)]) {
        const x = tensor([value, value], { shape: [1, 2, 1], dtype: 'int32' })
        expect((await read(resize(x, [3]))).values).toEqual([value, value, value])
      }
    })
  })

  describe.each(['float32', 'float64'] as const)('linear algebra in %s: parts make the whole again', (type) => {
    const near = type === 'float64' ? 1e-12 : 1e-5
    test.each([
      [1, 1],
      [3, 3],
      [5, 2],
      [2, 5],
      [30, 30],
    ])('%i × %i', (m, n) => {
      // prettier-ignore
      fc.assert(
        fc.property(fc.integer(), (seed) => {
          const a = matrixOf(seed, [2, m, n], type)
          const { q, r } = linalg.qr(a)
          expect([q.dtype, distance(q.matmul(r), a) < near, distance(t(q).matmul(q), one(Math.min(m, n))) < near]).toEqual([type, true, true])
          expect(distance(r, r.triu())).toBe(0)
          const { u, s, vt } = linalg.svd(a)
          expect(distance(u.mul(s.expandDims(-2)).matmul(vt), a)).toBeLessThan(near * 4)
          expect(distance(t(u).matmul(u), one(Math.min(m, n)))).toBeLessThan(near)
          expect(distance(s, s.sort(-1, { descending: true }))).toBe(0)
          const p = linalg.pinv(a)
          // What rounding does to an inverse grows with the ratio of the singular values.
          const condition = Math.max(...s.slice(null, 0).div(s.slice(null, -1)).toTypedArray())
          expect(distance(a.matmul(p).matmul(a), a)).toBeLessThan(near * Math.max(10, condition / 5))
          const definite = a.matmul(t(a)).add(one(m).cast(type))
          const l = linalg.cholesky(definite)
          expect(distance(l.matmul(t(l)), definite)).toBeLessThan(near * 30)
          const { values, vectors } = linalg.eigh(definite)
          expect(distance(vectors.mul(values.expandDims(-2)).matmul(t(vectors)), definite)).toBeLessThan(near * 30)
          expect(distance(definite.matmul(linalg.inv(definite)), one(m))).toBeLessThan(near * 100)
          expect(distance(definite.matmul(linalg.solve(definite, a)), a)).toBeLessThan(near * 100)
        }),
        runs(0.05),
      )
    })
  })

  test('matrices of rank less than full: orthonormal U, zeros among the singular values, cofactors as the gradient of det', () => {
    const a = tensor([[1, 2, 3], [2, 4, 6], [3, 6, 9]], { dtype: 'float64' }) // prettier-ignore
    const { u, s } = linalg.svd(a)
    expect(distance(t(u).matmul(u), one(3))).toBeLessThan(1e-14)
    expect(s.toArray()).toEqual([expect.closeTo(14, 12), expect.closeTo(0, 12), expect.closeTo(0, 12)])
    expect(linalg.matrixRank(a).item()).toBe(1)
    expect(linalg.svd(zeros([3, 2])).u.toArray()).toEqual([[1, 0], [0, 1], [0, 0]]) // prettier-ignore
    expect(linalg.det(tensor([[1, 2], [2, 4]])).item()).toBeCloseTo(0) // prettier-ignore
    expect(linalg.slogdet(zeros([2, 2])).logdet.item()).toBe(-Infinity)
  })

  test('large and small numbers do not overflow on the way', () => {
    const a = matrixOf(3, [4, 3], 'float64')
    for (const scale of [1e200, 1e-200]) {
      const { q, r } = linalg.qr(a.mul(scale))
      expect(distance(q.matmul(r).div(scale), a)).toBeLessThan(1e-14)
    }
    expect(linalg.slogdet(one(400).mul(1e-3)).logdet.item()).toBeCloseTo(400 * Math.log(1e-3), 8)
  })

  test('no matrices, and matrices without elements', () => {
    expect(linalg.inv(zeros([0, 2, 2])).shape).toEqual([0, 2, 2])
    expect(linalg.inv(zeros([3, 0, 0])).shape).toEqual([3, 0, 0])
    expect(linalg.det(zeros([2, 0, 0])).toArray()).toEqual([1, 1])
    expect(linalg.svd(zeros([2, 0, 3])).vt.shape).toEqual([2, 0, 3])
    expect(linalg.qr(zeros([2, 3, 0])).q.shape).toEqual([2, 3, 0])
  })

  test('the transform of the transform, energy, and a shift as a turn', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 300 }), fc.integer(), (n, seed) => {
        const [re, im] = [matrixOf(seed, [n], 'float64'), matrixOf(seed + 1, [n], 'float64')]
        const forward = fft.fft([re, im])
        const [a, b] = fft.ifft(forward)
        expect(Math.max(distance(a, re), distance(b, im))).toBeLessThan(1e-13)
        const energy = (parts: readonly Tensor[]): number => parts.reduce((sum, part) => sum + part.square().sum().item(), 0)
        expect(energy(forward) / n / energy([re, im])).toBeCloseTo(1, 12)
        expect(distance(fft.irfft(fft.rfft(re), { n }), re)).toBeLessThan(1e-13)
        const [all] = fft.fft(re)
        expect(distance(all.slice([0, Math.floor(n / 2) + 1]), fft.rfft(re)[0])).toBe(0)
      }),
    )
  })
})

describe('what is refused', () => {
  const square = zeros([2, 2])
  const rows: readonly [string, () => unknown, new (...args: any[]) => Error, RegExp][] = [
    ['a singular matrix', () => linalg.inv(square), ValueError, /linalg.inv: the matrix is singular/],
    ['a singular one in a batch', () => linalg.solve(tensor([[[1]], [[0]]]), tensor([[1]])), ValueError, /linalg.solve: matrix 1 of the batch \[2\] is singular/],
    ['a matrix that is not definite', () => linalg.cholesky(tensor([[1, 2], [2, 1]])), ValueError, /not positive definite: pivot 1 is -3/],
    ['a zero on the diagonal', () => linalg.solveTriangular(tensor([[1, 2], [0, 0]]), [1, 2]), ValueError, /element 1 of its diagonal is 0/],
    ['a matrix that is not square', () => linalg.det(zeros([2, 3])), ShapeError, /linalg.det: shape \[2, 3\], expected square/],
    ['NaN in a decomposition', () => linalg.svd(tensor([[NaN]])), ValueError, /not finite/],
    ['an unknown norm', () => linalg.norm(square, { ord: 7 }), ValueError, /ord 7 for matrices/],
    ['systems that do not fit', () => linalg.solve(square, [1, 2, 3]), ShapeError, /\[2, 2\] and \[3\]/],
    ['complex parts that differ', () => fft.fft([zeros([2]), zeros([3])]), ShapeError, /differ/],
    ['a length of 0', () => fft.fft(zeros([0])), ValueError, /length 0/],
    ['an unknown padding', () => square.pad(1, 'mirror' as 'edge'), ValueError, /mode 'mirror'/],
    ['padding of nothing', () => zeros([0]).pad(1, 'edge'), ValueError, /no elements to continue/],
    ['an index outside', () => square.gatherNd([[0, 2]]), IndexError, /index 2 .* outside axis 1 of length 2/],
    ['an update outside', () => square.scatterUpdate([[-3]], 1), IndexError, /index -3/],
    ['updates of another shape', () => square.scatterUpdate([[0]], [1, 2, 3]), ShapeError, /do not broadcast|expected \[1, 2\]/],
    ['a mask of another shape', () => square.booleanMask([true, false, true]), ShapeError, /mask \[3\] for shape \[2, 2\]/],
    ['a count of negative numbers', () => tensor([-1], { dtype: 'int32' }).bincount(), ValueError, /holds -1/],
    ['a count of fractions', () => tensor([0.5]).bincount(), Error, /bincount: x is float32/],
    ['more bins than a tensor has elements', () => tensor([1]).histogram({ bins: 1e12 }), ShapeError, /more than/],
    ['bins out of order', () => tensor([1]).histogram({ bins: [1, 0] }), ValueError, /ascending/],
    ['a share above 1', () => tensor([1]).quantile(1.5), ValueError, /shares from 0 to 1/],
    ['a percentile above 100', () => tensor([1]).percentile(101), ValueError, /percentile: q 101, expected numbers from 0 to 100/],
    ['covariances of tensors', () => zeros([2, 2, 2]).cov(), ShapeError, /cov: shape \[2, 2, 2\], expected a vector or a matrix/],
    ['covariances of one observation', () => zeros([2, 1]).cov(), ValueError, /1 observations and ddof 1, expected more/],
    ['a product across of vectors of 2', () => zeros([2]).cross([1, 2]), ShapeError, /vectors of 3 along the last axis/],
    ['a turn within one axis', () => zeros([2, 2]).rot90(1, [0, -2]), ValueError, /expected an integer and two axes/],
    ['a line through points without heights', () => interp([0], [1, 2], [1]), ShapeError, /xp \[2\] and fp \[1\]/],
    ['the median of nothing', () => zeros([0]).median(), ShapeError, /no elements/],
    ['repeats that do not fit', () => square.repeat([1, 2, 3], 0), ValueError, /one or 2/],
    ['as many chunks as none', () => square.chunk(0), ValueError, /positive/],
    ['a fraction as a shift', () => square.roll(0.5), ValueError, /integers/],
    ['tensors of lengths that differ', () => square.tensordot(zeros([3]), 1), ShapeError, /lengths differ/],
    ['images of another rank', () => resize(square, [3]), ShapeError, /spatial/],
  ] // prettier-ignore
  test.each(rows)('%s', (_, f, type, message) => {
    expect(f).toThrow(type)
    expect(f).toThrow(message)
  })
})

test('allclose is isclose everywhere, and of nothing true', () => {
  expect([allclose([1, 2], [1, 2 + 1e-7]), allclose([1, 2], 3), allclose(zeros([0]), 1)]).toEqual([true, false, true])
  expect([allclose([NaN], [NaN]), allclose([NaN], [NaN], { equalNan: true })]).toEqual([false, true])
  expect(
    tensor([2 ** 30, 1], { dtype: 'int32' })
      .isclose(tensor([2 ** 30 + 1, 2], { dtype: 'int32' }))
      .toArray(),
  ).toEqual([true, false])
})
