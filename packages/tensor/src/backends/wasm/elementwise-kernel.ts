import type { Kernel } from '../../formula/kernel.ts'
import type { Formula } from '../../formula/parse.ts'
import { type Expr, i32, type Local, ModuleBuilder, v128 } from './assembler/index.ts'
import { type Real, reals } from './gemm/real.ts'
import { limits } from './limits.ts'
import { Numbers } from './numbers.ts'
import { canRender, prepareWasm } from './render.ts'
import type { Runtime } from './runtime.ts'

/** Functions that a JavaScript loop computes as fast as they can be copied, with the same bits as WebAssembly. */
const light = new Set(
  '+ - * / neg not < <= > >= == != && || select flow isnan min max abs sign floor ceil trunc round sqrt mod'.split(' '),
)

const isLight = (formula: Formula): boolean => formula.op !== 'call' || (light.has(formula.fn) && formula.args.every(isLight))

const lanesOf = { f32: 'f32x4', f64: 'f64x2' } as const

/** What is found out about a kernel once. */
interface Facts {
  /** Nothing but light functions: staging it would cost more than it saves. */
  readonly light: boolean
  readonly renders: Readonly<Record<Real, boolean>>
  readonly numbers: Numbers
}

const facts = new WeakMap<Kernel, Facts>()

export function factsOf(kernel: Kernel): Facts {
  let known = facts.get(kernel)
  if (!known) {
    known = {
      light: kernel.results.every(({ formula }) => isLight(formula)),
      renders: { f32: canRender(kernel, lanesOf.f32), f64: canRender(kernel, lanesOf.f64) },
      numbers: new Numbers(),
    }
    facts.set(kernel, known)
  }
  return known
}

/** How an input is read: as it is, as one number, as the same row for all rows, as a number for each row. */
export const ways = { whole: 0, number: 1, row: 2, column: 3 } as const

/** Elements of a task where rows are one element, so that tasks begin at whole vectors; elsewhere a task is a row. */
export const taskElements = 16

export const tasksOf = (rows: number, length: number): number => (length === 1 ? Math.ceil(rows / taskElements) : rows)

/** Runs a kernel on the job that is written. */
export function runKernel(runtime: Runtime, number: number, job: number, rows: number, length = 1): void {
  const tasks = tasksOf(rows, length)
  const grain = rows * length < limits.parallel ? tasks : Math.ceil(limits.grain / (length === 1 ? taskElements : length))
  runtime.run(number, job, { tasks, grain })
}

/** The number of a kernel whose inputs are read in {@link ways}, two bits for each from the first one on. */
export function elementwiseKernel(runtime: Runtime, kernel: Kernel, code: number, isRows: boolean, type: Real): number {
  const { shared } = runtime
  return factsOf(kernel).numbers.get(runtime, 4 * code + (isRows ? 2 : 0) + (type === 'f32' ? 0 : 1), () =>
    runtime.kernel(`elementwise/${kernel.key}/${code}/${isRows}/${type}`, () =>
      buildElementwise(kernel, code, isRows, type, shared),
    ),
  )
}

/** A module with one function: tasks `begin` to `end` of the kernel, of 16 elements or of a row each, on the addresses at `job`. */
function buildElementwise(kernel: Kernel, code: number, isRows: boolean, type: Real, shared: boolean): Uint8Array<ArrayBuffer> {
  const module = new ModuleBuilder({ memory: { shared } })
  const { bytes, splat } = reals[type]
  const count = kernel.args.length + kernel.results.length
  const wayAt = (i: number): number => Math.floor(code / 4 ** i) % 4
  const run = module.func('run', { params: { job: 'i32', begin: 'i32', end: 'i32', scratch: 'i32' } }, (f, p) => {
    const pointers = Array.from({ length: count }, (_, t) => f.let(i32.load(p.job, 4 * t)))
    const numbers = kernel.args.map((_, i) => (wayAt(i) === ways.number ? f.let(splat(pointers[i])) : undefined))
    /** Writes the loop over vectors whose operands begin at `bases`, so many bytes of each in a turn. */
    const vectors = (
      bases: Local<'i32'>[],
      scalars: typeof numbers,
      [begin, end]: readonly [Expr<'i32'> | number, Expr<'i32'>],
      turn: number,
    ): void => {
      const compute = prepareWasm({ f, module }, kernel, lanesOf[type], { scalars })
      f.for(begin, end, turn, (at) => {
        const addresses = bases.map((base, i) => (scalars[i] ? base : f.let(i32.add(base, at))))
        for (let offset = 0; offset < turn; offset += 16) {
          const args = scalars.map((scalar, i) => (scalar ? undefined : f.let(v128.load(addresses[i], offset))))
          for (const [k, result] of compute(args).entries()) f.do(v128.store(addresses[kernel.args.length + k], result, offset))
        }
      })
    }
    // Light work takes less time than its loop: four vectors in a turn are twice as fast.
    const turn = factsOf(kernel).light ? 64 : 16
    if (!isRows) {
      const taskBytes = taskElements * bytes
      return vectors(pointers, numbers, [i32.mul(p.begin, taskBytes), i32.mul(p.end, taskBytes)], turn)
    }
    const rowBytes = f.let(i32.load(p.job, 4 * count))
    f.for(p.begin, p.end, 1, (row) => {
      const start = f.let(i32.mul(row, rowBytes))
      const bases = pointers.map((pointer, t) =>
        t < kernel.args.length && wayAt(t) !== ways.whole ? pointer : f.let(i32.add(pointer, start)),
      )
      const scalars = numbers.map((number, i) =>
        wayAt(i) === ways.column ? f.let(splat(i32.add(pointers[i], i32.mul(row, bytes)))) : number,
      )
      // The last vector of a row may reach over its end.
      const whole = turn === 16 ? rowBytes : f.let(i32.and(rowBytes, -turn))
      vectors(bases, scalars, [0, whole], turn)
      if (turn > 16) vectors(bases, scalars, [whole, rowBytes], 16)
    })
  })
  module.export(run)
  return module.toBytes()
}
