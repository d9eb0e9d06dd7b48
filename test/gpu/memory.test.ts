import { BackendError, scope, setBackend, tensor, update, updateKernel, Variable, zeros, type Tensor } from '@typegrad/tensor'
import { Dense } from '@typegrad/layers'
import { LambdaCallback, Sequential } from '@typegrad/model'
import { disposeGpu, GpuDeviceLostError, GpuFreedError, gpuCounters, useBackend } from '@typegrad/gpu'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { loadGpuJs } from '../../packages/gpu/src/gpujs.ts'
import { gpuSettled } from '../../packages/gpu/src/use-backend.ts'
import { numbers } from './arrays.ts'
import { collect } from './collect.ts'
import { kernelModes, modes, onEveryMode } from './modes.ts'

const move = updateKernel(['w', 'm'], ['g'], { m: '0.9 * m + g', w: 'w - 0.01 * m' })
onEveryMode((mode) => {
  beforeEach(async () => {
    await useBackend('gpu', mode.options)
  })
  afterEach(() => {
    setBackend('cpu')
  })

  test('many steps in one job leave buffers and bytes as they were', async () => {
    const [w, m] = [new Variable(numbers([8, 4])), new Variable(zeros([8, 4]))]
    const step = (): void => {
      const x = numbers([5, 8], 3)
      const y = x.matmul(w).relu()
      update(move, { w, m }, { g: x.transpose().matmul(y.sub(1)) })
    }
    const counts = ({ buffers, bytes, pooledBuffers, pooledBytes } = gpuCounters()): object => ({
      buffers,
      bytes,
      pooledBuffers,
      pooledBytes,
    })
    for (let i = 0; i < 10; i++) scope(step)
    await gpuSettled()
    const before = counts()
    // Where launches are slow, fewer do.
    const steps = { webgpu: 1500, 'gpu.js cpu': 500 }[mode.name] ?? 150
    for (let i = 0; i < steps; i++) scope(step)
    await gpuSettled()
    expect(counts()).toEqual(before)
    expect((await w.data()).every(Number.isFinite)).toBe(true)
  })

  describe('a scope', () => {
    test('keeps what it returns, in arrays, objects and maps, and what variables hold', async () => {
      const w = new Variable(zeros([2]))
      const kept = scope(() => {
        const x = tensor([1, 2])
        w.assign(x.add(5))
        return { a: x.mul(2), list: [x.mul(3), new Map([['c', x.mul(4)]])] as const }
      })
      const read = async (x: Tensor): Promise<number[]> => [...(await x.data())]
      expect(await Promise.all([read(kept.a), read(kept.list[0]), read(kept.list[1].get('c')!), read(w)])).toEqual([
        [2, 4],
        [3, 6],
        [4, 8],
        [6, 7],
      ])
    })
    test('frees the rest, and says so to those who still use it', async () => {
      let lost: Tensor | undefined
      scope(() => {
        lost = tensor([1, 2]).mul(2)
      })
      await gpuSettled()
      await expect(lost!.data()).rejects.toThrow(GpuFreedError)
      expect(() => lost!.add(1)).toThrow(/freed at the end of the scope/)
    })
    test('says so too where work is still waiting for its kernels', async () => {
      let lost: Tensor | undefined
      scope(() => {
        lost = tensor([1, 2]).mul(3)
      })
      await expect((async () => lost!.cos().sin().data())()).rejects.toThrow(GpuFreedError)
    })
    test('hands its results to the scope around it', async () => {
      const before = await live()
      const sum = scope(() => scope(() => numbers([100]).add(1)).sum())
      await sum.data()
      expect((await live()) - before).toBe(1)
    })
    test('frees everything when its function throws', async () => {
      const before = await live()
      expect(() =>
        scope(() => {
          numbers([100]).add(1)
          throw new TypeError('no')
        }),
      ).toThrow(TypeError)
      expect(await live()).toBe(before)
    })
    test('cannot wait', () => {
      expect(() => scope(async () => {})).toThrow(BackendError)
    })
    test('keeps the value of a variable that somebody outside asked for', async () => {
      const w = new Variable(zeros([3]))
      const next = (): void =>
        scope(() => {
          w.assign(w.value.add(1))
        })
      next()
      const best = w.value
      next()
      next()
      expect([...(await best.data())]).toEqual([1, 1, 1])
      expect([...(await w.data())]).toEqual([3, 3, 3])
    })
  })

  test('without scopes, the collector frees', async () => {
    const before = await live()
    ;(() => {
      for (let i = 0; i < 50; i++) numbers([100]).add(i)
    })()
    expect(await live()).toBeGreaterThan(before + 40)
    await collect()
    expect(await live()).toBeLessThan(before + 10)
  })
  test('a variable that is forgotten is freed', async () => {
    const before = await live()
    ;(() => {
      for (let i = 0; i < 50; i++) scope(() => new Variable(numbers([100]).add(i)))
    })()
    await collect()
    expect(await live()).toBeLessThan(before + 10)
  })
  test('copies of what lies in order, and views, take no memory', async () => {
    const before = await live()
    const x = numbers([4, 6]).add(0)
    const copied = x.slice([1, 3]).reshape([12]).cast('float32')
    const same = scope(() => x.slice([0, 2]).tile([1, 1]))
    expect([...(await copied.data())].slice(0, 2)).toEqual([...(await x.data())].slice(6, 8))
    expect(same.shape).toEqual([2, 6])
    expect((await live()) - before).toBe(1)
  })
  test('zeros take none until they are written, and numbers never', async () => {
    const before = gpuCounters()
    const x = zeros([1000])
      .add(1)
      .mul(zeros([1000]).add(2))
    expect((await x.data())[999]).toBe(2)
    expect(gpuCounters().uploads).toBe(before.uploads)
  })
  test('disposing frees all, and its tensors are no more', async () => {
    const x = numbers([100]).add(1)
    const w = new Variable(x.mul(2))
    await disposeGpu()
    expect(gpuCounters()).toMatchObject({ buffers: 0, bytes: 0, pooledBuffers: 0, pooledBytes: 0 })
    await useBackend('gpu', mode.options)
    expect(() => x.add(1)).toThrow(/started earlier/)
    await expect(w.data()).rejects.toThrow(BackendError)
  })
}, modes)

