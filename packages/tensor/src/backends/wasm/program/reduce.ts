import type { Details } from '../../../compile/trace.ts'
import { bytesPerElement } from '../../../dtype.ts'
import { kernel, type Kernel } from '../../../formula/kernel.ts'
import { call, name, parse } from '../../../formula/parse.ts'
import { collapse } from '../../../layout.ts'
import type { Tensor } from '../../../tensor.ts'
import type { Reduction } from '../../backend.ts'
import { f32x4, f64x2, i32, i32x4, i64x2, type Local } from '../assembler/index.ts'
import { canRender, prepareWasm, type LaneType, type RenderTarget } from '../render.ts'
import { loadLanes, loadOne, splatFirst, storeLanes } from './loop.ts'
import { writeNest } from './nest.ts'
import { beginOf, type Storage } from './storage.ts'

type Lanes = Local<'v128'>

const zeroOf = { f32x4: f32x4.const, f64x2: f64x2.const, i32x4: i32x4.const } as const
const lanesOf = { f32x4: 4, f64x2: 2, i32x4: 4 } as const

interface Kernels {
  /** The function that an accumulator and an element are the arguments of. */
  readonly fn: string
  readonly step: Kernel
  /** Brings two accumulators together. */
  readonly combine: Kernel
  readonly finish: Kernel
}

const made = new WeakMap<Reduction, Kernels>()

function kernelsOf(reduction: Reduction): Kernels | undefined {
  const known = made.get(reduction)
  if (known) return known
  const formula = parse(reduction.step)
  if (formula.op !== 'call' || !mergeable.has(formula.fn)) return undefined
  const kernels = {
    fn: formula.fn,
    step: kernel(['acc', 'x'], { y: formula }),
    combine: kernel(['acc', 'x'], { y: call(formula.fn, name('acc'), name('x')) }),
    finish: kernel(['acc', 'n'], { y: reduction.finish ?? 'acc' }),
  }
  made.set(reduction, kernels)
  return kernels
}

/** Functions that may be applied in any order. */
const mergeable = new Set(['+', '*', 'max', 'min', '||', '&&'])

/** The lanes that a reduction accumulates in: sums and products in double precision. */
function accumulatorOf(reduction: Reduction, x: Tensor, out: Tensor): LaneType {
  if (out.dtype === 'int32') return 'i32x4'
  const { fn } = kernelsOf(reduction)!
  return x.dtype === 'float64' || x.dtype === 'int32' || fn === '+' || fn === '*' ? 'f64x2' : 'f32x4'
}

/** Whether {@link writeReduce} can write a reduction. */
export function canReduce({ reduction }: Details['reduce'], x: Tensor, out: Tensor): boolean {
  const kernels = kernelsOf(reduction)
  if (!kernels || out.dtype === 'uint8' || out.size === 0 || x.size === 0) return false
  const type = accumulatorOf(reduction, x, out)
  if (
    type === 'i32x4' &&
    (!Number.isInteger(reduction.init) || (x.dtype !== 'int32' && x.dtype !== 'bool' && x.dtype !== 'uint8'))
  )
    return false
  return canRender(kernels.step, type) && canRender(kernels.combine, type) && canRender(kernels.finish, type)
}

/** Accumulators that grow side by side, since each addition waits for the one before. */
const together = 4

