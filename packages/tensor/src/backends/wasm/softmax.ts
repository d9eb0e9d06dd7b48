import { kernel } from '../../formula/kernel.ts'
import { contiguousLayout } from '../../layout.ts'
import { Tensor } from '../../tensor.ts'
import {
  type Expr,
  f64x2,
  type Func,
  type FunctionBuilder,
  i32,
  i64x2,
  integers,
  type Local,
  ModuleBuilder,
  v128,
} from './assembler/index.ts'
import { reals } from './gemm/real.ts'
import { limits } from './limits.ts'
import { foldings, sumLanes } from './reduce/lanes.ts'
import { firstLanes, storeLanes } from './lanes.ts'
import { renderWasm } from './render.ts'
import { pieceOf, workTogether } from './pieces.ts'
import { runtimeFor } from './resident.ts'
import type { Runner, Runtime } from './runtime.ts'
import { bring, bytesOf, stageFlat, target, unstage, type Real } from './stage.ts'
import { roomOf } from './threads.ts'

export interface SoftmaxOptions {
  readonly type: Real
  readonly logarithm: boolean
}

const exp = kernel(['x', 'top'], { y: 'exp(x - top)' })
const log = kernel(['x'], { y: 'log(x)' })
const params = integers('job', 'begin', 'end', 'scratch')

/** Vectors that are taken in a turn where little is done with each. */
const several = 4

/** Walks a row, `vectors` at a time and then one by one; `last` has the bytes that are left where they may be less than a vector. */
function eachVector(
  f: FunctionBuilder,
  start: Expr<'i32'>,
  bytes: Local<'i32'>,
  vectors: number,
  body: (offset: Local<'i32'>, last?: Local<'i32'>) => void,
): void {
  const at = f.let(i32.const(0))
  for (const step of new Set([vectors, 1])) {
    const end = f.let(i32.and(bytes, -16 * step))
    f.while(i32.ltU(at, end), () => {
      for (let i = 0; i < step; i++) body(f.let(i32.add(i32.add(start, at), 16 * i)))
      f.set(at, i32.add(at, 16 * step))
    })
  }
  f.if(i32.ltU(at, bytes), () => body(f.let(i32.add(start, at)), f.let(i32.sub(bytes, at))))
}

/**
 * Writes the function of softmax, or of its logarithm, for rows one after the other: tasks `begin` to `end` are rows. Words of the
 * job: the addresses of x and of the result, which may be one, and the length of a row in bytes.
 */
export function writeSoftmax(module: ModuleBuilder, { type, logarithm }: SoftmaxOptions): Func<typeof params, 'none'> {
  const { bytes: size, ops } = reals[type]
  const lanes = sumLanes(type, false)
  const lanesOf = type === 'f32' ? 'f32x4' : 'f64x2'
  return module.func(logarithm ? 'logSoftmax' : 'softmax', { params }, (f, p) => {
    const [x, out, bytes] = [0, 4, 8].map((offset) => f.let(i32.load(p.job, offset)))
    const load = (at: Local<'i32'>, last?: Local<'i32'>): Expr<'v128'> => {
      const vector = v128.load(at, 0, size)
      return last ? firstLanes(type, vector, f.let(i32.shrU(last, Math.log2(size))), -Infinity) : vector
    }
    f.for(p.begin, p.end, 1, (row) => {
      const from = f.let(i32.add(x, i32.mul(row, bytes)))
      const to = f.let(i32.sub(out, x))
      const store = (at: Local<'i32'>, value: Expr<'v128'>, last?: Local<'i32'>): void => {
        const target = f.let(i32.add(at, to))
        if (last) storeLanes(f, type, target, f.let(value), last)
        else f.do(v128.store(target, value, 0, size))
      }
      const top = f.let(ops.const(-Infinity))
      // `pmax`, one instruction, goes past a NaN; the sum does not.
      eachVector(f, from, bytes, several, (at, last) => f.set(top, ops.pmax(top, load(at, last))))
      for (const fold of foldings(lanesOf)) f.set(top, ops.pmax(top, fold(top)))
      f.set(top, ops.shuffle(top, top, ...Array.from({ length: reals[type].lanes }, () => 0)))
      const shift = f.let(v128.andnot(top, ops.eq(top, ops.const(-Infinity))))
      const sums = Array.from({ length: lanes.perVector }, () => f.let(f64x2.const(0)))
      eachVector(f, from, bytes, 1, (at, last) => {
        const [power] = renderWasm({ f, module }, exp, lanesOf, [f.let(load(at, last)), shift])
        lanes.widen(f, power).forEach((part, i) => f.set(sums[i], f64x2.add(sums[i], part)))
        if (!logarithm) store(at, power, last)
      })
      for (const sum of sums.slice(1)) f.set(sums[0], f64x2.add(sums[0], sum))
      const sum = f.let(f64x2.add(sums[0], f64x2.shuffle(sums[0], sums[0], 1, 0)))
      const whole = (value: Local<'v128'>): Local<'v128'> =>
        f.let(type === 'f32' ? i64x2.shuffle(lanes.narrow([value, value]), value, 0, 0) : value)
      const divisor = whole(sum)
      // A row of only -∞ stays that: its exponentials are zeros.
      const empty = f.let(ops.eq(divisor, ops.const(0)))
      if (logarithm) {
        const logSum = whole(renderWasm({ f, module }, log, 'f64x2', [sum])[0])
        const nothing = ops.const(-Infinity)
        eachVector(f, from, bytes, several, (at, last) =>
          store(at, v128.bitselect(nothing, ops.sub(ops.sub(load(at, last), shift), logSum), empty), last),
        )
        return
      }
      eachVector(f, f.let(i32.add(from, to)), bytes, several, (at, last) => {
        const value = v128.andnot(ops.div(v128.load(at, 0, size), divisor), empty)
        if (last) storeLanes(f, type, at, f.let(value), last)
        else f.do(v128.store(at, value, 0, size))
      })
    })
  })
}

