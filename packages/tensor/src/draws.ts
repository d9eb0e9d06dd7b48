/** What draws random numbers, remembered so that a function can run on the same ones again. */
import { hostEffect } from './compile/host.ts'
import type { Generator } from './random.ts'

/** The generators that a function drew from, and where each stood before. */
class Journal {
  readonly #before = new Map<Generator, Generator['state']>()
  readonly #noted = new Set<Generator>()
  readonly outer = journal

  note(generator: Generator): void {
    if (!this.#noted.has(generator)) {
      this.#noted.add(generator)
      hostEffect(() => void this.#before.set(generator, generator.state))
    }
    this.outer?.note(generator)
  }

  /** Runs `f` with all of them put back to where they stood, and leaves them as they are now. */
  replay<T>(f: () => T): T {
    let now: [Generator, Generator['state']][] = []
    hostEffect(() => {
      now = [...this.#before.keys()].map((generator) => [generator, generator.state])
      for (const [generator, state] of this.#before) generator.state = state
    })
    try {
      return f()
    } finally {
      hostEffect(() => {
        for (const [generator, state] of now) generator.state = state
      })
    }
  }
}

let journal: Journal | undefined

/** Told by a generator that it is about to draw, or to be set. */
export const noteDraw = (generator: Generator): void => journal?.note(generator)

/** Runs `f`, and gives with its result what runs a function on the same random numbers again. */
export function recordDraws<T>(f: () => T): { readonly result: T; readonly replay: <R>(again: () => R) => R } {
  const own = new Journal()
  journal = own
  try {
    return { result: f(), replay: (again) => own.replay(again) }
  } finally {
    journal = own.outer
  }
}
