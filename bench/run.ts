/** `npm run bench [-- TOPIC …] [--json FILE]`: times the built packages and prints one table per topic. */
import { writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { parseArgs } from 'node:util'
import { currentBackend } from '@typegrad/tensor'
import { matmul } from './topics/matmul.ts'
import { train } from './topics/train.ts'

export interface Row {
  readonly topic: string
  readonly case: string
  readonly unit: string
  /** The median. */
  readonly ours: number
  readonly min: number
  readonly max: number
}

const topics = { matmul, train }

const { values, positionals } = parseArgs({ allowPositionals: true, options: { json: { type: 'string' } } })
const unknown = positionals.filter((name) => !Object.hasOwn(topics, name))
if (unknown.length > 0) {
  console.error(`no topic ${unknown.join(', ')}; there are ${Object.keys(topics).join(', ')}`)
  process.exit(1)
}

const cpu = cpus()[0]?.model ?? 'unknown processor'
console.log(
  `typegrad, backend ${currentBackend().name}; Node ${process.version}, V8 ${process.versions.v8}; ${cpus().length} × ${cpu}\n`,
)
const rows: Row[] = []
for (const name of positionals.length > 0 ? positionals : Object.keys(topics)) {
  console.log(`| ${name} | median | min | max | unit |\n|---|---|---|---|---|`)
  for await (const row of topics[name as keyof typeof topics]()) {
    rows.push(row)
    const figure = (value: number): string => value.toPrecision(3)
    console.log(`| ${row.case} | ${figure(row.ours)} | ${figure(row.min)} | ${figure(row.max)} | ${row.unit} |`)
  }
  console.log()
}
if (values.json) writeFileSync(values.json, `${JSON.stringify(rows, null, 2)}\n`)
