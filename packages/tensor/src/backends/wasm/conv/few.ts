/**
 * Convolutions of few channels, as the first of a network: so little is summed for each result that packing patches, and the way into and
 * out of a tile, cost as much as the products. Here elements of the windows are read where they lie, and tiles follow each other in a loop.
 */
import { type Expr, type FunctionBuilder, i32, integers, type Local, memory, ModuleBuilder, v128 } from '../assembler/index.ts'
import { blockDepth, type Real } from '../gemm/index.ts'
import { type GemmOptions, multiplyAdd, reals, tileColumns, tileRows } from '../gemm/real.ts'
import type { Images } from '../images.ts'
import type { Runner } from '../runtime.ts'
import { type Axis, placesOf, runsOf } from './geometry.ts'
import type { Channels } from './product.ts'

/** Where they are faster than products of matrices, measured on Zen 3 with Node 20. Only the gradient of the kernel has other bits. */
export const limits = {
  channels: 4,
  /** Bytes of the kernel, which the inner caches are to hold. */
  kernel: 1 << 16,
}

const params = integers('job', 'begin', 'end', 'scratch')

const words = [
  ...(['images', 'imageStep', 'rows', 'rowTable', 'places', 'taps', 'tapTable', 'filterBytes', 'kernel', 'out'] as const),
  /** Images of a task that sums, and rows that are summed before the kernel is touched. */
  ...(['part', 'block'] as const),
] as const

/** What is read of images: rows of places, in each the elements of all taps. */
export interface Few {
  readonly options: GemmOptions
  /** Bytes from one place to the next. */
  readonly step: number
  readonly words: Record<(typeof words)[number], number>
}

/** A convolution of few channels, if it is one. */
export function fewOf(
  runtime: Runner,
  type: Real,
  images: Images,
  axes: readonly Axis[],
  { batch, groups, channels, filters }: Channels,
): Few | undefined {
  const { bytes } = reals[type]
  const last = axes.at(-1)!
  const runs = runsOf(axes, images.strides, channels)
  const taps = runs.starts.length * runs.length
  const isFew = groups === 1 && channels <= limits.channels && taps > 0 && taps <= blockDepth && batch > 0
  if (!isFew || filters % tileColumns(type) !== 0 || taps * filters * bytes > limits.kernel) return undefined
  // The distance between places is a part of the code.
  if (last.places < tileRows || images.strides.at(-1) !== channels) return undefined
  const { fused, shared } = runtime
  const offsets = (starts: readonly number[] | Int32Array): number =>
    runtime.table(Int32Array.from(starts, (start) => start * bytes))
  const rows = placesOf([...axes.slice(0, -1), { ...last, places: 1 }], images.strides)
  const all = [...runs.starts].flatMap((start) => Array.from({ length: runs.length }, (_, i) => start + i))
  return {
    options: { type, fused, shared },
    step: last.step * channels * bytes,
    words: {
      images: images.address,
      imageStep: images.imageStride * bytes,
      rows: rows.length,
      rowTable: offsets(rows),
      places: last.places,
      taps,
      tapTable: offsets(all),
      filterBytes: filters * bytes,
      kernel: 0,
      out: 0,
      part: 0,
      block: Math.max(1, Math.floor(blockDepth / last.places)),
    },
  }
}

const keyOf = (name: string, { options: { type, fused }, step }: Few): string => `few ${name}/${type}/${fused}/${step}`

/** Writes the words of a job in their order; returns where they are. */
export function jobOf<W extends string>(runtime: Runner, words: readonly W[], values: Readonly<Record<W, number>>): number {
  const job = runtime.job(4 * words.length)
  runtime.i32.set(
    words.map((word) => values[word]),
    job >> 2,
  )
  return job
}

