import { type Expr, type FunctionBuilder, i32, type Local } from '../assembler/index.ts'
import type { Split } from '../control.ts'
import { limits } from '../limits.ts'
import { type Real, reals } from '../gemm/real.ts'

/** Numbers of one spatial axis; strides of x and of the kernel in elements. */
export interface WindowAxis {
  readonly length: number
  readonly outputs: number
  readonly window: number
  readonly stride: number
  readonly dilation: number
  readonly before: number
  readonly xStride: number
  readonly kernelStride: number
}

/** Addresses of the operands, the distances of their images in elements, and what they have in common. */
export interface WindowSpec {
  readonly batch: number
  readonly channels: number
  /** `[batch, …outputs, channels]` without gaps. */
  readonly y: number
  readonly x: number
  /** What has x's strides: the gradient of x, or values to pick. */
  readonly beside?: number
  readonly xImage: number
  readonly kernel?: number
  readonly kernelImage?: number
  readonly axes: readonly WindowAxis[]
  /** Elements of an image of what is added to, which is made zero before. */
  readonly zeros?: number
}

const headWords = [
  'x',
  'beside',
  'y',
  'kernel',
  'xImage',
  'yImage',
  'kernelImage',
  'channelBytes',
  'chunkBytes',
  'chunks',
] as const
const zeroWords = ['zeroRows', 'zeroStep', 'zeroBytes'] as const
const axisWords = ['length', 'outputs', 'window', 'stride', 'dilation', 'before', 'xStep', 'kernelStep'] as const
const all = [...headWords, ...zeroWords]

type Words<N extends string, T> = { readonly [K in N]: T }
export type AxisWords = Words<(typeof axisWords)[number], Local<'i32'>>
export type HeadWords = Words<(typeof all)[number], Local<'i32'>>

/** The words of a job in locals. */
export function loadWindowJob(f: FunctionBuilder, job: Local<'i32'>, rank: number): { head: HeadWords; axes: AxisWords[] } {
  const load = <N extends string>(names: readonly N[], first: number): Words<N, Local<'i32'>> =>
    Object.fromEntries(names.map((name, i): [string, Expr<'i32'>] => [name, f.let(i32.load(job, 4 * (first + i)))])) as Words<
      N,
      Local<'i32'>
    >
  const axes = Array.from({ length: rank }, (_, axis) => load(axisWords, all.length + axis * axisWords.length))
  return { head: load(all, 0), axes }
}

export const windowJobBytes = ({ axes }: WindowSpec): number => 4 * (all.length + axes.length * axisWords.length)

/** Channels of a task are a multiple of this. */
const chunkVectors = 4

/** Writes the words of a job at `address`, for up to `threads` threads: a task is an image, or some channels of one. */
export function writeWindowJob(memory: Int32Array, address: number, type: Real, spec: WindowSpec, threads: number): Split {
  const { bytes, lanes } = reals[type]
  const { batch, channels, axes, beside = 0, kernel = 0, kernelImage = 0, zeros = 0 } = spec
  const outputs = axes.reduce((product, axis) => product * axis.outputs, 1)
  const work = axes.reduce((product, axis) => product * axis.window, outputs * channels)
  const unit = chunkVectors * lanes
  const units = Math.ceil(channels / unit)
  const wanted = batch * work < 2 * limits.windowGrain ? 1 : Math.ceil((2 * threads) / batch)
  const chunk = Math.ceil(units / Math.min(units, wanted)) * unit
  const chunks = Math.ceil(channels / chunk)
  const whole = chunks === 1
  const words: Record<(typeof all)[number], number> = {
    x: spec.x,
    beside: beside - spec.x,
    y: spec.y,
    kernel,
    xImage: spec.xImage * bytes,
    yImage: outputs * channels * bytes,
    kernelImage: kernelImage * bytes,
    channelBytes: channels * bytes,
    chunkBytes: chunk * bytes,
    chunks,
    zeroRows: zeros === 0 ? 0 : whole ? 1 : zeros / channels,
    zeroStep: channels * bytes,
    zeroBytes: whole ? zeros * bytes : 0,
  }
  let at = address >> 2
  for (const name of all) memory[at++] = words[name]
  for (const { xStride, kernelStride, ...axis } of axes) {
    const numbers = { ...axis, xStep: xStride * bytes, kernelStep: kernelStride * bytes }
    for (const name of axisWords) memory[at++] = numbers[name]
  }
  return { tasks: batch * chunks, grain: Math.max(1, Math.ceil((limits.windowGrain * chunks) / work)) }
}
