import { type FunctionBuilder, f32x4, i32, ModuleBuilder } from './assembler/index.ts'

/** What this engine can do for us. */
export interface Features {
  /** WebAssembly with 128-bit vectors: without it there is no wasm backend. */
  readonly simd: boolean
  /** `f32x4.relaxed_madd` and its family. */
  readonly relaxedSimd: boolean
  /** Shared memory and atomics. A page has them when it is cross-origin isolated. */
  readonly threads: boolean
}

/** Asks the engine to validate tiny modules; `enableRelaxedSimd` is called where relaxed SIMD is missing, and then asked again. */
export function detectFeatures(enableRelaxedSimd: () => void): Features {
  const zero = f32x4.const(0)
  const simd = validates((f) => f.do(f32x4.add(zero, zero)))
  const relaxed = (): boolean => validates((f) => f.do(f32x4.relaxedMadd(zero, zero, zero)))
  const relaxedSimd = simd && (relaxed() || (enableRelaxedSimd(), relaxed()))
  return { simd, relaxedSimd, threads: sharesMemory() && validates((f) => f.do(i32.atomicLoad(0)), true) }
}

function validates(write: (f: FunctionBuilder) => void, shared = false): boolean {
  if (typeof WebAssembly === 'undefined') return false
  const module = new ModuleBuilder({ memory: { shared } })
  module.func('probe', { params: {} }, write)
  return WebAssembly.validate(module.toBytes())
}

function sharesMemory(): boolean {
  if (typeof WebAssembly === 'undefined' || typeof SharedArrayBuffer === 'undefined') return false
  try {
    return new WebAssembly.Memory({ initial: 0, maximum: 1, shared: true }).buffer instanceof SharedArrayBuffer
  } catch {
    return false
  }
}
