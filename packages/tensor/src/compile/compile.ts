import { currentBackend, type Backend } from '../backends/backend.ts'
import type { DType } from '../dtype.ts'
import { TraceError } from '../errors.ts'
import { isHeard } from '../op.ts'
import { sameShape, type Shape } from '../shape.ts'
import { SparseTensor } from '../sparse.ts'
import { Tensor, Variable } from '../tensor.ts'
import { explain, type ExplainOptions } from './explain.ts'
export type { ExplainOptions, MakingTimes }
import { tracing } from './host.ts'
import type { MakingTimes, Program } from './program.ts'
import { trace, type Choice } from './trace.ts'

/** A function that runs as one program; call it as the function itself. */
export interface CompiledFunction<A extends readonly unknown[], R> {
  (...args: A): R
  /**
   * The programs made so far, as text: their loops and kernels, with formulas, shapes and bytes, and why each was made; with
   * `times`, what each kernel takes is measured.
   */
  explain(options?: ExplainOptions): string
  /** Programs made so far. */
  readonly traces: number
  /** What the programs that are kept took to be made, the one that was used last first. */
  readonly made: readonly MakingTimes[]
}

interface Entry {
  readonly backend: Backend
  /** None where the backend cannot run the function as a whole. */
  readonly program: Program | undefined
  readonly result: unknown
  readonly choices: readonly Choice[]
  /** The arguments, with shapes and dtypes in place of tensors. */
  readonly pattern: unknown
  readonly signature: string
  readonly reason: string
  readonly made: MakingTimes
}

/** Programs that a function keeps; the one that was used longest ago goes first. */
const mostPrograms = 16

/**
 * `compile(f)` is f as one program: traced once for each combination of shapes and dtypes, fused, planned into one stretch of
 * memory, and run in one call. Same results; a step of a small model is many times faster.
 *
 * Tensors among the arguments (in arrays and objects too) are inputs; all else is part of the signature, so that another
 * number, string or variable means another trace: give a number that changes as `scalar(x)`. Variables that f reads or
 * assigns are read and changed in place. f runs only when it is traced: what it does on the host beside its ops it does not
 * do again (see {@link hostEffect}), and it cannot read the numbers of a tensor: a TraceError says where it tries.
 *
 * Inside another compiled function or vmap, under a gradient tape, and where a backend has no program for it f just runs.
 */
export function compile<A extends readonly unknown[], R>(f: (...args: A) => R): CompiledFunction<A, R> {
  if (typeof f !== 'function') throw new TraceError(`compile: ${String(f)} is given, expected a function of tensors`)
  const entries: Entry[] = []
  let traces = 0
  const prepare = (backend: Backend, args: A, inputs: readonly Tensor[], signature: string): Entry => {
    const start = performance.now()
    backend.expect?.(tensorsIn(args).filter((x) => x instanceof Variable))
    const { graph, result } = trace(
      inputs.map(({ shape, dtype }) => ({ shape, dtype })),
      (given) => f(...(replaceTensors(args, given, true) as A)),
      tensorsIn,
      backend.loops,
    )
    const spent = performance.now() - start
    const reason = why(entries, signature)
    const program = backend.program!(graph)
    traces++
    const made = { trace: spent, fuse: 0, write: 0, compile: 0, ...program?.made }
    const entry = { backend, program, result, choices: graph.choices, pattern: patternOf(args), signature, reason, made }
    entries.unshift(entry)
    if (entries.length > mostPrograms) entries.pop()
    return entry
  }
  const run = (...args: A): R => {
    const backend = currentBackend()
    if (tracing() || isHeard() || !backend.program) return f(...args)
    // Most calls are like the last one: that is found out without a word of text.
    const inputs: Tensor[] = []
    const last = entries.length > 0 && isLike(args, entries[0].pattern, inputs) ? entries[0] : undefined
    if (!last) inputs.length = 0
    const signature = last ? last.signature : signatureOf(args, inputs)
    for (let i = 0; i < inputs.length; i++) if (inputs[i].interceptor) return f(...args)
    let found: Entry | undefined
    for (let i = 0; i < entries.length; i++) {
      const entry = entries[i]
      if (entry.signature !== signature || entry.backend !== backend || !entry.choices.every(stillHolds)) continue
      if (entry.program?.isStale) {
        entries.splice(i--, 1)
        continue
      }
      if (i > 0) {
        entries.splice(i, 1)
        entries.unshift(entry)
      }
      found = entry
      break
    }
    found ??= prepare(backend, args, inputs, signature)
    if (!found.program) return f(...args)
    const outputs = found.program.run(inputs)
    return outputs.length === 0 ? (found.result as R) : (replaceTensors(found.result, outputs, false) as R)
  }
  return Object.defineProperties(run, {
    explain: {
      value: (options?: ExplainOptions) =>
        entries.map(({ program, signature, reason, made }) => explain(program, signature, reason, made, options)).join('\n'),
    },
    traces: { get: () => traces },
    made: { get: () => entries.map(({ made }) => made) },
  }) as CompiledFunction<A, R>
}

