import { interleave, type Contestant } from './measure.ts'

/** A line of the results. */
export interface Row {
  readonly topic: string
  readonly case: string
  readonly unit: string
  /** The median. */
  readonly ours: number
  readonly threads: number
  /** Medians of the others in the same run. */
  readonly peers: Readonly<Record<string, number>>
  /** Other figures of ours that explain the row. */
  readonly beside?: Readonly<Record<string, number>>
  readonly min: number
  readonly max: number
  /** A point of a curve of growth: the size that grows, and the microseconds that so much work took. */
  readonly curve?: { readonly name: string; readonly size: number; readonly work: number; readonly microseconds: number }
}

export interface Case {
  readonly topic: string
  readonly case: string
  readonly unit: string
  readonly threads?: number
  /** From microseconds to the unit: a rate where more is better, a time where less is. */
  readonly value: (microseconds: number) => number
  readonly ours: () => unknown
  readonly peers: readonly Contestant[]
  /** Contestants that measure themselves, in microseconds. */
  readonly measured?: Readonly<Record<string, number>>
}

/** Times a case: ours and all peers in turn. */
export async function race({ topic, case: name, unit, threads = 1, value, ours, peers, measured = {} }: Case): Promise<Row> {
  const [own, ...others] = await interleave([{ name: 'typegrad', run: ours }, ...peers])
  const bounds = [value(own.min), value(own.max)]
  return {
    topic,
    case: name,
    unit,
    ours: value(own.median),
    threads,
    peers: Object.fromEntries([
      ...others.map((timing) => [timing.name, value(timing.median)]),
      ...Object.entries(measured).map(([peer, microseconds]) => [peer, value(microseconds)]),
    ]),
    min: Math.min(...bounds),
    max: Math.max(...bounds),
  }
}

/** Throws unless two results agree to `tolerance` relative to the largest: nothing is timed that is wrong. */
export function mustAgree(what: string, a: ArrayLike<number>, b: ArrayLike<number>, tolerance = 1e-4): void {
  if (a.length !== b.length) throw new Error(`${what}: ${a.length} and ${b.length} numbers`)
  let scale = 0
  for (let i = 0; i < a.length; i++) scale = Math.max(scale, Math.abs(a[i]))
  for (let i = 0; i < a.length; i++) {
    if (!(Math.abs(a[i] - b[i]) <= tolerance * scale)) throw new Error(`${what}: element ${i} is ${a[i]} and ${b[i]}`)
  }
}
