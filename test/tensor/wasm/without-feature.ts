/** Runs the battery where the engine lacks something, and prints it. Started by without.test.ts. */
import { type Feature, removeFeature } from '../../without.ts'

removeFeature(process.argv[2] as Feature)
const { backendNames, currentBackend, memory, threads } = await import('@typegrad/tensor')
const { battery } = await import('../battery.ts')
const { name } = currentBackend()
console.log(JSON.stringify({ backends: backendNames(), name, threads: threads(), memory: memory(), results: battery(name) }))
