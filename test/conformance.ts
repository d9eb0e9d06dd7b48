/** Reference values computed with Keras: reads `test/golden`, compares within the files' tolerances, counts the cases. */
import {
  backendNames,
  currentBackend,
  formatShape,
  scope,
  setBackend,
  tensor,
  type DType,
  type Tensor,
  type TypedArray,
} from '@typegrad/tensor'
import { readFileSync } from 'node:fs'
import { describe, expect, test, vi } from 'vitest'

/** A tensor in a file: row-major elements; what is not finite is written out, `'NaN'`, `'Infinity'`, `'-Infinity'`. */
export interface GoldenTensor {
  readonly shape: readonly number[]
  readonly dtype: DType | 'int64'
  readonly data: readonly (number | boolean | 'NaN' | 'Infinity' | '-Infinity')[]
}

/** An element passes when `|a - reference| <= atol + rtol * |reference|`. */
export interface Tolerance {
  readonly rtol: number
  readonly atol: number
}

export interface GoldenCase {
  readonly id: string
  /** Wider tolerances of single fields. */
  readonly tol?: Readonly<Record<string, Tolerance>>
}

/** A file of cases; `source` says what computed them. */
export interface GoldenFile<Case extends GoldenCase = GoldenCase> {
  readonly source: string
  readonly tol: Tolerance
  readonly cases: readonly Case[]
  /** What else a file holds. */
  readonly [field: string]: unknown
}

/** The cases of a file's `more`: rarer ones, with a source of their own. */
export function moreOf<Case extends GoldenCase>(file: GoldenFile<Case>): GoldenFile<Case> {
  return { tol: file.tol, ...(file['more'] as Omit<GoldenFile<Case>, 'tol'>) } as GoldenFile<Case>
}

/** `test/golden/<family>.json`. */
export function golden<Case extends GoldenCase>(family: string): GoldenFile<Case> {
  return JSON.parse(readFileSync(new URL(`golden/${family}.json`, import.meta.url), 'utf8')) as GoldenFile<Case>
}

/** The tensor that a file describes; int64 becomes int32. */
export function fromGolden({ shape, dtype, data }: GoldenTensor): Tensor {
  return tensor(Float64Array.from(data, Number), { shape, dtype: dtype === 'int64' ? 'int32' : dtype })
}

/** The same for a field that may be missing. */
export const fromGoldenOr = (value: GoldenTensor | null | undefined): Tensor | undefined =>
  value ? fromGolden(value) : undefined

/** What is wrong with `got`, or `undefined`: NaN equals NaN, infinities agree, ints and bools are equal. */
export const difference = (got: Tensor, expected: GoldenTensor, tol: Tolerance): string | undefined =>
  differenceOf(got.shape, () => got.toTypedArray(), expected, tol)

function differenceOf(
  shape: readonly number[],
  read: () => TypedArray,
  expected: GoldenTensor,
  { rtol, atol }: Tolerance,
): string | undefined {
  if (formatShape(shape) !== formatShape(expected.shape)) {
    return `shape ${formatShape(shape)}, expected ${formatShape(expected.shape)}`
  }
  const values = read()
  const exact = !expected.dtype.startsWith('float')
  const wrong = expected.data.findIndex((given, i) => {
    const reference = Number(given)
    if (Object.is(values[i], reference) || values[i] === reference) return false
    return exact || !(Number.isFinite(reference) && Math.abs(values[i] - reference) <= atol + rtol * Math.abs(reference))
  })
  return wrong < 0 ? undefined : `element ${wrong} of ${formatShape(shape)} is ${values[wrong]}, expected ${expected.data[wrong]}`
}

/** Compares a field of a case: throws when it differs by more than the case's tolerance of that field, or the file's. */
export type Check = (field: string, got: Tensor | undefined, expected: GoldenTensor | null | undefined) => void

const checkOf =
  (tol: Tolerance, { tol: wider }: GoldenCase): Check =>
  (field, got, expected) => {
    if (!expected) return
    if (!got) throw new Error(`${field}: missing`)
    const wrong = difference(got, expected, wider?.[field] ?? tol)
    if (wrong) throw new Error(`${field}: ${wrong}`)
  }

