import { afterEach, expect, test, vi } from 'vitest'
import { detectFeatures } from '../../../packages/tensor/src/backends/wasm/features.ts'
import { platform } from '../../../packages/tensor/src/backends/wasm/platform.node.ts'

afterEach(() => {
  vi.unstubAllGlobals()
})

test('Node has everything', () => {
  expect(detectFeatures(platform.enableRelaxedSimd)).toEqual({ simd: true, relaxedSimd: true, threads: true })
})

test('asks for relaxed SIMD only where it is missing', () => {
  detectFeatures(platform.enableRelaxedSimd)
  const enable = vi.fn<() => void>()
  detectFeatures(enable)
  expect(enable).not.toHaveBeenCalled()
})

test('without SharedArrayBuffer there are no threads', () => {
  vi.stubGlobal('SharedArrayBuffer', undefined)
  expect(detectFeatures(platform.enableRelaxedSimd)).toEqual({ simd: true, relaxedSimd: true, threads: false })
})

test('without WebAssembly there is nothing', () => {
  vi.stubGlobal('WebAssembly', undefined)
  expect(detectFeatures(platform.enableRelaxedSimd)).toEqual({ simd: false, relaxedSimd: false, threads: false })
})

test('an engine that refuses a proposal lacks it', () => {
  const refuse = (pattern: string) => (bytes: Uint8Array) => !Buffer.from(bytes).toString('hex').includes(pattern)
  // The opcodes of f32x4.relaxed_madd, i32.atomic.load and f32x4.add.
  vi.stubGlobal('WebAssembly', { ...WebAssembly, Memory: WebAssembly.Memory, validate: refuse('fd8502') })
  expect(detectFeatures(() => {})).toEqual({ simd: true, relaxedSimd: false, threads: true })
  vi.stubGlobal('WebAssembly', { ...WebAssembly, validate: refuse('fe10') })
  expect(detectFeatures(() => {})).toEqual({ simd: true, relaxedSimd: true, threads: false })
  vi.stubGlobal('WebAssembly', { ...WebAssembly, validate: refuse('fde401') })
  expect(detectFeatures(() => {})).toEqual({ simd: false, relaxedSimd: false, threads: true })
})
