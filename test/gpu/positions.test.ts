import fc from 'fast-check'
import { setBackend, tensor } from '@typegrad/tensor'
import { useBackend } from '@typegrad/gpu'
import { expect, test } from 'vitest'
import { KernelText } from '../../packages/gpu/src/kernel-text.ts'
import { engineForTests } from '../../packages/gpu/src/use-backend.ts'
import { onEveryMode } from './modes.ts'

const runs = { numRuns: 30 }
/** From here on, a position that is kept as a float is wrong. */
const exact = 2 ** 24

// One array for all modes: 64 MB.
const data = new Float32Array(exact + 64)
for (let i = exact - 64; i < data.length; i++) data[i] = i - exact

onEveryMode((mode) => {
  // In mode webasm, gpu.js keeps the variables of loops as floats: such positions are wrong there, and nobody computes in it.
  test.skipIf(mode.options.mode === 'webasm')('a view that lies beyond 2^24 is read exactly', async () => {
    await useBackend('gpu', mode.options)
    const x = await tensor(data).to('gpu')
    const odd = x.slice([exact + 1, exact + 40, 3]).add(0)
    const back = x.slice([exact + 9, exact + 5, -1]).matmul(tensor([[1], [10], [100], [1000]]))
    const picked = x.reshape([2, exact / 2 + 32]).take(tensor([exact / 2 + 31, exact / 2 + 30], { dtype: 'int32' }), 1)
    setBackend('cpu')
    expect([...(await odd.data())]).toEqual([1, 4, 7, 10, 13, 16, 19, 22, 25, 28, 31, 34, 37])
    expect([...(await back.data())]).toEqual([9 + 80 + 700 + 6000])
    expect([...(await picked.data())]).toEqual([0, 0, 63, 62])
  })

  test('a position is taken apart exactly, up to 2^31', async () => {
    const { runtime } = engineForTests()
    const text = new KernelText('1')
    text.integers('from', 'n')
    text.library.add('f_quotient')
    const position = 'from + this.thread.x'
    text.lines(`const q = f_quotient(${position}, n);`, `return q + (${position} - (q | 0) * n) * 0.0009765625;`)
    const kernel = runtime.compile('quotient', text.finish())
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: -1000, max: 2 ** 31 - 100 }), fc.integer({ min: 1, max: 1000 }), async (from, n) => {
        // Quotients are exact below 2^24; with the remainder behind the point they have to be smaller.
        fc.pre(Math.abs(from / n) < 2 ** 13)
        const out = await runtime.launch(kernel, [64], [from, n])
        const got = await runtime.read(out, 0, 64)
        runtime.free(out)
        got.forEach((value, i) => {
          const q = Math.floor((from + i) / n)
          expect([from + i, n, value]).toEqual([from + i, n, Math.fround(q + (from + i - q * n) / 1024)])
        })
      }),
      runs,
    )
    const long = fc.integer({ min: 2 ** 20, max: 2 ** 30 })
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: 2 ** 31 - 100 }), long, async (from, n) => {
        const out = await runtime.launch(kernel, [64], [from, n])
        const got = await runtime.read(out, 0, 64)
        runtime.free(out)
        got.forEach((value, i) => {
          const q = Math.floor((from + i) / n)
          expect(Math.abs(value - (q + (from + i - q * n) / 1024)) / (1 + n / 1024)).toBeLessThan(1e-6)
        })
      }),
      runs,
    )
  })
})
