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

/** Runs again and again for so many microseconds: engines compile what runs often, and must have had the time. */
async function warm(run: () => unknown, microseconds: number): Promise<void> {
  const end = now() + microseconds
  do await sample(run, 1)
  while (now() < end)
}

/**
 * Times contestants in turn (A B A B …), so that a noisy moment of the machine meets all of them: `rounds` samples each,
 * after warming up; median, minimum and maximum. A contestant that is slower than a second is run less often.
 */
export async function interleave(contestants: readonly Contestant[], { rounds = 9, milliseconds = 40 } = {}): Promise<Timing[]> {
  const repeats: number[] = []
  for (const contestant of contestants) {
    const run = (): unknown => contestant.run()
    await warm(run, 5e5)
    repeats.push(Math.max(1, Math.round((milliseconds * 1000) / (await sample(run, 1)))))
  }
  const times: number[][] = contestants.map(() => [])
  for (let round = 0; round < rounds; round++) {
    for (let i = 0; i < contestants.length; i++) {
      if (times[i].length >= 3 && times[i][0] > 1e6) continue
      const run = (): unknown => contestants[i].run()
      // What the turn of the others has pushed out of the caches is not to be paid in this one's time. No collection is forced here: it
      // gives pages back, and until they are there again whoever allocates is several times as slow.
      await warm(run, milliseconds * 100)
      times[i].push(await sample(run, repeats[i]))
    }
  }
  return contestants.map(({ name }, i) => {
    const sorted = times[i].toSorted((a, b) => a - b)
    return { name, median: sorted[sorted.length >> 1], min: sorted[0], max: sorted.at(-1)! }
  })
}