/** The result, of a kernel at an address; each task is a row of an image. */
export function runFew(runtime: Runner, few: Few, batch: number, kernel: number, out: number): void {
  const { rows, places, taps, filterBytes } = few.words
  const number = runtime.kernel(keyOf('forward', few), () => buildForward(few))
  const grain = Math.ceil((1 << 18) / (places * taps * filterBytes))
  runtime.run(number, jobOf(runtime, words, { ...few.words, kernel, out }), { tasks: batch * rows, grain })
}

/** The gradient of a kernel, given that of the result at an address, in so many parts, one after the other at `out`. */
export function runFewKernel(runtime: Runner, few: Few, batch: number, slopes: number, parts: number, out: number): void {
  const number = runtime.kernel(keyOf('kernel', few), () => buildKernel(few))
  runtime.run(number, jobOf(runtime, words, { ...few.words, kernel: slopes, out, part: batch / parts }), {
    tasks: parts,
    grain: 1,
  })
}

/** The words of a job by name, each in a local. */
export const readJob = <W extends string>(f: FunctionBuilder, job: Local<'i32'>, words: readonly W[]): Record<W, Local<'i32'>> =>
  Object.fromEntries(words.map((name, i) => [name, f.let(i32.load(job, 4 * i))])) as Record<W, Local<'i32'>>

function buildForward({ options, step }: Few): Uint8Array<ArrayBuffer> {
  const { bytes, ops, splat } = reals[options.type]
  const panel = tileColumns(options.type) * bytes
  const module = new ModuleBuilder({ memory: { shared: options.shared } })
  const forward = module.func('forward', { params }, (f, p) => {
    const w = readJob(f, p.job, words)
    // The kernel in panels of two vectors of filters.
    const to = f.let(p.scratch)
    f.for(0, w.filterBytes, panel, (left) => {
      const from = f.let(i32.add(w.kernel, left))
      f.repeat(w.taps, () => {
        for (let at = 0; at < panel; at += 16) f.do(v128.store(to, v128.load(from, at, bytes), at))
        f.set(from, i32.add(from, w.filterBytes))
        f.set(to, i32.add(to, panel))
      })
    })
    f.for(p.begin, p.end, 1, (task) => {
      const image = f.let(i32.divU(task, w.rows))
      const row = f.let(i32.sub(task, i32.mul(image, w.rows)))
      const start = i32.add(i32.mul(image, w.imageStep), i32.load(i32.add(w.rowTable, i32.shl(row, 2))))
      const line = f.let(i32.add(w.images, start))
      const result = f.let(i32.add(w.out, i32.mul(i32.mul(task, w.places), w.filterBytes)))
      const columns = f.let(p.scratch)
      f.for(0, w.filterBytes, panel, (left) => {
        f.for(0, w.places, tileRows, (i) => {
          // The last tile begins where it is whole: what it computes again is the same.
          const place = f.least(i, i32.sub(w.places, tileRows))
          const at = f.let(i32.add(line, i32.mul(place, step)))
          const sums = Array.from({ length: tileRows }, () => [f.let(ops.const(0)), f.let(ops.const(0))])
          const [b, tap] = [f.let(columns), f.let(w.tapTable)]
          // One tap at a time: of more of them the engine would put all loads first, and run out of registers.
          f.repeat(w.taps, () => {
            const a = f.let(i32.add(at, i32.load(tap)))
            const [y, z] = [f.let(v128.load(b)), f.let(v128.load(b, 16))]
            sums.forEach((line, i) => {
              const x = f.let(splat(a, i * step))
              f.set(line[0], multiplyAdd(options, x, y, line[0]))
              f.set(line[1], multiplyAdd(options, x, z, line[1]))
            })
            f.set(b, i32.add(b, panel))
            f.set(tap, i32.add(tap, 4))
          })
          const c = f.let(i32.add(i32.add(result, left), i32.mul(place, w.filterBytes)))
          for (const line of sums) {
            line.forEach((sum, j) => f.do(v128.store(c, sum, 16 * j, bytes)))
            f.set(c, i32.add(c, w.filterBytes))
          }
        })
        f.set(columns, i32.add(columns, i32.mul(w.taps, panel)))
      })
    })
  })
  module.export(forward)
  return module.toBytes()
}

