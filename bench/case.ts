import { inProcess, interleave, type Contestant } from './measure.ts'
import { start } from './processes.ts'

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

interface Case {
  readonly case: string
  readonly unit: string
  /** What ours may use: 1 if it is not said. */
  readonly threads?: number
  /** From microseconds to the unit: a rate where more is better, a time where less is. */
  readonly value: (microseconds: number) => number
  /** Milliseconds to run before anything is timed. */
  readonly warmup?: number
}

/** What a contestant made in its process: the work, and numbers that have to agree with those of the first contestant. */
export interface Entry {
  readonly run: () => unknown
  readonly result?: ArrayLike<number>
  /** Relative to the largest number: 1e-4 if it is not said. */
  readonly tolerance?: number
}

/** Makes a contestant; or Python that defines `run`. */
export type Entrant = (() => Entry | Promise<Entry>) | string

/** A case whose contestants have a process each: ours is `typegrad`, the first. */
export interface Race extends Case {
  readonly contestants: Readonly<Record<string, Entrant>>
}

/** A row of each race of a topic. */
export async function* raceAll(topic: string, races: readonly Race[]): AsyncGenerator<Row> {
  for (const [index, race] of races.entries()) {
    const contestants = []
    try {
      for (const [name, entrant] of Object.entries(race.contestants)) {
        const contestant = await start(topic, index, name, entrant)
        if (!contestant) continue
        contestants.push(contestant)
        const [{ result: ours }, { result: theirs, tolerance }] = [contestants[0], contestant]
        if (ours && theirs) mustAgree(`${race.case}, ${name}`, theirs, ours, tolerance)
      }
      yield await rowOf(topic, race, contestants)
    } finally {
      for (const contestant of contestants) contestant.end()
    }
  }
}

/** A row of ours, timed in this process, and of others beside it. */
export const race = ({ topic, ours, others = {}, ...rest }: Case & Timed): Promise<Row> =>
  rowOf(
    topic,
    rest,
    Object.entries({ typegrad: ours, ...others }).map(([name, run]) => inProcess(name, run)),
  )

interface Timed {
  readonly topic: string
  readonly ours: () => unknown
  readonly others?: Readonly<Record<string, () => unknown>>
}

async function rowOf(
  topic: string,
  { case: name, unit, threads = 1, value, warmup }: Case,
  contestants: Contestant[],
): Promise<Row> {
  const [own, ...others] = await interleave(contestants, warmup === undefined ? {} : { warmup })
  const bounds = [value(own.min), value(own.max)]
  return {
    topic,
    case: name,
    unit,
    ours: value(own.median),
    threads,
    peers: Object.fromEntries(others.map((timing) => [timing.name, value(timing.median)])),
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
