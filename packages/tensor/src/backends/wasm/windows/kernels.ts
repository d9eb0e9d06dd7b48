import {
  type Expr,
  f32,
  f64,
  type Func,
  type FunctionBuilder,
  i32,
  integers,
  type Local,
  type ModuleBuilder,
  v128,
} from '../assembler/index.ts'
import { multiplyAdd, type Real, reals } from '../gemm/real.ts'
import { storeLanes } from '../lanes.ts'
import { loadWindowJob } from './job.ts'
import { type Place, taskOf, writePlaces, writeZeros } from './walk.ts'

/**
 * What is done where windows meet elements, for each channel by itself: pooling, its gradients, and the convolution of each
 * channel with a filter of its own, with the gradients of that.
 */
export type WindowKind =
  | 'max'
  | 'mean'
  | 'pick'
  | 'maxGradient'
  | 'meanGradient'
  | 'depthwise'
  | 'depthwiseInput'
  | 'depthwiseKernel'

export interface WindowOptions {
  readonly kind: WindowKind
  readonly type: Real
  /** How many spatial axes there are. */
  readonly rank: number
  readonly fused: boolean
  /** No two windows meet an element: what one adds to it is all that it gets. @defaultValue false */
  readonly apart?: boolean
  /** Windows of so many elements along each axis, for which code is written out. @defaultValue any */
  readonly window?: readonly number[] | undefined
}

type Vectors = Local<'v128'>[]
type Address = Local<'i32'>

/** Some vectors of channels of one place, `at` bytes behind the task's first. */
interface Slice {
  readonly f: FunctionBuilder
  readonly options: WindowOptions
  readonly place: Place
  /** What lies `beside` the element at x. */
  readonly beside: (x: Address) => Expr<'i32'>
  readonly vectors: number
  /** Writes code for every element that the place meets, given where it is and its values. */
  readonly each: (met: (x: Address, values: Vectors) => void) => void
  readonly load: (address: Expr<'i32'>) => Vectors
  readonly store: (address: Expr<'i32'>, values: readonly Expr<'v128'>[]) => void
  /** Adds values to what lies at an address. */
  readonly add: (address: Expr<'i32'>, values: readonly Expr<'v128'>[]) => void
}

const params = integers('job', 'begin', 'end', 'scratch')

/** Writes the function of a kind: tasks `begin` to `end` of the job that `writeWindowJob` has written. */
export function writeWindows(module: ModuleBuilder, options: WindowOptions): Func<typeof params, 'none'> {
  const { kind, type, rank, window } = options
  const size = reals[type].bytes
  return module.func(kind, { params }, (f, p) => {
    const { head, axes } = loadWindowJob(f, p.job, rank)
    f.for(p.begin, p.end, 1, (number) => {
      const task = taskOf(f, head, number)
      const target = (start: Expr<'i32'>, step: Address): Expr<'i32'> =>
        i32.add(i32.add(start, i32.mul(task.image, step)), task.first)
      if (kind === 'depthwiseKernel') writeZeros(f, head, task, target(head.kernel, head.kernelImage))
      if (addsToX.has(kind)) writeZeros(f, head, task, target(i32.add(head.x, head.beside), head.xImage))
      const eachSlice = (place: Place, wide: number, isWhole: boolean): void => {
        const at = f.let(i32.const(0))
        const slice = (vectors: number, bytes?: Address): Slice => {
          const load = (address: Expr<'i32'>): Vectors => {
            const from = f.let(i32.add(address, at))
            return Array.from({ length: vectors }, (_, i) => f.let(v128.load(from, 16 * i, size)))
          }
          const store = (address: Expr<'i32'>, values: readonly Expr<'v128'>[]): void => {
            const to = f.let(i32.add(address, at))
            if (bytes) storeLanes(f, type, to, f.let(values[0]), bytes)
            else values.forEach((value, i) => f.do(v128.store(to, value, 16 * i, size)))
          }
          // Code that is written out has each value in a local.
          const loaded = new Map<Address, Vectors>()
          const valuesAt = (x: Address): Vectors => {
            if (isWhole && !loaded.has(x)) loaded.set(x, load(x))
            return loaded.get(x) ?? load(x)
          }
          return {
            f,
            options,
            place,
            beside: (x) => i32.add(x, head.beside),
            vectors,
            each: (met) => place.each((x) => met(x, valuesAt(x))),
            load,
            store,
            add: (address, values) =>
              store(
                address,
                // Zero and -0 are 0 here, too.
                (options.apart ? values.map(() => reals[type].ops.const(0)) : load(address)).map((old, i) =>
                  reals[type].ops.add(old, values[i]),
                ),
              ),
          }
        }
        f.while(i32.leU(i32.add(at, wide * 16), task.bytes), () => {
          kinds[kind](slice(wide))
          f.set(at, i32.add(at, wide * 16))
        })
        f.while(i32.ltU(at, task.bytes), () => {
          kinds[kind](slice(1, f.let(i32.sub(task.bytes, at))))
          f.set(at, i32.add(at, 16))
        })
      }
      writePlaces(f, head, axes, task, (place) => {
        const any = (): void => eachSlice(place, wide, false)
        if (!window) return any()
        const elements = window.reduce((product, length) => product * length, 1)
        f.if(i32.eq(place.count, elements), () => eachSlice(place.whole(window), 2, true), any)
      })
    })
  })
}