const tileParams = integers('image', 'rowTable', 'rows', 'places', 'tapTable', 'taps', 'slopes', 'filterBytes', 'c')

function buildKernel({ options, step }: Few): Uint8Array<ArrayBuffer> {
  const { bytes, ops, splat } = reals[options.type]
  const panel = tileColumns(options.type) * bytes
  const module = new ModuleBuilder({ memory: { shared: options.shared } })
  /** The sums of two vectors of filters over some rows for up to four taps. */
  const tile = module.func('tile', { params: tileParams }, (f, p) => {
    const sums = Array.from({ length: tileRows }, () => [f.let(ops.const(0)), f.let(ops.const(0))])
    // The last tap stands for those that are missing.
    const offsets = sums.map((_, i) => f.let(i32.load(i === 0 ? p.tapTable : i32.add(p.tapTable, i32.shl(f.least(i, i32.sub(p.taps, 1)), 2))))) // prettier-ignore
    f.repeat(p.rows, () => {
      const line = f.let(i32.add(p.image, i32.load(p.rowTable)))
      const at = offsets.map((offset) => f.let(i32.add(line, offset)))
      f.repeat(p.places, () => {
        const columns = [0, 16].map((at) => f.let(v128.load(p.slopes, at, bytes)))
        sums.forEach((line, i) => {
          const x = f.let(splat(at[i]))
          line.forEach((sum, j) => f.set(sum, multiplyAdd(options, x, columns[j], sum)))
        })
        for (const address of at) f.set(address, i32.add(address, step))
        f.set(p.slopes, i32.add(p.slopes, p.filterBytes))
      })
      f.set(p.rowTable, i32.add(p.rowTable, 4))
    })
    sums.forEach((line, i) =>
      f.if(i32.gtS(p.taps, i), () => {
        line.forEach((sum, j) => f.do(v128.store(p.c, ops.add(v128.load(p.c, 16 * j, bytes), sum), 16 * j, bytes)))
        f.set(p.c, i32.add(p.c, p.filterBytes))
      }),
    )
  })
  const run = module.func('kernel', { params }, (f, p) => {
    const w = readJob(f, p.job, words)
    const size = f.let(i32.mul(w.taps, w.filterBytes))
    f.for(p.begin, p.end, 1, (task) => {
      const out = f.let(i32.add(w.out, i32.mul(task, size)))
      f.do(memory.fill(out, 0, size))
      const first = f.let(i32.mul(task, w.part))
      f.for(first, i32.add(first, w.part), 1, (number) => {
        const image = f.let(i32.add(w.images, i32.mul(number, w.imageStep)))
        f.for(0, w.rows, w.block, (row) => {
          const rows = f.least(i32.sub(w.rows, row), w.block)
          const line = i32.mul(i32.add(i32.mul(number, w.rows), row), w.places)
          const slopes = f.let(i32.add(w.kernel, i32.mul(line, w.filterBytes)))
          const rowTable = f.let(i32.add(w.rowTable, i32.shl(row, 2)))
          f.for(0, w.filterBytes, panel, (left) => {
            f.for(0, w.taps, tileRows, (tap) => {
              const at = (start: Local<'i32'>, step: Expr<'i32'>): Expr<'i32'> => i32.add(start, i32.mul(tap, step))
              const [tapTable, c] = [at(w.tapTable, i32.const(4)), i32.add(at(out, w.filterBytes), left)]
              const same = { image, rowTable, rows, places: w.places, filterBytes: w.filterBytes }
              f.do(tile.call({ ...same, tapTable, taps: i32.sub(w.taps, tap), slopes: i32.add(slopes, left), c }))
            })
          })
        })
      })
    })
  })
  module.export(run)
  return module.toBytes()
}