/** A case of `defaults`: the config of an object of a class that was made with the least arguments. */
export interface DefaultsCase extends GoldenCase {
  readonly class: string
  readonly args: Readonly<Record<string, unknown>>
  readonly config: Readonly<Record<string, unknown>>
}

/** Throws unless two configs have the same keys and values; numbers may differ by float32's rounding. */
export function checkConfig(got: Readonly<Record<string, unknown>>, expected: Readonly<Record<string, unknown>>): void {
  const rounded = (_: string, value: unknown): unknown => (typeof value === 'number' ? Number(value.toPrecision(6)) : value)
  const text = (config: Readonly<Record<string, unknown>>): string =>
    JSON.stringify(Object.fromEntries(Object.entries(config).toSorted(([a], [b]) => (a < b ? -1 : 1))), rounded)
  if (text(got) !== text(expected)) throw new Error(`config ${text(got)}, expected ${text(expected)}`)
}

/** How the cases of a family went on a backend; the reporter collects these. */
export interface ConformanceResult {
  readonly family: string
  readonly backend: string
  readonly total: number
  readonly passed: number
  /** What computed the reference values. */
  readonly source?: string | undefined
  /** Why cases are known to differ, by id. */
  readonly exceptions: Readonly<Record<string, string>>
}

declare module 'vitest' {
  interface TaskMeta {
    conformance?: ConformanceResult
  }
}

interface Outcome extends Omit<ConformanceResult, 'source' | 'exceptions'> {
  /** What is wrong, by the case's id. */
  readonly failures: ReadonlyMap<string, string>
}

/** Runs every case of a file on the current backend; `run` compares with `check`, or throws. */
export function runCases<Case extends GoldenCase>(
  family: string,
  { cases, tol }: Pick<GoldenFile<Case>, 'cases' | 'tol'>,
  run: (one: Case, check: Check) => void,
): Outcome {
  const failures = new Map<string, string>()
  for (const one of cases) {
    try {
      run(one, checkOf(tol, one))
    } catch (error) {
      failures.set(one.id, error instanceof Error ? error.message : String(error))
    }
  }
  return { family, backend: currentBackend().name, total: cases.length, passed: cases.length - failures.size, failures }
}

/**
 * Where the cases run on the gpu. Every run of the tests has all of them in gpu.js' mode `cpu`, and in mode `webasm` those for
 * which mode `cpu` compiled a kernel that the family had not needed before: so every kernel. `CONFORMANCE_GPU=all` has all of
 * them in all modes; the name of one mode has them there, and nowhere else.
 */
const asked = process.env['CONFORMANCE_GPU']
export type GpuMode = 'cpu' | 'webasm' | 'webgpu'
// Mode webasm needs what WITHOUT takes away.
const usual: readonly GpuMode[] = process.env['WITHOUT'] === undefined ? ['cpu', 'webasm'] : ['cpu']
const gpuModes: readonly GpuMode[] =
  asked === undefined ? usual : asked === 'all' ? ['cpu', 'webasm', 'webgpu'] : [asked as GpuMode]
/** Those in which all cases run. */
export const wholeGpuModes: readonly GpuMode[] = asked === undefined ? ['cpu'] : gpuModes
export const onHost: boolean = asked === undefined || asked === 'all'

/** Makes the gpu the current backend, or says why it cannot. */
export async function useGpu(mode: GpuMode): Promise<string | undefined> {
  const { useBackend } = await import('@typegrad/gpu')
  const { modes } = mode === 'webgpu' ? await import('./gpu/modes.ts') : { modes: [] }
  const missing = modes.find(({ options }) => options.mode === mode)?.missing
  if (missing === undefined) await useBackend('gpu', { mode, allowSoftware: true })
  return missing
}

/** What {@link runCasesOnGpu} found, and in which cases a kernel was compiled. */
interface GpuOutcome extends Outcome {
  readonly compiled: ReadonlySet<string>
}

