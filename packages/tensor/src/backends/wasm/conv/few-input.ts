/**
 * The gradient for an input of few channels, and so transposed convolution to few: what is summed for a result lies in runs of memory, and
 * sums go across the lanes of a vector, where a product of matrices would fill a panel of columns for each of them.
 */
import { i32, integers, ModuleBuilder, v128 } from '../assembler/index.ts'
import { type GemmOptions, multiplyAdd, reals, type Real } from '../gemm/real.ts'
import type { Images } from '../images.ts'
import type { Runner } from '../runtime.ts'
import { jobOf, limits, readJob } from './few.ts'
import { type Axis, placesOf, runsOf } from './geometry.ts'
import type { Channels } from './product.ts'

const params = integers('job', 'begin', 'end', 'scratch')

const words = [
  ...(['images', 'imageStep', 'rows', 'rowTable', 'places', 'runs', 'runTable', 'runBytes'] as const),
  ...(['kernel', 'taps', 'tapTable', 'filterBytes', 'channels', 'out'] as const),
] as const

/** Places side by side of a tile: with what is loaded for them they just fit the registers. */
const tilePlaces = 6

/**
 * Computes the gradient at places that read results along `axes`, at which they meet the `positions` of the window, if it is of few
 * channels; returns whether it did.
 */
export function fewInput(
  runtime: Runner,
  type: Real,
  images: Images,
  axes: readonly Axis[],
  { batch, groups, channels, filters }: Channels,
  positions: readonly number[],
  kernel: number,
  out: number,
): boolean {
  const { bytes, lanes } = reals[type]
  const last = axes.at(-1)!
  if (groups !== 1 || channels > limits.channels || filters % lanes !== 0 || last.places < tilePlaces) return false
  if (positions.length * channels * filters * bytes > limits.kernel || images.strides.at(-1) !== filters || last.step !== 1)
    return false
  const { fused, shared } = runtime
  const table = (numbers: readonly number[] | Int32Array): number => runtime.table(Int32Array.from(numbers, (one) => one * bytes))
  const runs = runsOf(axes, images.strides, filters)
  const rows = placesOf([...axes.slice(0, -1), { ...last, places: 1 }], images.strides)
  const values: Record<(typeof words)[number], number> = {
    images: images.address,
    imageStep: images.imageStride * bytes,
    rows: rows.length,
    rowTable: table(rows),
    places: last.places,
    runs: runs.starts.length,
    runTable: table(runs.starts),
    runBytes: runs.length * bytes,
    kernel,
    taps: positions.length,
    tapTable: table(positions.map((position) => position * channels * filters)),
    filterBytes: filters * bytes,
    channels,
    out,
  }
  const step = filters * bytes
  const number = runtime.kernel(`few input/${type}/${fused}/${step}`, () => buildInput({ type, fused, shared }, step))
  const grain = Math.ceil((1 << 18) / (last.places * positions.length * step * channels))
  runtime.run(number, jobOf(runtime, words, values), { tasks: batch * rows.length, grain })
  return true
}

/** Tasks are rows of images; `step` bytes of results lie from one place to the next. */
function buildInput(options: GemmOptions, step: number): Uint8Array<ArrayBuffer> {
  const { type, shared } = options
  const { bytes, lanes, ops } = reals[type]
  const module = new ModuleBuilder({ memory: { shared } })
  const run = module.func('input', { params }, (f, p) => {
    const w = readJob(f, p.job, words)
    // The kernel channel by channel, in the order in which results are read.
    const to = f.let(p.scratch)
    f.for(0, w.channels, 1, (channel) => {
      const entry = f.let(w.tapTable)
      f.repeat(w.taps, () => {
        const from = f.let(i32.add(i32.add(w.kernel, i32.load(entry)), i32.mul(channel, w.filterBytes)))
        f.for(0, w.filterBytes, 16, (at) => {
          f.do(v128.store(to, v128.load(i32.add(from, at), 0, bytes)))
          f.set(to, i32.add(to, 16))
        })
        f.set(entry, i32.add(entry, 4))
      })
    })
    const pixel = f.let(i32.mul(w.channels, bytes))
    f.for(p.begin, p.end, 1, (task) => {
      const image = f.let(i32.divU(task, w.rows))
      const row = f.let(i32.sub(task, i32.mul(image, w.rows)))
      const start = i32.add(i32.mul(image, w.imageStep), i32.load(i32.add(w.rowTable, i32.shl(row, 2))))
      const line = f.let(i32.add(w.images, start))
      const result = f.let(i32.add(w.out, i32.mul(i32.mul(task, w.places), pixel)))
      f.for(0, w.places, tilePlaces, (i) => {
        // The last tile begins where it is whole: what it computes again is the same.
        const place = f.least(i, i32.sub(w.places, tilePlaces))
        const at = f.let(i32.add(line, i32.mul(place, step)))
        const b = f.let(p.scratch)
        f.for(0, w.channels, 1, (channel) => {
          const sums = Array.from({ length: tilePlaces }, () => f.let(ops.const(0)))
          const entry = f.let(w.runTable)
          f.repeat(w.runs, () => {
            const a = f.let(i32.add(at, i32.load(entry)))
            f.for(0, w.runBytes, 16, () => {
              const y = f.let(v128.load(b))
              const x = sums.map((_, i) => f.let(v128.load(a, i * step, bytes)))
              sums.forEach((sum, i) => f.set(sum, multiplyAdd(options, x[i], y, sum)))
              f.set(a, i32.add(a, 16))
              f.set(b, i32.add(b, 16))
            })
            f.set(entry, i32.add(entry, 4))
          })
          const c = f.let(i32.add(i32.add(result, i32.mul(place, pixel)), i32.mul(channel, bytes)))
          for (const sum of sums) {
            if (type === 'f32') f.set(sum, ops.add(sum, reals.f32.ops.shuffle(sum, sum, 2, 3, 0, 1)))
            const first = lanes === 4 ? reals.f32.ops.shuffle(sum, sum, 1, 0, 3, 2) : reals.f64.ops.shuffle(sum, sum, 1, 0)
            f.set(sum, ops.add(sum, first))
            f.do(type === 'f32' ? v128.store32Lane(c, sum, 0) : v128.store64Lane(c, sum, 0))
            f.set(c, i32.add(c, pixel))
          }
        })
      })
    })
  })
  module.export(run)
  return module.toBytes()
}
