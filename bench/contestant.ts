// The process of one contestant: makes it, tells its result, and takes a sample whenever it is asked.
import type { Race } from './case.ts'
import { sample } from './measure.ts'

const [topic, index, name] = process.argv.slice(2)
const { races } = (await import(`./topics/${topic}.ts`)) as { races: readonly Race[] }
const entrant = races[Number(index)].contestants[name]
if (typeof entrant !== 'function') throw new Error(`${topic}: ${name} is nothing that a process of ours runs`)
const { run, result, tolerance } = await entrant()
process.send!({ result: result && Float64Array.from(result), tolerance })
process.on('message', ({ repeats }: { repeats: number }) => {
  void sample(run, repeats).then((microseconds) => process.send!({ microseconds }))
})
