import { type Arg, type FunctionBuilder, i32, integers, memory, ModuleBuilder, v128 } from './assembler/index.ts'
import { limits } from './limits.ts'
import type { Runner } from './runtime.ts'

type Int = Arg<'i32'>

/** An axis of a copy: its length, and how far apart its elements are, in bytes. */
export interface CopyAxis<N = Int> {
  readonly size: N
  readonly from: N
  readonly to: N
}

/** Writes a copy of strided blocks, each `bytes` long (a multiple of 4). */
export function writeBlocks(f: FunctionBuilder, from: Int, to: Int, axes: readonly CopyAxis[], bytes: Int): void {
  if (axes.length > 0) {
    const [{ size, ...step }, ...inner] = axes
    const [source, target] = [f.let(i32.add(from, 0)), f.let(i32.add(to, 0))]
    f.repeat(size, () => {
      f.scope(() => writeBlocks(f, source, target, inner, bytes))
      f.set(source, i32.add(source, step.from))
      f.set(target, i32.add(target, step.to))
    })
    return
  }
  const [source, target, left] = [f.let(i32.add(from, 0)), f.let(i32.add(to, 0)), f.let(i32.add(bytes, 0))]
  const piece = (size: number, move: () => void): void => {
    f.while(i32.geU(left, size), () => {
      move()
      f.set(source, i32.add(source, size))
      f.set(target, i32.add(target, size))
      f.set(left, i32.sub(left, size))
    })
  }
  piece(32, () => f.do(v128.store(target, v128.load(source, 0, 4), 0, 4), v128.store(target, v128.load(source, 16, 4), 16, 4)))
  piece(4, () => f.do(i32.store(target, i32.load(source))))
}

/** A copy of each image of a batch to `offset` of its new place, of which `fill` bytes are made zero before; all in bytes. */
export interface BlockCopy {
  readonly from: number
  readonly to: number
  readonly offset?: number
  readonly fill?: number
  readonly images: CopyAxis<number>
  /** At most {@link mostAxes}. */
  readonly axes: readonly CopyAxis<number>[]
  readonly bytes: number
}

const mostAxes = 3
const headWords = 7
const params = integers('job', 'begin', 'end', 'scratch')

function buildBlockCopy(shared: boolean): Uint8Array<ArrayBuffer> {
  const module = new ModuleBuilder({ memory: { shared } })
  const run = module.func('copyBlocks', { params }, (f, p) => {
    const words = Array.from({ length: headWords + 3 * mostAxes }, (_, i) => f.let(i32.load(p.job, 4 * i)))
    const [from, to, offset, fill, fromStep, toStep, bytes, ...rest] = words
    const axes = Array.from({ length: mostAxes }, (_, i) => ({ size: rest[3 * i], from: rest[3 * i + 1], to: rest[3 * i + 2] }))
    f.for(p.begin, p.end, 1, (image) => {
      const target = f.let(i32.add(to, i32.mul(image, toStep)))
      f.do(memory.fill(target, 0, fill))
      writeBlocks(f, i32.add(from, i32.mul(image, fromStep)), i32.add(target, offset), axes, bytes)
    })
  })
  module.export(run)
  return module.toBytes()
}

/** Runs a copy, image by image. */
export function copyBlocks(runtime: Runner, { from, to, offset = 0, fill = 0, images, axes, bytes }: BlockCopy): void {
  const kernel = runtime.kernel('blocks', () => buildBlockCopy(runtime.shared))
  const padded = [...axes, ...Array.from({ length: mostAxes - axes.length }, () => ({ size: 1, from: 0, to: 0 }))]
  const words = padded.flatMap((axis) => [axis.size, axis.from, axis.to])
  const job = runtime.job(4 * (headWords + words.length))
  runtime.i32.set([from, to, offset, fill, images.from, images.to, bytes, ...words], job >> 2)
  const work = Math.max(1, fill + axes.reduce((product, { size }) => product * size, bytes))
  runtime.run(kernel, job, { tasks: images.size, grain: Math.ceil(limits.copyGrain / work) })
}
