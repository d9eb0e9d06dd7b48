/**
 * Bugs that array libraries really had, each with where it was found: with the number that it has in bugs.test.ts;
 * on every backend.
 */
import { checkGradients, grad, GradientTape, vjp } from '@typegrad/autograd'
import {
  broadcastAll, concat, currentBackend, dtypes, einsum, full, IndexError, interpret, kernel, ones, random, reductions, ShapeError,
  tensor, Tensor, update, updateKernel, Variable, where, zeros, internals,
  type DType,
} from '@typegrad/tensor' // prettier-ignore
import { describe, expect, test } from 'vitest'
import { numbersFrom } from '../tensor/arrays.ts'
import { onEveryBackend, plainBackends } from '../tensor/backends.ts'

const f64 = (values: readonly number[]): Tensor => tensor(Float64Array.from(values))
const list = (x: Tensor): number[] => Array.from(x.toTypedArray())
const slopes = (f: (x: Tensor) => Tensor, at: readonly number[]): number[] => list(grad((x) => f(x).sum())(f64(at)))
const plus0 = (values: readonly number[]): number[] => values.map((v) => v + 0)

onEveryBackend(() => {
  test('bug 2: writes into an array of stride 0 (pytorch #957, #17935; burn #2091; numpy gh-2705)', () => {
    // `full` is one number with stride 0: what is updated is a copy of its own for each element.
    const w = new Variable(full([4], 1))
    const step = updateKernel(['w'], ['g'], { w: 'w * 2 + g' })
    update(step, { w }, { g: tensor([0, 1, 2, 3]) })
    update(step, { w }, { g: tensor([0, 1, 2, 3]) })
    expect(list(w.value)).toEqual([4, 7, 10, 13])
    const x = full([3], 0.5, { dtype: 'float64' })
    expect(list(x.cos().cos().cos())).toEqual(list(f64([0.5, 0.5, 0.5]).cos().cos().cos()))
    expect(list(x)).toEqual([0.5, 0.5, 0.5])
    expect(list(full([1, 3], 2).add(tensor([[1], [2]])))).toEqual([3, 3, 3, 4, 4, 4]) // prettier-ignore
  })

  test('bug 3: an output overlaps an input (numpy gh-6272, gh-10080, gh-15597; MLX #3880)', () => {
    // An update that reads views of what it writes: reversed, shifted, transposed.
    const rule = updateKernel(['w'], ['g'], { w: 'w + 10 * g' })
    const w = new Variable(tensor([[1, 2], [3, 4]])) // prettier-ignore
    update(rule, { w }, { g: w.value.transpose() })
    expect(list(w.value)).toEqual([11, 32, 23, 44])
    update(rule, { w }, { g: w.value.flip() })
    expect(list(w.value)).toEqual([451, 262, 343, 154])
    const v = new Variable(tensor([1, 2, 3, 4]))
    update(rule, { w: v }, { g: v.value.roll(1) })
    expect(list(v.value)).toEqual([41, 12, 23, 34])
    v.assign(v.value.flip())
    expect(list(v.value)).toEqual([34, 23, 12, 41])
    expect(list(v.value.sort().add(v.value))).toEqual([46, 46, 46, 82])
  })

  test('bug 4: a strided gradient is read as contiguous (flash-attention #355; candle #3735; pytorch #1246)', () => {
    const random = numbersFrom(1)
    const draw = (shape: readonly number[]): Tensor =>
      tensor(Float64Array.from({ length: shape.reduce((a, b) => a * b, 1) }, random), { shape })
    const ops: readonly [(...xs: Tensor[]) => Tensor, number[][]][] = [
      [(a, b) => a.matmul(b), [[3, 4], [4, 5]]],
      [(x, k) => x.conv(k, { padding: 'same' }), [[2, 5, 3], [3, 3, 2]]],
      [(x, k) => x.convTranspose(k, { strides: 2 }), [[1, 4, 2], [3, 3, 2]]],
      [(x) => x.softmax(), [[3, 4]]],
      [(x) => x.maxPool(2), [[1, 4, 4, 2]]],
      [(x) => x.cumprod(1), [[3, 4]]],
    ] // prettier-ignore
    for (const [f, shapes] of ops) {
      const { value, pullback } = vjp(f, ...shapes.map(draw))
      const line = draw(value.shape.slice(-1))
      const still = line.broadcastTo(value.shape)
      const turned = draw(value.shape.toReversed()).transpose()
      const backwards = draw(value.shape).flip()
      for (const dy of [still, turned, backwards]) {
        const flat = tensor(Float64Array.from(dy.toTypedArray()), { shape: dy.shape })
        expect(pullback(dy).map(list)).toEqual(pullback(flat).map(list))
      }
    }
  })

  test('bug 5: the gradient of broadcasting is not reduced (tfjs #8721; tensorflow #127690; deeplearning4j #5978)', () => {
    const { pullback } = vjp((a, b) => a.matmul(b), ones([2, 1, 2, 3]), ones([4, 3, 2]))
    const [da, db] = pullback(ones([2, 4, 2, 2]))
    expect([da.shape, db.shape, list(da)[0], list(db)[0]]).toEqual([[2, 1, 2, 3], [4, 3, 2], 8, 4]) // prettier-ignore
    const beta = vjp((x, b) => x.mul(b.mul(x).sigmoid()), ones([2, 3]), f64([1]))
    expect(beta.pullback(ones([2, 3]))[1].shape).toEqual([1])
  })

  test('bug 6: where leaks NaN from the side not taken (pytorch #23395, #68425; jax #347; tinygrad #12409)', () => {
    expect(slopes((x) => where(x.greater(0), x.sqrt(), x), [-4, 4])).toEqual([1, 0.25])
    expect(slopes((x) => where(x.greater(0), x.log(), 0), [-1, 0, 2])).toEqual([0, 0, 0.5])
    // 0 · NaN is NaN in a product's gradient, as in IEEE 754: what is masked is selected before it is computed with.
    const kept = tensor([true, false])
    const masked = (x: Tensor): Tensor => where(kept, x.sub(where(kept, f64([1, NaN]), 0)).square(), 0)
    expect(slopes(masked, [3, 7])).toEqual([4, 0])
  })

  test('bug 7: the gradient of prod by division (pytorch #773; tensorflow #3862, #119430; burn #5533)', () => {
    expect(slopes((x) => x.prod(), [2, 0, 3, 4])).toEqual([0, 24, 0, 0])
    expect(slopes((x) => x.prod(), [2, 0, 0, 3])).toEqual([0, 0, 0, 0])
    expect(slopes((x) => x.cumprod(), [0, 2, 3])).toEqual([9, 0, 0])
    expect(slopes((x) => x.reshape([2, 2]).prod(0), [2, 0, 3, 4])).toEqual([3, 4, 2, 0])
  })

  test('bug 8: norm, std and sqrt at 0 (pytorch #2421; autograd #151; tensorflow #12071)', () => {
    for (const at of [
      [0, 0],
      [1e-19, 0],
      [1e-30, 1e-30],
      [5e-324, 0],
    ]) {
      // prettier-ignore
      for (const f of [(x: Tensor) => x.norm(), (x: Tensor) => x.std(), (x: Tensor) => x.variance()])
        expect(slopes(f, at).every(Number.isFinite)).toBe(true)
    }
    expect(slopes((x) => x.sqrt(), [0])).toEqual([0])
    const single = grad((x) => x.norm())(tensor([1e-40, 0]))
    expect(list(single).every(Number.isFinite)).toBe(true)
  })

  test('bug 9: a variable changes after it was saved for the backward pass (pytorch #14571, #178315; burn #5375)', () => {
    const w = new Variable(f64([2, 3]))
    const tape = new GradientTape()
    const view = w.value.slice([0, 1])
    const y = tape.run(() => w.mul(w).sum())
    w.assign(f64([100, 100]))
    expect(list(tape.gradient(y, w)!)).toEqual([4, 6])
    expect(list(view)).toEqual([2])
    const v = new Variable(f64([2, 3]))
    const again = new GradientTape()
    const z = again.run(() => v.exp().sum())
    update(updateKernel(['w'], [], { w: 'w + 1' }), { w: v }, {})
    expect(list(again.gradient(z, v)!)).toEqual([Math.exp(2), Math.exp(3)].map((e) => expect.closeTo(e, 12)))
  })

  test('bug 10: a row of softmax that is all masked (pytorch #41508; burn #4697, #5201)', () => {
    const mask = tensor([[true, true], [false, false]]) // prettier-ignore
    const attention = (x: Tensor): Tensor =>
      where(mask, x.reshape([2, 2]), -Infinity)
        .softmax()
        .mul(f64([1, 2]))
    expect(list(attention(f64([1, 1, 5, 7])))).toEqual([0.5, 1, 0, 0])
    expect(slopes(attention, [1, 1, 5, 7])).toEqual([expect.closeTo(-0.25), expect.closeTo(0.25), 0, 0])
  })

  test('bug 11: max, min, argmax and sort lose NaN (tinygrad #862; burn #4814)', () => {
    for (const dtype of ['float32', 'float64'] as const) {
      for (let n = 1; n <= 70; n++) {
        for (const at of new Set([0, n >> 1, n - 1])) {
          const values = Array.from({ length: n }, (_, i) => (i === at ? NaN : (i * 7) % 11))
          const x = tensor(values, { dtype })
          const both = [x, x.flip(), tensor(values.flatMap((v) => [v, 0]), { dtype }).slice([null, null, 2])] // prettier-ignore
          for (const [k, t] of both.entries()) {
            const place = k === 1 ? n - 1 - at : at
            expect([t.max().item(), t.min().item(), t.argmax().item(), t.argmin().item()]).toEqual([NaN, NaN, place, place])
            expect([t.sort().toTypedArray().at(-1), t.topk(1).values.item()]).toEqual([NaN, NaN])
            expect(list(t.relu())[place] + list(t.clip(0, 1))[place] + list(t.maximum(3))[place]).toBe(NaN)
          }
        }
      }
    }
    const image = tensor([1, NaN, 3, 4], { shape: [1, 4, 1] })
    expect(list(image.maxPool(2))).toEqual([NaN, 4])
  })

  test('bug 12: long sums drift (numpy #22956, #29772; jax #15068)', () => {
    const n = 2 ** 24 + 2 ** 10
    // One number with stride 0, and lines of it, so that no memory is asked for.
    for (const shape of [[n], [n / 2, 2], [2, n / 2]]) expect(ones(shape).sum().item()).toBe(n)
    expect(list(ones([n / 2, 2]).sum(0))).toEqual([n / 2, n / 2])
    expect(
      full([2 ** 20, 3], 0.1)
        .mean(0)
        .toArray(),
    ).toEqual([1, 1, 1].map(() => expect.closeTo(Math.fround(0.1), 8)))
    expect(
      ones([2 ** 27], { dtype: 'uint8' })
        .mean()
        .item(),
    ).toBe(1)
    const u = new random.Generator(1).uniform([2 ** 20, 2], { low: 250, high: 320 })
    const exact = [0, 1].map((column) => {
      const line = u.slice(null, column).toTypedArray()
      let sum = 0
      for (const value of line) sum += value
      return sum / line.length
    })
    list(u.mean(0)).forEach((mean, i) => expect(Math.abs(mean / exact[i] - 1)).toBeLessThan(1e-6))
    list(u.transpose().mean(1)).forEach((mean, i) => expect(Math.abs(mean / exact[i] - 1)).toBeLessThan(1e-6))
    // The naive sum in single precision, which stops at 2^24, shows that the check can fail.
    let naive = 0
    for (let i = 0; i < n; i++) naive = Math.fround(naive + 1)
    expect(naive).toBe(2 ** 24)
  })

  test('bug 13: sizes overflow (mlx #2681; numpy gh-7455; jax #5088; tfjs #1657)', () => {
    for (const shape of [
      [2 ** 16, 2 ** 15],
      [2 ** 16, 2 ** 16],
      [2 ** 27, 2 ** 26],
      [2 ** 32, 2 ** 32],
      [2 ** 11, 2 ** 11, 2 ** 11],
    ]) {
      // prettier-ignore
      expect(() => zeros(shape)).toThrow(ShapeError)
      expect(() => zeros([0]).reshape(shape)).toThrow(ShapeError)
    }
    expect(() => zeros([-1])).toThrow(ShapeError)
    expect(() => zeros([2, 3]).reshape([-2, -3])).toThrow(ShapeError)
    expect(() => ones([2 ** 16, 1]).add(ones([1, 2 ** 16]))).toThrow(ShapeError)
    const line = tensor(Float32Array.from({ length: 300 }, (_, i) => i))
    expect(list(line.take(tensor(Uint8Array.of(255, 200))))).toEqual([255, 200])
    expect(list(line.reshape([1, 300]).takeAlongAxis(tensor(Uint8Array.of(255), { shape: [1, 1] })))).toEqual([255])
    expect(ones([40000]).slice([39990, 40000]).size).toBe(10)
  })

  test('bug 14: integers pass through floats (tfjs #5641, #7448; gpu.js #167)', () => {
    const edges = [2 ** 24 + 1, -(2 ** 24) - 1, 2 ** 31 - 1, -(2 ** 31)]
    const x = tensor(Int32Array.from(edges))
    expect(list(x.add(0))).toEqual(edges)
    expect(list(x.reshape([4, 1]).sum(1))).toEqual(edges)
    expect(list(x.take([3, 2, 1, 0]))).toEqual(edges.toReversed())
    expect(list(x.equal(tensor(Int32Array.from(edges.map((v) => (v > 0 ? v - 1 : v + 1))))))).toEqual([0, 0, 0, 0])
    expect(list(x.sort())).toEqual(edges.toSorted((a, b) => a - b))
    expect(x.slice([0, 2]).sum().item()).toBe(0)
    expect([
      x.max().item(),
      x.min().item(),
      tensor(Int32Array.of(2 ** 24, 1))
        .sum()
        .item(),
    ]).toEqual([2 ** 31 - 1, -(2 ** 31), 2 ** 24 + 1])
    expect(
      list(
        tensor(Int32Array.of(2 ** 24 + 1))
          .reshape([1, 1])
          .matmul(tensor(Int32Array.of(3)).reshape([1, 1])),
      ),
    ).toEqual([3 * (2 ** 24 + 1)])
  })

  test('bug 15: indices outside read something (tfjs #777, #1147; jax #2245, #10984)', () => {
    const x = tensor([[1, 2], [3, 4]]) // prettier-ignore
    for (const wrong of [2, -3, 2 ** 31]) {
      expect(() => x.take([wrong])).toThrow(IndexError)
      expect(() => x.takeAlongAxis([[wrong], [0]])).toThrow(IndexError)
      expect(() => x.gatherNd([[wrong, 0]])).toThrow(IndexError)
      expect(() => x.scatterUpdate([[wrong]], 1)).toThrow(IndexError)
      expect(() => x.slice(wrong)).toThrow(IndexError)
    }
    expect(list(x.take([-1, 0]))).toEqual([3, 4, 1, 2])
    expect(list(tensor(Int32Array.of(-1, 2, 1)).oneHot(2))).toEqual([0, 0, 0, 0, 0, 1])
  })

  test('bug 20: convolutions whose strides leave elements over (burn #4799; pytorch #51430; MLX #3082)', () => {
    const random = numbersFrom(4)
    const draw = (...shape: number[]): Tensor =>
      tensor(
        Float64Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => random() - 0.5),
        { shape },
      )
    for (const strides of [1, 2, 3, 4]) {
      for (const dilationRate of [1, 2]) {
        for (const padding of ['valid', 'same', [[2, 1]]] as const) {
          for (const groups of [1, 2]) {
            const f = (x: Tensor, k: Tensor): Tensor => x.conv(k, { strides, dilationRate, padding, groups })
            expect(checkGradients(f, [draw(1, 8, 2), draw(3, 2 / groups, 2)])).toBeLessThan(1e-6)
          }
        }
      }
      expect(checkGradients((x, k) => x.convTranspose(k, { strides }), [draw(1, 3, 2), draw(3, 1, 2)])).toBeLessThan(1e-6)
    }
    expect(checkGradients((x, k) => x.conv(k, { strides: [2, 3] }), [draw(1, 6, 5, 1), draw(3, 2, 1, 2)])).toBeLessThan(1e-6)
  })

  test('bug 21: pooling and padding (ocannl #512; mxnet #6191; tensorflow #10216)', () => {
    const negative = tensor([-5, -3, -4, -9], { shape: [1, 4, 1] })
    expect(list(negative.maxPool(3, { padding: 'same', strides: 1 }))).toEqual([-3, -3, -3, -4])
    expect(list(negative.averagePool(3, { padding: 'same', strides: 1 }))).toEqual([-4, -4, expect.closeTo(-16 / 3, 5), -6.5])
    const tie = (x: Tensor): Tensor => x.reshape([1, 4, 1]).maxPool(2, { strides: 1 })
    expect(slopes(tie, [1, 7, 7, 2])).toEqual([0, 2, 1, 0])
  })

  test('bug 22: arrays without elements (burn #5334; jax #22886; numpy gh-25840)', () => {
    const empty = zeros([0, 3])
    expect(empty.add(ones([1, 3])).shape).toEqual([0, 3])
    expect(zeros([2, 0]).add(ones([2, 1])).shape).toEqual([2, 0])
    expect([empty.sum().item(), empty.prod().item(), empty.mean().item()]).toEqual([0, 1, NaN])
    expect([list(empty.sum(0)), list(empty.prod(0)), list(empty.any(0)), list(empty.all(0))]).toEqual([[0, 0, 0], [1, 1, 1], [0, 0, 0], [1, 1, 1]]) // prettier-ignore
    expect(() => empty.max()).toThrow(ShapeError)
    expect(empty.sort(0).shape).toEqual([0, 3])
    expect(empty.reshape([3, 0, 2]).shape).toEqual([3, 0, 2])
    expect(empty.booleanMask(zeros([0], { dtype: 'bool' })).shape).toEqual([0, 3])
    expect(list(empty.transpose().matmul(empty))).toEqual(Array.from({ length: 9 }, () => 0))
    const [dx] = vjp(
      (x) =>
        x
          .matmul(ones([3, 2]))
          .softmax()
          .sum(),
      empty,
    ).pullback(1)
    expect(dx.shape).toEqual([0, 3])
    expect(() => broadcastAll([zeros([0]), zeros([3])])).toThrow(ShapeError)
  })

  test('bug 25: powers at 0 and of negative numbers (jax #12033, #14397; tinygrad #1151)', () => {
    for (const n of [0, 1, 2, 3, -1]) {
      for (const x of [-2, 3]) expect(slopes((t) => t.pow(n), [x])[0]).toBeCloseTo(n * x ** (n - 1), 12)
    }
    expect([0, 1, 2, 3].map((n) => slopes((t) => t.pow(n), [0])[0])).toEqual([0, 1, 0, 0])
    expect(plus0(slopes((b) => f64([0]).pow(b), [0, 1, 2]))).toEqual([0, 0, 0])
    expect([1, 2, 3].map((n) => slopes((t) => grad((u) => u.pow(n).sum())(t), [0])[0] + 0)).toEqual([0, 2, 0])
    expect(list(tensor([3], { dtype: 'float32' }).pow(2))).toEqual([9])
    expect(list(tensor(Int32Array.of(-2, 3)).pow(tensor(Int32Array.of(31, 20))))).toEqual([-(2 ** 31), 3486784401 | 0])
    expect(slopes((x) => x.pow(0.5), [4])).toEqual([0.25])
  })

  test('bug 26: variances below 0 (jax #30426, #37281)', () => {
    for (const at of [1e4, -1e4, 1e6, 1e8, -11]) {
      const x = tensor([at, at, at].map((v) => v + 3e-6))
      expect(x.variance().item()).toBe(0)
      expect(list(x.sub(x.mean()).div(x.std().add(1e-3))).every(Number.isFinite)).toBe(true)
      expect(slopes((t) => t.sub(t.mean()).div(t.variance().add(1e-6).sqrt()), [at, at, at]).every(Number.isFinite)).toBe(true)
    }
  })

  test('bug 27: huge numbers under a mask (jax #19490)', () => {
    const scores = (x: Tensor): Tensor => where([true, false, true], x, -Infinity).softmax()
    expect(slopes((x) => scores(x).slice(0), [0, 1e4, 0])).toEqual([0.25, 0, -0.25])
  })

  test('bug 28: logsumexp at its edges (jax #5370, #7634; scipy #22903)', () => {
    expect(f64([-Infinity, -Infinity]).logsumexp().item()).toBe(-Infinity)
    expect(f64([Infinity, 1]).logsumexp().item()).toBe(Infinity)
    expect(f64([1000, 1000]).logsumexp().item()).toBeCloseTo(1000 + Math.LN2, 12)
    expect(f64([]).logsumexp().item()).toBe(-Infinity)
    expect(f64([NaN, 1]).logsumexp().item()).toBe(NaN)
    expect(slopes((x) => x.logsumexp(), [-Infinity, 0, 0])).toEqual([0, 0.5, 0.5])
  })

  test('bug 29: kernels share code that they should not (MLX #3832, #3201; tinygrad #4562)', () => {
    // Kernels that differ in one number, operator, order, layout or dtype, run in turns: none may get the code of another.
    const texts = [
      'a * 2 + b',
      'a * 3 + b',
      'a * 2 - b',
      'b * 2 + a',
      'a * -2 + b',
      'a * 2.0000001 + b',
      '(a + b) * 2',
      'exp(a) + b',
      'exp(a) - b',
      'exp(b) + a',
      'a > b ? a : 0',
      'a >= b ? a : 0',
      'a > b ? b : 0',
      'a + -0',
      'a + 0',
    ]
    const kernels = texts.map((text) => kernel(['a', 'b'], { y: text }))
    expect(new Set(kernels.map(({ key }) => key)).size).toBe(texts.length)
    const [a, b] = [f64([1, -2, 0.5, 3]), f64([2, 0.25, 0.5, -1])]
    for (let turn = 0; turn < 2; turn++) {
      kernels.forEach((one, k) => {
        for (const [x, y] of [
          [a, b],
          [a.flip(), b],
          [a.slice(0).broadcastTo([4]), b],
          [a, b.slice(1).broadcastTo([4])],
        ]) {
          // prettier-ignore
          const { buffer, offset } = currentBackend().allocate('float64', 4)
          const out = new Tensor(buffer, internals.contiguousLayout([4], offset), 'float64')
          currentBackend().elementwise(one, [x, y], [out], 'float64')
          const wanted = list(x).map((v, i) => interpret(one)([v, list(y)[i]])[0])
          list(out).forEach((v, i) => expect([texts[k], v]).toEqual([texts[k], expect.closeTo(wanted[i], 12)]))
        }
      })
    }
    for (const shape of [[1, 4], [4, 1], [1, 1], [2, 2]]) expect(ones(shape).sum(0).shape).toEqual(shape.slice(1)) // prettier-ignore
  })

  test('bug 30: views of memory that has grown (emscripten #6747, #8287)', () => {
    // Results that were made before the memory of the kernels grew are the same afterwards.
    const a = new random.Generator(1).uniform([40, 40])
    const before = a.matmul(a).exp()
    const values = list(before)
    const large = ones([700, 700]).mul(0.5)
    expect(large.matmul(large).slice(0, 0).item()).toBe(175)
    expect(ones([3_000_000]).mul(0).exp().slice(-1).item()).toBe(1)
    expect(list(before)).toEqual(values)
    expect(list(a.matmul(a).exp())).toEqual(values)
  })

  test('bug 37: signed zeros and floor division (numpy gh-21211; jax #37752)', () => {
    const zero = tensor([-0])
    for (const x of [zero.add(-0), zero.mul(1), zero.sub(0), zero.abs().neg(), zero.sqrt(), zero.reshape([1, 1]), concat([zero])])
      expect(Object.is(list(x)[0], -0)).toBe(true)
    expect(Object.is(list(zero.add(0))[0], 0)).toBe(true)
    const table: readonly [number, number, number, number][] = [
      [7, -2, -4, -1], [-7, 2, -4, 1], [1, 0, Infinity, NaN], [-1, 0, -Infinity, NaN], [0, 0, NaN, NaN], [5, Infinity, 0, 5],
      [-5, Infinity, -1, Infinity], [5, -Infinity, -1, -Infinity], [Infinity, 2, NaN, NaN], [1, 0.1, 9, 1 - 9 * 0.1],
    ] // prettier-ignore
    for (const [a, b, quotient, remainder] of table) {
      expect(f64([a]).floorDivide(b).item()).toBe(quotient)
      const rest = f64([a]).mod(b).item()
      expect(Object.is(rest, remainder) || Math.abs(rest - remainder) < 1e-12).toBe(true)
    }
    expect(list(tensor(Int32Array.of(7, -7, 7, -7)).floorDivide(tensor(Int32Array.of(2, 2, -2, -2))))).toEqual([3, -4, -4, 3])
    expect(list(tensor(Int32Array.of(5)).floorDivide(tensor(Int32Array.of(0))))).toEqual([0])
  })

  test('bug 38: biased and broken random numbers (numpy gh-14774, gh-24266; jax #17922)', () => {
    const counts = list(new random.Generator(3).integers([60_000], { high: 6 }).bincount())
    const chi = counts.reduce((sum, count) => sum + (count - 10_000) ** 2 / 10_000, 0)
    expect(chi).toBeLessThan(25)
    const generator = new random.Generator(9)
    for (const x of [
      generator.normal([200_000]),
      generator.beta([20_000], { alpha: 1e-3, beta: 1e-3 }),
      generator.gamma([20_000], { alpha: 1e-2 }),
      generator.gumbel([100_000]),
    ])
      expect(x.isfinite().all().item()).toBe(1)
  })

  test('bug 40: gradients of what is unused, repeated or an integer (MLX #3629, #3634; jax #1907)', () => {
    const f = (x: Tensor, unused: Tensor): Tensor => x.mul(x).sum().add(unused.stopGradient().sum())
    const [dx, du] = vjp(f, f64([1, 2]), f64([3])).pullback(1)
    expect([list(dx), list(du)]).toEqual([[2, 4], [0]])
    expect(list(grad((x) => x.matmul(x.transpose()).sum())(f64([1, 2]).reshape([1, 2])))).toEqual([2, 4])
    expect(list(grad((x) => x.split(2)[1].sum())(f64([1, 2])))).toEqual([0, 1])
    expect(list(grad((x) => x.stopGradient().mul(x).sum())(f64([3])))).toEqual([3])
    expect(list(grad((x, i) => x.take(i).sum())(f64([1, 2, 3]), Int32Array.of(1, 1)))).toEqual([0, 2, 0])
    expect(grad(() => f64([7]).sum())(f64([1, 2])).toArray()).toEqual([0, 0])
  })

  test('bug 41: promotion of dtypes (keras #21677; jax #31396)', () => {
    const rank = (dtype: DType): number => dtypes.indexOf(dtype)
    for (const a of dtypes) {
      for (const b of dtypes) {
        const [x, y] = [ones([1], { dtype: a }), ones([1], { dtype: b })]
        const wider = rank(a) > rank(b) ? a : b
        const number = wider === 'bool' ? 'int32' : wider
        expect([x.add(y).dtype, x.mul(y).dtype, x.maximum(y).dtype]).toEqual([number, number, wider])
        expect(x.div(y).dtype).toBe(rank(wider) < rank('float32') ? 'float32' : wider)
      }
      expect(ones([1], { dtype: a }).mul(2).dtype).toBe(a === 'bool' ? 'int32' : a)
      expect(ones([1], { dtype: a }).mul(0.5).dtype).toBe(a === 'float64' ? 'float64' : 'float32')
    }
    expect(list(tensor(Int32Array.of(7)).div(tensor(Int32Array.of(2))))).toEqual([3.5])
    expect(list(tensor([true, true]).sum(undefined, { keepdims: true }))).toEqual([2])
    expect(list(tensor(Uint8Array.of(250)).add(tensor(Uint8Array.of(10))))).toEqual([4])
    expect(Object.keys(reductions).length).toBeGreaterThan(7)
  })

  test('bug 42: einsum of lengths 1 and dots (numpy gh-10343, gh-10899, gh-5946)', () => {
    const [a, b] = [f64([1, 2, 3]).reshape([3, 1]), f64([1, 10]).reshape([1, 2])]
    expect(list(einsum('ij,ij->ij', a, b))).toEqual([1, 10, 2, 20, 3, 30])
    expect(list(einsum('ij,ij', a, b))).toEqual([66])
    expect(list(einsum('...i,...i->...', ones([2, 3]), f64([1, 2, 3])))).toEqual([6, 6])
    expect(list(einsum('i...->...', a))).toEqual([6])
    expect(einsum('ij,jk->ik', tensor([[true]]), tensor([[true]])).dtype).toBe('int32')
  })
}, plainBackends)

describe('checks that can fail', () => {
  test("bug 44: tests that cannot fail (tfjs' areClose; jax's loggamma)", async () => {
    const { expectClose } = await import('../tensor/close.ts')
    const { Naive } = await import('../tensor/naive.ts')
    const close =
      (a: number, b: number): (() => void) =>
      () =>
        expectClose(new Naive([1], [a]), new Naive([1], [b]), 'float64', { tolerance: { float32: 1e-6, float64: 1e-12 } })
    for (const [a, b] of [[NaN, Infinity], [Infinity, -Infinity], [1, NaN], [NaN, 1], [1, 1 + 1e-9], [0, 1e-300]]) expect(close(a, b)).toThrow(/element 0 of shape/) // prettier-ignore
    for (const v of [NaN, Infinity, 1, 0]) expect(close(v, v)).not.toThrow()
    expect(() => checkGradients((x) => x.stopGradient().mul(x), [f64([1, 2])])).toThrow(/differences/)
  })
})
