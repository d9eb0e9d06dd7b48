/** The conformance suite runs on every backend of this table; what a backend may deviate, or skips, stands here and nowhere else. */
import { backendNames, setBackend, type DType } from '@typegrad/tensor'
import { limits } from '../../packages/tensor/src/backends/wasm/limits.ts'
import { unwritten } from '../../packages/tensor/src/memory.ts'
import { runtime } from '../../packages/tensor/src/backends/wasm/start.ts'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, type TestContext } from 'vitest'
import { registerCompiled } from './compiled-backend.ts'

if (backendNames().includes('wasm')) registerCompiled()

/**
 * Largest `|got - expected|` relative to the larger of the result and, where a formula cancels, its arguments; and what
 * numbers that become too small on the way may lose.
 */
export interface Tolerances {
  readonly float32: number
  readonly float64: number
  readonly underflow?: number
}

export interface BackendUnderTest {
  readonly name: string
  /** What the suite is called, where it is not the name. */
  readonly label?: string
  /** Makes the backend work in a special way; what it returns ends that. */
  readonly prepare?: () => () => void
  /** One elementwise op. */
  readonly elementwise: Tolerances
  /** A sum of up to a hundred products. */
  readonly sums: Tolerances
  /** Gradients, by norm. */
  readonly gradients: Tolerances
  /** Whether 0 and -0 are told apart, as IEEE 754 has it. */
  readonly signedZeros: boolean
  /** The dtypes that it computes with; the others are skipped with the reason in `lacks`. */
  readonly dtypes: readonly DType[]
  readonly lacks: Readonly<Partial<Record<DType, string>>>
}

const all = ['float32', 'float64', 'int32', 'uint8', 'bool'] as const
// float32 is computed in double precision and rounded once: half an ulp, and what the double was off.
const host = {
  elementwise: { float32: 1.2e-7, float64: 2e-14 },
  sums: { float32: 1.2e-7, float64: 2e-14 },
  gradients: { float32: 1e-5, float64: 1e-7 },
  signedZeros: true,
  dtypes: all,
  lacks: {},
} as const

const wasm = {
  ...host,
  name: 'wasm',
  // Computes float32 in float32.
  elementwise: { float32: 5e-7, float64: 2e-14, underflow: 2 ** -126 },
  sums: { float32: 2e-6, float64: 2e-14 },
} as const

/**
 * However small, arrays go through WebAssembly, whose memory moves at every turn, and stay there for the next product; results begin as
 * anything.
 */
function stageAll(): () => void {
  const before = { ...limits }
  const grew = runtime!.growAlways
  const staged = { light: 0, reduce: 0, argReduce: 0, gather: 0, rowsReused: Infinity, random: 8 }
  Object.assign(limits, { ...staged, copies: { ...limits.copies, from: 0 } })
  runtime!.growAlways = true
  unwritten.fill = 77
  return () => {
    unwritten.fill = undefined
    Object.assign(limits, before)
    runtime!.growAlways = grew
  }
}

/** Properties run a quarter as often: each run makes a module. */
function fewerRuns(): () => void {
  const before = fc.readConfigureGlobal()
  fc.configureGlobal({ ...before, numRuns: Math.ceil((before.numRuns ?? 100) / 4) })
  return () => fc.configureGlobal(before)
}

const table: readonly BackendUnderTest[] = [
  { ...host, name: 'cpu' },
  wasm,
  { ...wasm, label: 'wasm, all staged in a memory that grows', prepare: stageAll },
]

/** Programs as a backend, for suites that ask for them: each kernel is compiled, which takes its time. */
const compiled: BackendUnderTest = { ...wasm, name: 'compiled', prepare: fewerRuns }

export const backends: readonly BackendUnderTest[] = table.filter(({ name }) => backendNames().includes(name))

/** Skips a test of a dtype on a backend that lacks it. */
export function needs(context: TestContext, { lacks }: BackendUnderTest, dtype: DType): void {
  context.skip(lacks[dtype] !== undefined, lacks[dtype])
}

/** All, and programs. */
export const withPrograms: readonly BackendUnderTest[] = backends.some(({ name }) => name === 'wasm')
  ? [...backends, compiled]
  : backends

/** Works in its usual way: enough for what is about ops and formulas, and not about memory or programs. */
export const isPlain = ({ prepare }: BackendUnderTest): boolean => prepare === undefined

export const plainBackends = backends.filter(isPlain)

/** Runs a suite on every backend. */
export function onEveryBackend(suite: (backend: BackendUnderTest) => void, among = backends): void {
  for (const backend of among) {
    describe(`on ${backend.label ?? backend.name}`, () => {
      let before: string
      let finish: (() => void) | undefined
      beforeAll(() => {
        before = setBackend(backend.name)
        finish = backend.prepare?.()
      })
      afterAll(() => {
        finish?.()
        setBackend(before)
      })
      suite(backend)
    })
  }
}
