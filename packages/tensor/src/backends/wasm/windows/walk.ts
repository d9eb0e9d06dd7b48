import { type Arg, type FunctionBuilder, i32, type Local, memory, select } from '../assembler/index.ts'
import { type AxisWords, type HeadWords } from './job.ts'

type Int = Arg<'i32'>

const larger = (a: Int, b: Int) => select(i32.gtS(a, b), i32.add(a, 0), i32.add(b, 0))
const smaller = (a: Int, b: Int) => select(i32.ltS(a, b), i32.add(a, 0), i32.add(b, 0))

/** A window over one output: where its channels are, and the elements that it meets, which may be none. */
export interface Place {
  readonly y: Local<'i32'>
  /** How many it meets. */
  readonly count: Local<'i32'>
  /** Writes code for every element that is met, in row-major order, given where it and its place in the kernel are. */
  readonly each: (met: (x: Local<'i32'>, kernel: Local<'i32'>) => void) => void
  /** The same place, given that it meets all of the window, which is so long: code for each element by itself. */
  readonly whole: (window: readonly number[]) => Place
}

/** Channels of one image: how far into every operand they begin, and how many bytes they are. */
export interface Task {
  readonly image: Local<'i32'>
  readonly first: Local<'i32'>
  readonly bytes: Local<'i32'>
}

/** The task of a number: its image, and of its channels those that are the task's. */
export function taskOf(f: FunctionBuilder, { chunks, chunkBytes, channelBytes }: HeadWords, number: Local<'i32'>): Task {
  const image = f.let(i32.divU(number, chunks))
  const first = f.let(i32.mul(i32.sub(number, i32.mul(image, chunks)), chunkBytes))
  return { image, first, bytes: f.least(i32.sub(channelBytes, first), chunkBytes) }
}

/** Makes the task's channels of an image of `target` zero. */
export function writeZeros(f: FunctionBuilder, { zeroRows, zeroStep, zeroBytes }: HeadWords, { bytes }: Task, target: Int): void {
  const at = f.let(i32.add(target, 0))
  const length = f.let(select(zeroBytes, zeroBytes, bytes))
  f.repeat(zeroRows, () => {
    f.do(memory.fill(at, 0, length))
    f.set(at, i32.add(at, zeroStep))
  })
}

/** Writes loops over the places of an image, in row-major order. */
export function writePlaces(
  f: FunctionBuilder,
  head: HeadWords,
  axes: readonly AxisWords[],
  task: Task,
  body: (place: Place) => void,
): void {
  const { image, first } = task
  const at = (start: Local<'i32'>, step: Local<'i32'>) => f.let(i32.add(i32.add(start, i32.mul(image, step)), first))
  const y = at(head.y, head.yImage)
  const steps = axes.map(({ dilation, xStep }) => f.let(i32.mul(dilation, xStep)))
  const walk = (axis: number, x: Local<'i32'>, kernel: Local<'i32'>, counts: readonly Local<'i32'>[]): void => {
    if (axis === axes.length) {
      const count = f.let(counts.reduce((product, n) => i32.mul(product, n), i32.const(1)))
      const place: Place = {
        y,
        count,
        each: (met) => eachTap(f, axes, steps, counts, x, kernel, met),
        whole(window) {
          const taps = wholeTaps(f, axes, steps, window, x, kernel)
          return { ...place, each: (met) => taps.forEach((tap) => met(...tap)) }
        },
      }
      body(place)
      f.set(y, i32.add(y, head.channelBytes))
      return
    }
    const { length, outputs, window, stride, dilation, before, xStep, kernelStep } = axes[axis]
    f.for(0, outputs, 1, (output) => {
      const start = f.let(i32.sub(i32.mul(output, stride), before))
      // Rounded up; below 0 there is nothing to leave out.
      const skip = f.let(larger(i32.divS(i32.sub(i32.sub(dilation, 1), start), dilation), 0))
      const room = i32.sub(length, start)
      const end = smaller(window, select(i32.gtS(room, 0), i32.divS(i32.sub(i32.add(room, dilation), 1), dilation), i32.const(0)))
      const count = f.let(larger(i32.sub(end, skip), 0))
      walk(
        axis + 1,
        f.let(i32.add(x, i32.mul(i32.add(start, i32.mul(skip, dilation)), xStep))),
        f.let(i32.add(kernel, i32.mul(skip, kernelStep))),
        [...counts, count],
      )
    })
  }
  walk(0, at(head.x, head.xImage), at(head.kernel, head.kernelImage), [])
}

function eachTap(
  f: FunctionBuilder,
  axes: readonly AxisWords[],
  steps: readonly Local<'i32'>[],
  counts: readonly Local<'i32'>[],
  x: Local<'i32'>,
  kernel: Local<'i32'>,
  met: (x: Local<'i32'>, kernel: Local<'i32'>) => void,
): void {
  const walk = (axis: number, xAt: Local<'i32'>, kernelAt: Local<'i32'>): void => {
    f.scope(() => {
      const [source, weight] = [f.let(xAt), f.let(kernelAt)]
      f.repeat(counts[axis], () => {
        if (axis === axes.length - 1) met(source, weight)
        else walk(axis + 1, source, weight)
        f.set(source, i32.add(source, steps[axis]))
        f.set(weight, i32.add(weight, axes[axis].kernelStep))
      })
    })
  }
  walk(0, x, kernel)
}

/** Where the elements of a window that is so long lie, and their places in the kernel. */
function wholeTaps(
  f: FunctionBuilder,
  axes: readonly AxisWords[],
  steps: readonly Local<'i32'>[],
  window: readonly number[],
  x: Local<'i32'>,
  kernel: Local<'i32'>,
): [x: Local<'i32'>, kernel: Local<'i32'>][] {
  let taps: [Local<'i32'>, Local<'i32'>][] = [[x, kernel]]
  window.forEach((length, axis) => {
    const next = ([x, kernel]: (typeof taps)[number]): (typeof taps)[number] => [
      f.let(i32.add(x, steps[axis])),
      f.let(i32.add(kernel, axes[axis].kernelStep)),
    ]
    taps = taps.flatMap((tap) => {
      const line = [tap]
      while (line.length < length) line.push(next(line.at(-1)!))
      return line
    })
  })
  return taps
}
