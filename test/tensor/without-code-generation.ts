/** Runs the battery where `new Function` is forbidden, and prints it. Started by code-generation.test.ts. */
import { battery } from './battery.ts'

// oxlint-disable-next-line typescript/no-implied-eval -- That this throws is the point.
const generate = (): unknown => new Function('return 1')
let forbidden = false
try {
  generate()
} catch {
  forbidden = true
}
console.log(JSON.stringify({ forbidden, results: battery('cpu') }))
