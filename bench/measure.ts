/** Who takes part: does its work so many times, and says what one took, in microseconds. */
export interface Contestant {
  readonly name: string
  sample(repeats: number): Promise<number>
}

export interface Timing {
  readonly name: string
  /** Microseconds per run. */
  readonly median: number
  readonly min: number
  readonly max: number
}

/** A contestant in this process. */
export const inProcess = (name: string, run: () => unknown): Contestant => ({ name, sample: (repeats) => sample(run, repeats) })

/** Microseconds of one run, from `repeats` of them. */
export async function sample(run: () => unknown, repeats: number): Promise<number> {
  const start = performance.now()
  for (let i = 0; i < repeats; i++) {
    const result = run()
    if (result instanceof Promise) await result
  }
  return ((performance.now() - start) * 1000) / repeats
}

/**
 * Lets a contestant run for so many milliseconds, since engines compile what runs often and must have had the time; gives the
 * number of runs that take `milliseconds`.
 */
async function warm(contestant: Contestant, warmup: number, milliseconds: number): Promise<number> {
  let repeats = 1
  for (let spent = 0; ;) {
    const each = await contestant.sample(repeats)
    spent += (each * repeats) / 1000
    if (spent >= warmup) return Math.max(1, Math.round((milliseconds * 1000) / each))
    if (each * repeats < milliseconds * 1000) repeats *= 2
  }
}

/**
 * Times contestants in turn (A B A B …), so that a noisy moment of the machine meets all of them: `rounds` samples each,
 * after warming up; median, minimum and maximum. A contestant that is slower than a second is run less often.
 */
export async function interleave(
  contestants: readonly Contestant[],
  { rounds = 9, milliseconds = 40, warmup = 500 } = {},
): Promise<Timing[]> {
  const repeats: number[] = []
  for (const contestant of contestants) repeats.push(await warm(contestant, warmup, milliseconds))
  const times: number[][] = contestants.map(() => [])
  for (let round = 0; round < rounds; round++) {
    for (let i = 0; i < contestants.length; i++) {
      if (times[i].length >= 3 && times[i][0] > 1e6) continue
      // What the turn of the others has pushed out of the caches is not to be paid in this one's time, unless that is long.
      if (repeats[i] > 1) await contestants[i].sample(Math.ceil(repeats[i] / 10))
      times[i].push(await contestants[i].sample(repeats[i]))
    }
  }
  return contestants.map(({ name }, i) => {
    const sorted = times[i].toSorted((a, b) => a - b)
    return { name, median: sorted[sorted.length >> 1], min: sorted[0], max: sorted.at(-1)! }
  })
}