/** Softmax along the last axis, or its logarithm: rows of arrays on all threads, of memory where they lie. */
export function softmax(runtime: Runtime, x: Tensor, out: Tensor, logarithm: boolean, type: Real): void {
  const { size } = out
  const near = runtimeFor(runtime, out, true)
  if (size < limits.parallel || near === runtime || !x.layout.contiguous || runtime.threads().count === 1)
    return softmaxStaged(near, x, out, logarithm, type)
  const length = out.shape.at(-1)!
  const rows = Math.ceil(pieceOf(size) / length)
  const bytes = rows * length * bytesOf[type]
  const kernel = softmaxKernel(runtime, logarithm, type)
  runtime.begin()
  const room = roomOf(runtime.threads().count)
  const [from, to] = [runtime.reserve(room * bytes), runtime.reserve(room * bytes)]
  const job = writeJob(runtime, from, to, length * bytesOf[type])
  const cut = ({ buffer, layout, dtype }: Tensor, piece: number): Tensor => {
    const count = Math.min(rows, size / length - piece * rows)
    return new Tensor(buffer, contiguousLayout([count, length], layout.offset + piece * rows * length), dtype)
  }
  workTogether(runtime.offer(kernel, job, rows), {
    count: Math.ceil(size / length / rows),
    alone: (piece) => softmaxStaged(near, cut(x, piece), cut(out, piece), logarithm, type),
    bring: (piece, place) => stageFlat(runtime, cut(x, piece), from + place * bytes, type),
    take: (piece, place) => unstage(runtime, to + place * bytes, cut(out, piece), type),
  })
}

function softmaxStaged(runtime: Runner, x: Tensor, out: Tensor, logarithm: boolean, type: Real): void {
  const length = out.shape.at(-1)!
  const kernel = softmaxKernel(runtime, logarithm, type)
  runtime.begin()
  const [from, to] = [bring(runtime, x, type), target(runtime, out, type)]
  const job = writeJob(runtime, from, to, length * bytesOf[type])
  runtime.run(kernel, job, { tasks: out.size / length, grain: Math.ceil(limits.softmaxGrain / length) })
  unstage(runtime, to, out, type)
}

const softmaxKernel = (runtime: Runner, logarithm: boolean, type: Real): number =>
  runtime.kernel(`softmax/${type}/${logarithm}`, () => {
    const module = new ModuleBuilder({ memory: { shared: runtime.shared } })
    module.export(writeSoftmax(module, { type, logarithm }))
    return module.toBytes()
  })

function writeJob(runtime: Runner, from: number, to: number, rowBytes: number): number {
  const job = runtime.job(12)
  runtime.i32.set([from, to, rowBytes], job >> 2)
  return job
}
