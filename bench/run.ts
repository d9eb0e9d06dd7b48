/**
 * `npm run bench [-- TOPIC …] [--json FILE] [--svg FILE] [--curves FILE]`: races the built packages against their peers and prints a table per
 * topic; writes the rows as JSON, as a chart, and those of growth as curves.
 */
import { writeFileSync } from 'node:fs'
import { cpus, loadavg } from 'node:os'
import { parseArgs } from 'node:util'
import { currentBackend, threads } from '@typegrad/tensor'
import { raceAll, type Row } from './case.ts'
import { chart } from './chart.ts'
import { curves } from './curves.ts'
import { races as conv } from './topics/conv.ts'
import { races as elementwise } from './topics/elementwise.ts'
import { first } from './topics/first.ts'
import { races as gemm } from './topics/gemm.ts'
import { gpu } from './topics/gpu.ts'
import { growth } from './topics/growth.ts'
import { races as recurrent } from './topics/recurrent.ts'
import { races as reduce } from './topics/reduce.ts'
import { races as train } from './topics/train.ts'

const topics = { gemm, elementwise, reduce, conv, recurrent, train, first, growth, gpu }

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { json: { type: 'string' }, svg: { type: 'string' }, curves: { type: 'string' } },
})
const unknown = positionals.filter((name) => !Object.hasOwn(topics, name))
if (unknown.length > 0) {
  console.error(`no topic ${unknown.join(', ')}; there are ${Object.keys(topics).join(', ')}`)
  process.exit(1)
}

const machine =
  `typegrad, backend ${currentBackend().name}, ${threads().count} threads; Node ${process.version}, V8 ${process.versions.v8}; ` +
  `${cpus().length} × ${cpus()[0]?.model ?? 'unknown processor'}, load ${loadavg()[0].toFixed(1)} before`
console.log(`${machine}\n`)
const figure = (value: number): string => (value >= 1000 ? value.toFixed(0) : value.toPrecision(3))
const rows: Row[] = []
for (const name of positionals.length > 0 ? positionals : Object.keys(topics)) {
  let head: string[] | undefined
  const topic = topics[name as keyof typeof topics]
  for await (const row of typeof topic === 'function' ? topic() : raceAll(name, topic)) {
    rows.push(row)
    const others: Readonly<Record<string, number>> = { ...row.peers, ...row.beside }
    // Rows with other peers have a table of their own.
    if (!head || Object.keys(others).some((peer) => !head!.includes(peer))) {
      if (head) console.log()
      head = Object.keys(others)
      console.log(`| ${name} | unit | threads | typegrad | min–max |${head.map((peer) => ` ${peer} |`).join('')}`)
      console.log(`|---|---|---|---|---|${head.map(() => '---|').join('')}`)
    }
    const peers = head.map((peer) => ` ${others[peer] === undefined ? '–' : figure(others[peer])} |`).join('')
    console.log(
      `| ${row.case} | ${row.unit} | ${row.threads} | **${figure(row.ours)}** | ${figure(row.min)}–${figure(row.max)} |${peers}`,
    )
  }
  console.log()
}
if (values.json) writeFileSync(values.json, `${JSON.stringify(rows, null, 2)}\n`)
if (values.curves) writeFileSync(values.curves, curves(rows, machine))
if (values.svg) writeFileSync(values.svg, chart(rows, machine))
process.exit(0)