const stillHolds = ({ f, was }: Choice): boolean => f() === was

const ids = new WeakMap<object, number>()
let lastId = 0

/** The shapes and dtypes of the tensors in a value, which are put into `tensors`, and all else as it is. */
function signatureOf(value: unknown, tensors: Tensor[]): string {
  if (value instanceof SparseTensor) return `sparse [${value.shape.join(',')}] ${signatureOf(value.parts, tensors)}`
  if (value instanceof Tensor && !(value instanceof Variable)) {
    tensors.push(value)
    return `${value.dtype}[${value.shape.join(',')}]`
  }
  if (Array.isArray(value)) {
    let text = '('
    for (let i = 0; i < value.length; i++) text += (i > 0 ? ', ' : '') + signatureOf(value[i], tensors)
    return `${text})`
  }
  if (isRecord(value))
    return `{${Object.keys(value)
      .map((key) => `${key}: ${signatureOf(value[key], tensors)}`)
      .join(', ')}}`
  if (typeof value === 'string') return JSON.stringify(value)
  if ((typeof value === 'object' && value !== null) || typeof value === 'function') {
    if (!ids.has(value)) ids.set(value, ++lastId)
    const name = typeof value === 'function' ? 'function' : value instanceof Variable ? `variable ${value.name}` : 'object'
    return `${name} #${ids.get(value)}`
  }
  return Object.is(value, -0) ? '-0' : String(value)
}

/** What stands for a tensor in a pattern. */
class Like {
  readonly shape: Shape
  readonly dtype: DType

  constructor({ shape, dtype }: Tensor) {
    this.shape = shape
    this.dtype = dtype
  }
}

class LikeSparse {
  readonly columns: number
  readonly parts: unknown

  constructor({ shape, parts }: SparseTensor) {
    this.columns = shape[1]
    this.parts = patternOf(parts)
  }
}

function patternOf(value: unknown): unknown {
  if (value instanceof SparseTensor) return new LikeSparse(value)
  if (value instanceof Tensor && !(value instanceof Variable)) return new Like(value)
  if (Array.isArray(value)) return value.map(patternOf)
  return isRecord(value) ? Object.fromEntries(Object.entries(value).map(([key, part]) => [key, patternOf(part)])) : value
}

/** Whether two values have the same signature; collects the tensors as {@link signatureOf} does. */
function isLike(value: unknown, pattern: unknown, tensors: Tensor[]): boolean {
  if (pattern instanceof LikeSparse)
    return value instanceof SparseTensor && value.shape[1] === pattern.columns && isLike(value.parts, pattern.parts, tensors)
  if (value instanceof SparseTensor) return false
  if (pattern instanceof Like) {
    if (!(value instanceof Tensor) || value instanceof Variable || value.dtype !== pattern.dtype) return false
    tensors.push(value)
    return sameShape(value.shape, pattern.shape)
  }
  if (Array.isArray(pattern)) {
    if (!Array.isArray(value) || value.length !== pattern.length) return false
    for (let i = 0; i < pattern.length; i++) if (!isLike(value[i], pattern[i], tensors)) return false
    return true
  }
  if (isRecord(pattern)) {
    if (!isRecord(value)) return false
    let count = 0
    for (const key in pattern) {
      if (!isLike(value[key], pattern[key], tensors)) return false
      count++
    }
    for (const _ in value) count--
    return count === 0
  }
  return Object.is(value, pattern)
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype

/** The tensors in a value, variables as they are now, in order. */
function tensorsIn(value: unknown): readonly Tensor[] {
  if (value instanceof SparseTensor) return tensorsIn(value.parts)
  if (value instanceof Tensor) return [value]
  if (Array.isArray(value)) return value.flatMap(tensorsIn)
  return isRecord(value) ? Object.values(value).flatMap(tensorsIn) : []
}

/** The value with other tensors in place of its own; `keepVariables` leaves variables as they are. */
function replaceTensors(value: unknown, tensors: readonly Tensor[], keepVariables: boolean): unknown {
  let next = 0
  const replace = (one: unknown): unknown => {
    if (one instanceof Variable && keepVariables) return one
    if (one instanceof SparseTensor) return one.withParts(replace(one.parts) as SparseTensor['parts'])
    if (one instanceof Tensor) return tensors[next++]
    if (Array.isArray(one)) return one.map(replace)
    if (isRecord(one)) return Object.fromEntries(Object.entries(one).map(([key, part]) => [key, replace(part)]))
    return one
  }
  return replace(value)
}

/** Why a program is made although there are others. */
function why(entries: readonly Entry[], signature: string): string {
  if (entries.length === 0) return 'the first call'
  const same = entries.find((entry) => entry.signature === signature)
  if (!same) return `the arguments were ${entries[0].signature} before`
  const changed = same.choices.find((choice) => !stillHolds(choice))
  return changed ? `a choice of the host was ${String(changed.was)} before` : 'the backend or its settings changed'
}

/** Whether an error means that a function cannot be compiled, though it can be run. */
export const isTraceError = (error: unknown): error is TraceError => error instanceof TraceError
