import type { Item } from '../../../compile/fuse.ts'
import type { Graph } from '../../../compile/trace.ts'
import type { Backend } from '../../backend.ts'
import { residentOf } from '../resident.ts'
import type { Runtime } from '../runtime.ts'
import { ProgramCode } from './code.ts'
import { link } from './link.ts'

/** Milliseconds that a program is run for, after as many to warm up. */
const span = 200

/**
 * Microseconds that each item of a program takes, the mean of some runs of its twin: the same code, but each item as a function
 * of its own, on a copy of its memory, with what the last run was given. Of a loop's items the first has the time of all turns.
 * Variables are given back what they had.
 */
export function timesOf(
  runtime: Runtime,
  backend: Backend,
  graph: Graph,
  items: readonly Item[],
  { arena }: ProgramCode,
): (number | undefined)[] {
  const twin = new ProgramCode(runtime, backend, graph, items, (variable) => residentOf(runtime, variable).block, true)
  const parts = link(runtime, twin, twin)
  runtime.u8.copyWithin(twin.arena.address, arena.address, arena.address + twin.filled)
  const blocks = graph.assigned.map(({ variable }) => residentOf(runtime, variable).block)
  const kept = blocks.map(({ address, bytes }) => runtime.u8.slice(address, address + bytes))
  const spent = parts.map(() => 0)
  let runs = 0
  const runFor = (milliseconds: number): void => {
    spent.fill(0)
    runs = 0
    const end = performance.now() + milliseconds
    for (let now = performance.now(); now < end || runs === 0; runs++)
      for (let i = 0; i < parts.length; i++) {
        parts[i]()
        const then = performance.now()
        spent[i] += then - now
        now = then
      }
  }
  runFor(span)
  runFor(span)
  blocks.forEach(({ address }, i) => runtime.u8.set(kept[i], address))
  const begins = [...twin.begins!, parts.length]
  return items.map(({ turns }, i) => {
    if (turns && items[i - 1]?.turns === turns) return undefined
    const last = turns ? items.findLastIndex((other) => other.turns === turns) : i
    const own = spent.slice(begins[i], begins[last + 1])
    return (1000 * own.reduce((a, b) => a + b, 0)) / runs
  })
}
