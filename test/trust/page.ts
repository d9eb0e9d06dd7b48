/** The page of `browser.ts`: trains, and tells the hashes. */
import { setDeterministic } from '@typegrad/tensor'
import { hash, train, trainingRuns } from './runs.ts'

const tell = (...line: unknown[]): Promise<unknown> => fetch('/tell', { method: 'POST', body: JSON.stringify(line) })

setDeterministic(true)
try {
  for (const name of Object.keys(trainingRuns)) await tell(name, await hash(await train(name)))
} catch (error) {
  await tell('error', String(error))
}
await tell('done')