/** Vectors that are computed side by side. */
const wide = 4

const addsToX = new Set<WindowKind>(['maxGradient', 'meanGradient', 'depthwiseInput'])

const splatCount = ({ f, options: { type }, place }: Slice): Local<'v128'> =>
  f.let(type === 'f32' ? reals.f32.ops.splat(f32.convertI32S(place.count)) : reals.f64.ops.splat(f64.convertI32S(place.count)))

const fresh = ({ f, options, vectors }: Slice, value: number): Vectors =>
  Array.from({ length: vectors }, () => f.let(reals[options.type].ops.const(value)))

/** The largest element of each channel and, as a condition, whether there may be NaN among all, which it leaves out. */
function largest(slice: Slice): { top: Vectors; maybeNaN: Expr<'i32'> } {
  const { f, options, each } = slice
  const { ops } = reals[options.type]
  const [top, sum] = [fresh(slice, -Infinity), fresh(slice, 0)]
  // One instruction, where `max` takes eight. A sum is NaN if an element is.
  each((_, values) =>
    values.forEach((value, i) => {
      f.set(top[i], ops.pmax(top[i], value))
      f.set(sum[i], ops.add(sum[i], value))
    }),
  )
  return { top, maybeNaN: v128.anyTrue(sum.map((one) => ops.ne(one, one)).reduce((any, one) => v128.or(any, one))) }
}

const kinds: Readonly<Record<WindowKind, (slice: Slice) => void>> = {
  max(slice) {
    const { f, options, place, each, store } = slice
    const { top, maybeNaN } = largest(slice)
    f.if(maybeNaN, () =>
      each((_, values) => values.forEach((value, i) => f.set(top[i], reals[options.type].ops.max(top[i], value)))),
    )
    store(place.y, top)
  },
  mean(slice) {
    const { f, options, place, each, store } = slice
    const { ops } = reals[options.type]
    const sums = fresh(slice, 0)
    each((_, values) => values.forEach((value, i) => f.set(sums[i], ops.add(sums[i], value))))
    const count = splatCount(slice)
    store(
      place.y,
      sums.map((sum) => ops.div(sum, count)),
    )
  },
  pick(slice) {
    const { f, place, load, store, beside } = slice
    const picked = fresh(slice, 0)
    eachLargest(slice, (x, masks) =>
      load(beside(x)).forEach((value, i) => f.set(picked[i], v128.bitselect(value, picked[i], masks[i]))),
    )
    store(place.y, picked)
  },
  maxGradient(slice) {
    const { place, load, add, beside } = slice
    const dy = load(place.y)
    eachLargest(slice, (x, masks) =>
      add(
        beside(x),
        masks.map((mask, i) => v128.and(dy[i], mask)),
      ),
    )
  },
  meanGradient(slice) {
    const { f, options, place, load, add, beside } = slice
    const count = splatCount(slice)
    const share = load(place.y).map((dy) => f.let(reals[options.type].ops.div(dy, count)))
    place.each((x) => add(beside(x), share))
  },
  depthwise(slice) {
    const { f, options, place, load, store } = slice
    const sums = fresh(slice, 0)
    place.each((x, kernel) => {
      const weights = load(kernel)
      load(x).forEach((value, i) => f.set(sums[i], multiplyAdd(options, value, weights[i], sums[i])))
    })
    store(place.y, sums)
  },
  depthwiseInput({ options, place, load, store, beside }) {
    const dy = load(place.y)
    place.each((x, kernel) => {
      const weights = load(kernel)
      const old = load(beside(x))
      store(
        beside(x),
        old.map((sum, i) => multiplyAdd(options, dy[i], weights[i], sum)),
      )
    })
  },
  depthwiseKernel({ options, place, load, store }) {
    const dy = load(place.y)
    place.each((x, kernel) => {
      const old = load(kernel)
      const values = load(x)
      store(
        kernel,
        old.map((sum, i) => multiplyAdd(options, dy[i], values[i], sum)),
      )
    })
  },
}

/** For each element masks of the channels whose first largest it is, or first NaN. */
function eachLargest(slice: Slice, use: (x: Address, masks: Vectors) => void): void {
  const { f, options, each } = slice
  const { ops } = reals[options.type]
  const { top, maybeNaN } = largest(slice)
  const eachFirst = (isTop: (value: Local<'v128'>, i: number) => Expr<'v128'>): void => {
    const taken = fresh(slice, 0)
    each((x, values) => {
      const are = values.map((value, i) => f.let(isTop(value, i)))
      const masks = are.map((is, i) => f.let(v128.andnot(is, taken[i])))
      are.forEach((is, i) => f.set(taken[i], v128.or(taken[i], is)))
      use(x, masks)
    })
  }
  f.if(
    maybeNaN,
    () => {
      const isNaN = fresh(slice, 0)
      each((_, values) => values.forEach((value, i) => f.set(isNaN[i], v128.or(isNaN[i], ops.ne(value, value)))))
      eachFirst((value, i) => v128.or(v128.andnot(ops.eq(value, top[i]), isNaN[i]), ops.ne(value, value)))
    },
    () => eachFirst((value, i) => ops.eq(value, top[i])),
  )
}
