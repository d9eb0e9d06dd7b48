/** The ways to run kernels that the tests go through: gpu.js on the host always, WebGPU where there is an adapter. */
import { existsSync } from 'node:fs'
import { constants } from 'node:os'
import { dirname } from 'node:path'
import { setBackend } from '@typegrad/tensor'
import { disposeGpu, gpuInfo, useBackend, type GpuOptions } from '@typegrad/gpu'
import { afterAll, beforeAll, describe } from 'vitest'

// Debian's chromium, whose software driver vitest.config.ts names, brings the Vulkan loader in its own folder, where the
// dynamic linker does not look. Once it is loaded, Dawn finds it by its name. (Node takes it for a broken addon, and says so.)
const driver = process.env['VK_ICD_FILENAMES']
const loader = driver === undefined ? '' : `${dirname(driver)}/libvulkan.so.1`
if (existsSync(loader)) {
  const stayLoaded = 0x1000
  try {
    process.dlopen({ exports: {} }, loader, constants.dlopen.RTLD_NOW | stayLoaded)
  } catch {}
}

export interface Mode {
  readonly name: string
  readonly options: GpuOptions
  /** Why it cannot be tested here. */
  readonly missing?: string | undefined
}

const found = await gpuInfo({ mode: 'webgpu', allowSoftware: true })
const missing = found.available ? undefined : found.reason
if (missing !== undefined) console.warn(`gpu tests: WebGPU is left out, ${missing}`)

const webgpu = { mode: 'webgpu', allowSoftware: true } as const
export const modes: readonly Mode[] = [
  { name: 'gpu.js cpu', options: { mode: 'cpu' } },
  { name: 'gpu.js webasm', options: { mode: 'webasm' } },
  { name: 'webgpu', options: webgpu, missing },
  { name: 'webgpu, launched by gpu.js', options: { ...webgpu, kernels: 'stock' }, missing },
]

/** The modes in which kernels are run differently; how gpu.js launches them is a matter of its own, with fewer tests. */
export const kernelModes: readonly Mode[] = modes.filter(({ options }) => options.kernels !== 'stock')

/** Runs a suite in every one of these modes; those that are missing are skipped, with the reason. */
export function onEveryMode(suite: (mode: Mode) => void, of: readonly Mode[] = kernelModes): void {
  for (const mode of of) {
    const { name, options, missing } = mode
    describe.skipIf(missing !== undefined)(`in mode ${name}${missing === undefined ? '' : ` (skipped: ${missing})`}`, () => {
      beforeAll(async () => {
        await useBackend('gpu', options)
        setBackend('cpu')
      })
      afterAll(disposeGpu)
      suite(mode)
    })
  }
}
