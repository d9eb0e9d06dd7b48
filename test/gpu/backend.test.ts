import { BackendError, currentBackend, random, scope, setBackend, tensor } from '@typegrad/tensor'
import { Dense } from '@typegrad/layers'
import { Sequential } from '@typegrad/model'
import { disposeGpu, gpuCounters, gpuInfo, GpuKernelError, useBackend } from '@typegrad/gpu'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { Wgsl } from '../../packages/gpu/src/kernel-text.ts'
import { engineForTests } from '../../packages/gpu/src/use-backend.ts'
import { forgetWarnings } from '../../packages/gpu/src/warn.ts'
import { modes } from './modes.ts'

const [, , webgpu, stock] = modes
afterEach(async () => {
  await disposeGpu()
  vi.restoreAllMocks()
})

describe('useBackend', () => {
  test('starts the gpu and makes it current; disposing gives the host back', async () => {
    expect(await useBackend('gpu', { mode: 'cpu' })).toMatchObject({ available: true, mode: 'cpu' })
    expect(currentBackend().name).toBe('gpu')
    const y = tensor([
      [1, 2],
      [3, 4],
    ])
      .matmul(
        tensor([
          [1, -1],
          [1, 1],
        ]),
      )
      .relu()
    expect([...(await y.data())]).toEqual([3, 1, 7, 1])
    await disposeGpu()
    expect(currentBackend().device).toBe('host')
  })
  test('gives the same backend again for the same options', async () => {
    await useBackend('gpu', { mode: 'cpu' })
    const x = tensor([1, 2]).add(1)
    setBackend('cpu')
    await useBackend('gpu', { mode: 'cpu' })
    expect([...(await x.add(1).data())]).toEqual([3, 4])
    const before = engineForTests()
    await useBackend('gpu', { mode: 'webasm' })
    expect(before.ended).toBe(true)
    expect(() => x.add(1)).toThrow(/started earlier/)
  })
  test("is started by tensor.to('gpu') too, and takes what is running, whatever its options", async () => {
    await useBackend('gpu', { mode: 'cpu' })
    setBackend('cpu')
    const x = await tensor([1, 2]).to('gpu')
    expect(currentBackend().name).toBe('cpu')
    expect([...(await x.add(1).data())]).toEqual([2, 3])
    await disposeGpu()
    const { available, software } = await gpuInfo()
    if (available && !software) return
    await expect(tensor([1]).to('gpu')).rejects.toThrow(/no gpu/)
    const said = vi.spyOn(console, 'info').mockImplementation(() => {})
    expect((await tensor([1]).to('auto')).buffer.device).toBe('host')
    expect(said).toHaveBeenCalledTimes(1)
    const model = new Sequential([new Dense({ units: 1 })]).compile({ loss: 'mse', device: 'auto' })
    const options = { epochs: 2, validationSplit: 0.5, verbose: 0 } as const
    await model.fit([[1], [2], [3], [4]], [1, 2, 3, 4], options)
    expect(said).toHaveBeenCalledTimes(2)
  })
  test('takes the names of other backends too', async () => {
    await useBackend('cpu')
    expect(currentBackend().name).toBe('cpu')
    await expect(useBackend('tpu')).rejects.toThrow(BackendError)
  })
  test('refuses software adapters and says what to do, or that there is nothing', async () => {
    const before = currentBackend().name
    const { available, software } = await gpuInfo(webgpu.options)
    // On a machine with a GPU there is nothing to refuse.
    if (available && !software) return
    const failure: unknown = await useBackend('gpu', { mode: 'webgpu' }).catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(BackendError)
    expect(String(failure)).toMatch(available ? /software renderer .*allowSoftware/ : /no gpu: .*;/)
    expect(currentBackend().name).toBe(before)
  })
  test("with 'auto' stays on the host, and says so in one line", async () => {
    const said = vi.spyOn(console, 'info').mockImplementation(() => {})
    const info = await useBackend('auto', { mode: 'webgl2' })
    expect(info).toMatchObject({ available: false, reason: expect.stringContaining('WebGL 2') })
    expect(currentBackend().device).toBe('host')
    expect(said.mock.calls).toEqual([[expect.stringMatching(/^typegrad gpu: .*going on with the backend '\w+'$/)]])
  })
  test('leaves no navigator behind where there was none', async () => {
    const before = 'navigator' in globalThis
    if (webgpu.missing === undefined) await useBackend('gpu', webgpu.options)
    expect('navigator' in globalThis).toBe(before)
  })
  test.skipIf(webgpu.missing !== undefined)('launches kernels by itself if its self-test passes, or as it is told', async () => {
    expect(await useBackend('gpu', webgpu.options)).toMatchObject({ kernels: 'pooled', software: true })
    expect(gpuCounters()).toMatchObject({ uploads: 0, launches: 0, readbacks: 0 })
    expect(await useBackend('gpu', stock.options)).toMatchObject({ kernels: 'stock' })
  })
})

