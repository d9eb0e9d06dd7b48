/** One contestant of a case: `run` does the work once. */
export interface Contestant {
  readonly name: string
  run(): unknown
}

export interface Timing {
  readonly name: string
  /** Microseconds per run. */
  readonly median: number
  readonly min: number
  readonly max: number
}

const now = (): number => performance.now() * 1000

/** Microseconds of one run, from `repeats` of them. */
async function sample(run: () => unknown, repeats: number): Promise<number> {
  const start = now()
  for (let i = 0; i < repeats; i++) {
    const result = run()
    if (result instanceof Promise) await result
  }
  return (now() - start) / repeats
}

/**
 * Times contestants in turn (A B A B …), so that a noisy moment of the machine meets all of them: `rounds` samples each,
 * after warming up; median, minimum and maximum. A contestant that is slower than a second is run less often.
 */
export async function interleave(contestants: readonly Contestant[], { rounds = 9, milliseconds = 40 } = {}): Promise<Timing[]> {
  const repeats: number[] = []
  for (const contestant of contestants) {
    const run = (): unknown => contestant.run()
    let once = await sample(run, 1)
    if (once < 1e5) {
      // Engines compile what runs often: let them.
      await sample(run, Math.min(2000, Math.ceil(2e5 / once)))
      once = await sample(run, 5)
    }
    repeats.push(Math.max(1, Math.round((milliseconds * 1000) / once)))
  }
  const times: number[][] = contestants.map(() => [])
  for (let round = 0; round < rounds; round++) {
    for (let i = 0; i < contestants.length; i++) {
      if (times[i].length >= 3 && times[i][0] > 1e6) continue
      // What the others left to the collector is not to be paid in this one's time.
      globalThis.gc?.()
      times[i].push(await sample(() => contestants[i].run(), repeats[i]))
    }
  }
  return contestants.map(({ name }, i) => {
    const sorted = times[i].toSorted((a, b) => a - b)
    return { name, median: sorted[sorted.length >> 1], min: sorted[0], max: sorted.at(-1)! }
  })
}