/** Writes a reduction in the place where `target.f` stands. */
export function writeReduce(target: RenderTarget, details: Details['reduce'], x: Tensor, out: Tensor, storage: Storage): void {
  const { f } = target
  const { reduction, axes } = details
  const { fn, step, combine, finish } = kernelsOf(reduction)!
  const type = accumulatorOf(reduction, x, out)
  const lanes = lanesOf[type]
  const [width, outWidth] = [bytesPerElement(x.dtype), bytesPerElement(out.dtype)]
  const keptAxes = [...x.shape.keys()].filter((axis) => !axes.includes(axis))
  const pick = (list: readonly number[], which: readonly number[]): number[] => which.map((axis) => list[axis])
  const inner = axes.toSorted((a, b) => Math.abs(x.layout.strides[b]) - Math.abs(x.layout.strides[a]))
  const kept = collapse(pick(x.shape, keptAxes), [pick(x.layout.strides, keptAxes), out.layout.strides])
  const reduced = collapse(pick(x.shape, inner), [pick(x.layout.strides, inner)])
  const count = axes.reduce((n, axis) => n * x.shape[axis], 1)
  const xSteps = (strides: readonly number[]): number[] => strides.map((stride) => stride * width)
  const outSteps = (strides: readonly number[]): number[] => strides.map((stride) => stride * outWidth)

  const written = (k: Kernel): ((a: Lanes, b: Lanes) => Lanes) => {
    const rendered = prepareWasm(target, k, type)
    return (a, b) => rendered([a, b])[0]
  }
  const [stepped, combined, finished] = [step, combine, finish].map(written)
  const grow = (acc: Lanes, value: Lanes): void => f.set(acc, stepped(acc, value))
  const fresh = (): Lanes => f.let(zeroOf[type](reduction.init))
  const end = (acc: Lanes): Lanes => finished(acc, f.let(zeroOf[type](count)))
  const [start, outStart] = [x, out].map((one) => beginOf(f, one, storage))
  const overrun = storage.mayOverrun(out)

  const rank = kept.shape.length
  const columns =
    rank > 0 && kept.strides[0][rank - 1] === 1 && kept.strides[1][rank - 1] === 1 && reduced.strides[0].at(-1) !== 1
  if (columns) {
    // Neighbours along the last kept axis go side by side.
    const length = kept.shape[rank - 1]
    const strip = (places: readonly Local<'i32'>[], vectors: number, first: Local<'i32'> | number, most: number): void => {
      const [from, to] = places.map((place, i) =>
        typeof first === 'number'
          ? f.let(i32.add(place, first * (i === 0 ? width : outWidth)))
          : f.let(i32.add(place, i32.mul(first, i === 0 ? width : outWidth))),
      )
      const sums = Array.from({ length: vectors }, fresh)
      writeNest(f, reduced.shape, [from], [xSteps(reduced.strides[0])], ([at]) => {
        f.scope(() => {
          sums.forEach((sum, v) => grow(sum, f.let(loadLanes(type, x.dtype, { at, offset: v * lanes * width }))))
        })
      })
      sums.forEach((sum, v) => {
        const size = Math.min(lanes, most - v * lanes)
        storeLanes(target, type, out.dtype, { at: to, offset: v * lanes * outWidth }, end(sum), size, overrun)
      })
    }
    const outer = kept.shape.slice(0, -1)
    const steps = [xSteps(kept.strides[0].slice(0, -1)), outSteps(kept.strides[1].slice(0, -1))]
    writeNest(f, outer, [start, outStart], steps, (places) => {
      const wide = together * lanes
      const whole = Math.floor(length / wide) * wide
      if (whole > 0) f.for(0, whole, wide, (first) => strip(places, together, first, wide))
      const rest = length - whole
      if (rest > 0) f.scope(() => strip(places, Math.ceil(rest / lanes), whole, rest))
    })
    return
  }

  const depth = reduced.shape.length
  const length = depth > 0 ? reduced.shape[depth - 1] : 1
  // Products stay in order: parts that come to 0 and ∞ would make NaN of what comes to ∞.
  const runs = depth > 0 && reduced.strides[0][depth - 1] === 1 && fn !== '*'
  writeNest(f, kept.shape, [start, outStart], [xSteps(kept.strides[0]), outSteps(kept.strides[1])], ([from, to]) => {
    f.scope(() => {
      const wide = runs ? together * lanes : 0
      const whole = runs ? Math.floor(length / wide) * wide : 0
      const sums = whole > 0 ? Array.from({ length: together }, fresh) : []
      const single = fresh()
      writeNest(f, reduced.shape.slice(0, -1), [from], [xSteps(reduced.strides[0].slice(0, -1))], ([line]) => {
        if (whole > 0)
          f.for(0, whole * width, wide * width, (i) => {
            const at = f.let(i32.add(line, i))
            sums.forEach((sum, v) => grow(sum, f.let(loadLanes(type, x.dtype, { at, offset: v * lanes * width }))))
          })
        const step = depth > 0 ? reduced.strides[0][depth - 1] * width : 0
        if (length - whole > 0) {
          const at = f.let(i32.add(line, whole * width))
          f.repeat(length - whole, () => {
            grow(single, f.let(loadOne(type, x.dtype, { at, offset: 0 })))
            f.set(at, i32.add(at, step))
          })
        }
      })
      let total: Lanes | undefined
      for (const sum of sums) total = total ? combined(total, sum) : sum
      if (total) {
        const all = total
        const shuffle = type === 'f64x2' ? i64x2.shuffle : i32x4.shuffle
        const folded = type === 'f64x2' ? all : combined(all, f.let(shuffle(all, all, 2, 3, 0, 1)))
        const pair = type === 'f64x2' ? f.let(shuffle(folded, folded, 1, 0)) : f.let(shuffle(folded, folded, 1, 0, 3, 2))
        total = combined(combined(folded, pair), single)
      } else total = single
      storeLanes(target, type, out.dtype, { at: to, offset: 0 }, end(f.let(splatFirst(type, total))), 1, false)
    })
  })
}