describe.each(modes)('a kernel that cannot be compiled, in mode $name', ({ missing, options }) => {
  test.skipIf(missing !== undefined)('is named, with the place where the compiler stopped', async () => {
    await useBackend('gpu', options)
    const engine = engineForTests()
    const launch = async (source: string, wgsl?: Wgsl): Promise<unknown> => {
      const out = engine.temporary(4)
      engine.launch('nonsense', () => ({ source, types: ['Integer'], functions: [], rank: 1, wgsl }), [4], [1], [out])
      return engine.read(out, 0, 4)
    }
    const failure: unknown = await launch('function(n) { return nothing.at(n); }').catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(GpuKernelError)
    expect(failure).toMatchObject({
      message: expect.stringContaining("the kernel 'nonsense'"),
      details: { kernel: 'nonsense', source: expect.stringContaining('nothing') },
    })
    if (options.mode !== 'webgpu' || options.kernels === 'stock') return
    const body = '@compute @workgroup_size(1) fn main() {\n  let x = nothing(1);\n}'
    const told: unknown = await launch('function(n) { return n; }', {
      body,
      workgroup: [1, 1, 1],
      groups: () => [1, 1, 1],
    }).catch((error: unknown) => error)
    expect(told).toBeInstanceOf(GpuKernelError)
    const { line, source } = (told as GpuKernelError).details as { line: number; source: string }
    expect(source.split('\n')[line - 1]).toContain('nothing(1)')
    expect(String(told)).toMatch(/line \d+: let x = nothing\(1\);/)
  })
})

test('without the package webgpu, it says what to install', async () => {
  vi.resetModules()
  vi.doMock('webgpu', () => {
    throw Object.assign(new Error('Cannot find package'), { code: 'ERR_MODULE_NOT_FOUND' })
  })
  const { findPlatform } = await import('../../packages/gpu/src/platform.node.ts')
  const { webgpu } = await findPlatform()
  vi.doUnmock('webgpu')
  expect(webgpu).toMatchObject({ reason: expect.stringContaining('webgpu'), hint: expect.stringContaining('npm install webgpu') })
})

test('gpuInfo says what there is before and after the start', async () => {
  expect(await gpuInfo({ mode: 'webgl2' })).toMatchObject({ available: false, hint: expect.any(String) })
  await useBackend('gpu', { mode: 'webasm' })
  expect(await gpuInfo()).toMatchObject({ available: true, mode: 'webasm' })
})

describe('a tensor on the gpu', () => {
  beforeEach(async () => {
    await useBackend('gpu', { mode: 'cpu' })
  })
  test('cannot be read at once, and says how', () => {
    const x = tensor([1, 2]).add(1)
    expect(() => x.toArray()).toThrow(/lies on the gpu: use 'await data\(\)'/)
    expect(() => tensor(1).add(1).item()).toThrow(BackendError)
  })
  test('moves with to(), and is computed where it lies', async () => {
    setBackend('cpu')
    const x = await tensor([
      [1, 2],
      [3, 4],
    ]).to('gpu')
    const { launches } = gpuCounters()
    const y = x.transpose().add(tensor([1, 1]))
    expect(gpuCounters().launches).toBe(launches + 1)
    const back = await y.to('cpu')
    expect(back.toArray()).toEqual([
      [2, 4],
      [3, 5],
    ])
    expect((await back.to('cpu')) === back).toBe(true)
    await expect(x.to('tpu')).rejects.toThrow(/unknown backend/)
  })
  test('of float64 is computed on the host, exactly, with a warning if the device has to wait for it', async () => {
    forgetWarnings()
    const said = vi.spyOn(console, 'warn').mockImplementation(() => {})
    const x = tensor([1, 2]).add(1).cast('float64')
    const third = x.div(3).add(x)
    expect([...(await third.data())]).toEqual([2 / 3 + 2, 4])
    expect([...(await third.cast('float32').mul(2).data())]).toEqual([Math.fround(8 / 3) * 2, 8])
    expect([...(await new random.Generator(1).permutation(3).data())].sort((a, b) => a - b)).toEqual([0, 1, 2])
    expect(said).not.toHaveBeenCalled()
    // Here the device has to hand over what it computed.
    expect([...(await x.add(tensor([1, 1]).mul(2)).data())]).toEqual([4, 5])
    expect(said.mock.calls).toEqual([[expect.stringMatching(/float64 .*runs on the host/)]])
    expect(gpuCounters().hostOps).toBeGreaterThan(0)
  })
  test('of an op without a kernel is computed on the host, with one warning that names it', async () => {
    forgetWarnings()
    const said = vi.spyOn(console, 'warn').mockImplementation(() => {})
    const x = new random.Generator(1).uniform([5000])
    const sorted = x.argsort()
    expect((await sorted.data()).length).toBe(5000)
    await x.neg().argsort().data()
    const [first] = await sorted.slice([0, 1]).data()
    expect((await x.data())[first]).toBe(Math.min(...(await x.data())))
    expect(said.mock.calls).toEqual([[expect.stringMatching(/argsort of lines longer than 4096 .*runs on the host/)]])
  })
  test('tells of integers that single precision cannot hold', async () => {
    forgetWarnings()
    const said = vi.spyOn(console, 'warn').mockImplementation(() => {})
    tensor([2 ** 24 + 1, 5], { dtype: 'int32' }).add(1)
    expect(said.mock.calls).toEqual([[expect.stringMatching(/16777217.*2\^24/)]])
  })
  test('uploads an array once in a step, however it is seen', async () => {
    const x = tensor([
      [1, 2],
      [3, 4],
    ])
    const before = gpuCounters().uploads
    scope(() => x.matmul(x.transpose()).add(x).sum())
    expect(gpuCounters().uploads).toBe(before + 1)
  })
})