/** Live buffers, when all work is done. */
async function live(): Promise<number> {
  await gpuSettled()
  return gpuCounters().buffers
}

onEveryMode(
  (mode) => {
    test('the loss of the device is a typed error, and the backend can be started again', async () => {
      await useBackend('gpu', mode.options)
      const x = numbers([10]).add(1)
      const lib = await loadGpuJs()
      const { device } = await lib.WebGPUContext.acquire()
      device.destroy()
      await device.lost
      await new Promise((resolve) => setTimeout(resolve, 0))
      expect(() => x.add(1)).toThrow(GpuDeviceLostError)
      await expect(x.data()).rejects.toThrow(GpuDeviceLostError)
      setBackend('cpu')
      await useBackend('gpu', mode.options)
      expect((await numbers([10]).mul(0).add(3).data())[0]).toBe(3)
      setBackend('cpu')
    })
    test.each([0, 3, 4, 9])(
      'when it is lost at step %s of fit, the model has the weights of the last finished epoch',
      async (at) => {
        await useBackend('gpu', mode.options)
        setBackend('cpu')
        const model = new Sequential([new Dense({ units: 3, activation: 'tanh', inputShape: [2] }), new Dense({ units: 1 })])
        model.compile({ optimizer: 'adam', loss: 'mse', device: 'gpu' })
        const x = numbers([16, 2])
        const epochs = [await weightsOf(model)]
        let step = 0
        const lose = new LambdaCallback({
          onTrainBatchBegin: async () => {
            if (step++ === at) (await (await loadGpuJs()).WebGPUContext.acquire()).device.destroy()
          },
          onEpochEnd: async () => void epochs.push(await weightsOf(model)),
        })
        const options = { epochs: 3, batchSize: 4, verbose: 0 } as const
        const fit = model.fit(x, x.sum(1), { ...options, callbacks: [lose] })
        await expect(fit).rejects.toThrow(GpuDeviceLostError)
        await expect(fit).rejects.toThrow(new RegExp(`weights of ${Math.floor(at / 4)} finished epochs`))
        expect(model.weights.every(({ buffer }) => buffer.device === 'host')).toBe(true)
        expect(await weightsOf(model)).toEqual(epochs.at(-1))
        expect(epochs.length - 1).toBe(Math.floor(at / 4))
        expect(model.optimizer.iterations).toBe(4 * Math.floor(at / 4))
        await useBackend('gpu', mode.options)
        setBackend('cpu')
        const { history } = await model.fit(x, x.sum(1), options)
        expect(history['loss'].every(Number.isFinite)).toBe(true)
      },
    )
  },
  kernelModes.filter(({ options }) => options.mode === 'webgpu'),
)

const weightsOf = async (model: Sequential): Promise<number[][]> =>
  Promise.all(model.weights.map(async (weight) => [...(await weight.data())]))
