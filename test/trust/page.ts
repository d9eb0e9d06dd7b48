/** The page of `browser.ts`: trains, and tells whether the bits are those that Node gives. */
import { setDeterministic } from '@typegrad/tensor'
import golden from '../golden/determinism.json' with { type: 'json' }
import { hash, train, trainingRuns } from './runs.ts'

const tell = (line: string): Promise<unknown> => fetch('/tell', { method: 'POST', body: line })
const hashes: Readonly<Record<string, string>> = golden.hashes

setDeterministic(true)
try {
  for (const name of Object.keys(trainingRuns)) {
    const got = await hash(await train(name))
    await tell(got === hashes[name] ? `the same bits: ${name} ${got}` : `WRONG: ${name} ${got}, in Node ${hashes[name]}`)
  }
} catch (error) {
  await tell(`WRONG: ${String(error)}`)
}
await tell('done')