/** The same on the gpu, whose results are read when a case has ended. Cases that read numbers at once cannot run there. */
async function runCasesOnGpu<Case extends GoldenCase>(
  family: string,
  { cases, tol }: Pick<GoldenFile<Case>, 'cases' | 'tol'>,
  run: (one: Case, check: Check) => void,
  mode: GpuMode,
): Promise<GpuOutcome | string> {
  const { disposeGpu, gpuCounters } = await import('@typegrad/gpu')
  const failures = new Map<string, string>()
  const compiled = new Set<string>()
  let atOnce = 0
  const before = currentBackend().name
  const missing = await useGpu(mode)
  if (missing !== undefined) return missing
  // That an op runs on the host is said once; which ops do is the README's matter.
  const said = vi.spyOn(console, 'warn').mockImplementation(() => {})
  try {
    for (const one of cases) {
      const { kernels } = gpuCounters()
      const reading: Promise<void>[] = []
      const check: Check = (field, got, expected) => {
        if (!expected) return
        if (!got) throw new Error(`${field}: missing`)
        const compare = async (): Promise<void> => {
          const values = await got.data()
          const wrong = differenceOf(got.shape, () => values, expected, one.tol?.[field] ?? tol)
          if (wrong) throw new Error(`${field}: ${wrong}`)
        }
        reading.push(compare())
      }
      try {
        scope(() => run(one, check))
        await Promise.all(reading)
      } catch (error) {
        await Promise.allSettled(reading)
        if (/lies? on the gpu/.test(String(error))) atOnce++
        else failures.set(one.id, error instanceof Error ? error.message : String(error))
      }
      if (gpuCounters().kernels > kernels) compiled.add(one.id)
    }
  } finally {
    said.mockRestore()
    await disposeGpu()
    setBackend(before)
  }
  const total = cases.length - atOnce
  return { family, backend: `gpu.js ${mode}`, total, passed: total - failures.size, failures, compiled }
}

/** Backends on the host. Others have tests of their own; whether one is known here depends on what ran before in the same process. */
const references = new Set(['cpu', 'wasm'])

/**
 * Makes one test for a family and backend, `losses on cpu: 368 of 368 cases`, which fails for every case that does, and
 * for an exception that is none any more. `exceptions` gives the reason of those that are known to differ, by id.
 */
export function conformance<Case extends GoldenCase>(
  family: string,
  file: Pick<GoldenFile<Case>, 'cases' | 'tol'> & { readonly source?: unknown },
  run: (one: Case, check: Check) => void,
  { exceptions = {}, backends }: { exceptions?: Readonly<Record<string, string>>; backends?: readonly string[] } = {},
): void {
  // What is for backends of the host alone has no tests where only the gpu is asked for.
  if (backends && !onHost) return
  const source = typeof file.source === 'string' ? file.source : undefined
  const isKnown = ([id]: readonly [string, string]): boolean => id in exceptions
  const unknown = (failures: ReadonlyMap<string, string>): string[] =>
    [...failures].filter((failure) => !isKnown(failure)).map(([id, wrong]) => `${id}: ${wrong}`)
  describe(`conformance: ${family}`, () => {
    for (const backend of onHost ? (backends ?? backendNames().filter((name) => references.has(name))) : []) {
      const before = setBackend(backend)
      const { passed, total, failures } = runCases(family, file, run)
      setBackend(before)
      const reasons = Object.entries(exceptions).map(([id, reason]) => `${id}: ${reason}`)
      const known = reasons.length > 0 ? ` (exceptions: ${reasons.join('; ')})` : ''
      test(`${family} on ${backend}: ${passed} of ${total} cases${known}`, ({ task }) => {
        task.meta.conformance = { family, backend, total, passed, source, exceptions }
        expect(total).toBeGreaterThan(0)
        expect(unknown(failures)).toEqual([])
        expect(Object.keys(exceptions).filter((id) => !failures.has(id))).toEqual([])
      })
    }
    let compiled: ReadonlySet<string> | undefined
    for (const mode of backends ? [] : gpuModes) {
      const sliced = asked === undefined && mode !== 'cpu'
      test(`${family} on the gpu, gpu.js ${mode}${sliced ? ', every kernel' : ''}`, async ({ task, skip }) => {
        const cases = file.cases.filter(({ id }) => !sliced || !compiled || compiled.has(id))
        const outcome = await runCasesOnGpu(family, { ...file, cases }, run, mode)
        if (typeof outcome === 'string') {
          skip(outcome)
          return
        }
        const { backend, passed, total, failures } = outcome
        if (mode === 'cpu') ({ compiled } = outcome)
        if (!sliced) task.meta.conformance = { family, backend, total, passed, source, exceptions }
        expect(unknown(failures)).toEqual([])
      }, 600_000)
    }
  })
}
