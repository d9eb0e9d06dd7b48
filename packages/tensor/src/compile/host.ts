/**
 * What a step does on the host beside its ops. Eagerly it is done at once. A compiled function runs its ops only, so it
 * must be told: what is said here it does again before every run, in the same order.
 */
import type { DType } from '../dtype.ts'
import { scalar } from '../convert.ts'
import type { Tensor } from '../tensor.ts'

/** The key and the number of a draw of random numbers: see {@link Backend.random}. */
export type Draw = readonly [low: number, high: number, stream: number]

/** What hears of host steps while a function is compiled. */
export interface HostListener {
  number(f: () => number, dtype: DType): Tensor
  effect(f: () => void): void
  choice<T extends number | boolean | string>(f: () => T): T
  draw(next: () => Draw, out: Tensor): void
  inspect(x: Tensor, check: (x: Tensor) => void): void
  loop<T>(count: number, backwards: boolean, body: (turn: LoopBody) => T): T | undefined
  stack(dtype: DType, size: number): Tensor
  put(x: Tensor, place: Tensor): void
}

/** What the body of a loop works with: it is traced once, for all turns. */
export interface LoopBody {
  /** What a contiguous stack `[n, …]` has at i, or `ahead` places further on, in turn i. */
  read(stack: Tensor, ahead?: number): Tensor
  /** Puts a tensor there. */
  write(x: Tensor, stack: Tensor, ahead?: number): void
  /** Does something before the first turn. */
  before(f: () => void): void
  /** The sum over all turns, for what comes after the loop. */
  sum(x: Tensor): Tensor
}

let listener: HostListener | undefined

/** Runs `f` with its host steps told to a listener instead of being done. */
export function hearHost<T>(heard: HostListener, f: () => T): T {
  const before = listener
  listener = heard
  try {
    return f()
  } finally {
    listener = before
  }
}

/** Whether a function is being compiled: its tensors have shapes, but no numbers yet. */
export const tracing = (): boolean => listener !== undefined

/** A number of the host that differs from run to run, such as a learning rate, as a tensor of rank 0. */
export const hostNumber = (f: () => number, dtype: DType = 'float32'): Tensor =>
  listener ? listener.number(f, dtype) : scalar(f(), dtype)

/** The same for several numbers that are found together; eagerly they are numbers. */
export function hostNumbers<K extends string>(
  f: () => Readonly<Record<K, number>>,
  dtype: DType,
): Readonly<Record<K, number | Tensor>> {
  let found = f()
  if (!listener) return found
  const heard = listener
  listener.effect(() => {
    found = f()
  })
  const names = Object.keys(found) as K[]
  return Object.fromEntries(names.map((key) => [key, heard.number(() => found[key], dtype)])) as Record<K, Tensor>
}

/** Changes state of the host, such as a count of steps. */
export function hostEffect(f: () => void): void {
  if (listener) listener.effect(f)
  else f()
}

/** A value of the host that decides which ops run; for another value a function is compiled anew. */
export const hostChoice = <T extends number | boolean | string>(f: () => T): T => (listener ? listener.choice(f) : f())

/**
 * A loop in the function that is compiled, of `count` turns i, from 0 on or down to 0; `undefined` where nothing is compiled, or
 * where it cannot be done: then the turns are to be written out. What the body returns are tensors of one turn, which mean
 * something to another loop of as many turns only; `stack` makes what is written turn by turn, `put` fills a part of it before.
 */
export const traceLoop = <T>(count: number, backwards: boolean, body: (turn: LoopBody) => T): T | undefined =>
  listener?.loop(count, backwards, body)

export const traceStack = (dtype: DType, size: number): Tensor => listener!.stack(dtype, size)

export const tracePut = (x: Tensor, place: Tensor): void => listener!.put(x, place)

/** Takes the next random numbers of a stream: `use` draws them. */
export function hostDraw(next: () => Draw, out: Tensor, use: (draw: Draw) => void): void {
  if (listener) listener.draw(next, out)
  else use(next())
}

/**
 * Checks the numbers of a tensor that come from outside, such as labels. In a compiled function the check is made on the
 * whole tensor that they are picked from, once for every value of it; what is computed is not checked.
 */
export function inspect(x: Tensor, check: (x: Tensor) => void): void {
  if (listener) listener.inspect(x, check)
  else if (x.value.buffer.array) check(x)
}
