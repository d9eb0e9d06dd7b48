/**
 * Runs each test as it is, and then with each mutant that it reaches and that no test before it has noticed. A mutant may leave
 * something wrong behind: after each one that was noticed the test must pass again without it, or else the process ends, and
 * the next one tries that mutant first.
 */
import { appendFileSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type RunnerTestCase as Test, TestRunner } from 'vitest'

/** What the instrumented file looks at. */
interface Switches {
  activeMutant?: string
  currentTestId?: string
  hitCount?: number
  hitLimit?: number
  mutantCoverage?: { readonly static: Record<string, number>; readonly perTest: Record<string, Record<string, number>> }
}

const folder = process.env['MUTATION']!
const note = (line: object): void => appendFileSync(join(folder, 'log'), `${JSON.stringify(line)}\n`)
const state = JSON.parse(readFileSync(join(folder, 'state.json'), 'utf8')) as Record<'alive' | 'tried' | 'done', string[]>
const alive = new Set(state.alive)
const tried = new Set(state.tried)
const done = new Set(state.done)
const all = globalThis as { __stryker__?: Switches }
const switches: Switches = (all.__stryker__ ??= {})

/** Mutants have run in this process. */
let dirty = false

/** Ends a process in which a mutant, known or not, has left something wrong behind. */
function stop(id?: string): never {
  note({ unsound: id ?? '' })
  process.exit(1)
}

export default class MutationRunner extends TestRunner {
  async runTask(test: Test): Promise<void> {
    const run = TestRunner.getTestFn(test)
    // A process for one mutant, from its start.
    if (process.env['__STRYKER_ACTIVE_MUTANT__'] !== undefined) {
      note({ covers: [] })
      return run()
    }
    switches.currentTestId = test.id
    try {
      await run()
    } catch (error) {
      if (dirty) stop()
      throw error
    }
    switches.currentTestId = undefined
    const reached = switches.mutantCoverage?.perTest[test.id] ?? {}
    note({ covers: Object.keys(reached) })
    if (done.has(test.id)) return
    const passes = async (): Promise<boolean> => {
      try {
        await run()
        return true
      } catch {
        return false
      }
    }
    // One that cannot be repeated leaves its mutants to processes of their own.
    if (Object.keys(reached).some((id) => alive.has(id)) && (await passes())) {
      for (const [id, hits] of Object.entries(reached)) {
        if (!alive.has(id) || tried.has(`${id} ${test.id}`)) continue
        note({ tries: id, test: test.id })
        dirty = true
        Object.assign(switches, { activeMutant: id, hitCount: 0, hitLimit: 100 * hits + 1000 })
        const noticed = !(await passes())
        Object.assign(switches, { activeMutant: undefined, hitCount: undefined })
        if (!noticed) continue
        if (!(await passes())) stop(id)
        note({ killed: id, by: test.id })
        alive.delete(id)
      }
    }
    note({ done: test.id })
  }

  override onAfterRunFiles(): void {
    note({ covers: Object.keys(switches.mutantCoverage?.static ?? {}) })
    super.onAfterRunFiles()
  }
}
