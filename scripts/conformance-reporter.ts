import { readFileSync, writeFileSync } from 'node:fs'
import type { Reporter, TestModule } from 'vitest/node'
import type { ConformanceResult } from '../test/conformance.ts'

const page = new URL('../docs/conformance.md', import.meta.url)
const columns = ['cpu', 'wasm', 'gpu.js cpu', 'gpu.js webasm', 'gpu.js webgpu']

interface Family {
  readonly passed: Record<string, number>
  readonly total: Record<string, number>
  source: string
  exceptions: Readonly<Record<string, string>>
}

/**
 * Prints how many of the reference values agree, by family and backend, and sees to it that docs/conformance.md says the same:
 * `npm run conformance` writes what ran into that page, every other run compares with it, and fails if it is out of date.
 */
export default class ConformanceReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const tests = modules.flatMap((module) => [...module.children.allTests()])
    const results = tests.flatMap((test) => test.meta().conformance ?? [])
    if (results.length === 0) return
    const families = collect(results)
    const ran = columns.filter((column) => [...families.values()].some(({ total }) => column in total))
    console.log(`\nconformance with references\n${table(rowsOf(families), ran)}\n`)
    const written = readPage()
    if (process.env['CONFORMANCE'] === 'write') {
      // What did not run this time stays as it was.
      const rows = rowsOf(families).map((row) => ({ ...written.get(row['family']), ...row }))
      writeFileSync(page, pageOf(families, rows))
      return
    }
    const stale = rowsOf(families).flatMap((row) =>
      Object.entries(row)
        .filter(([column, cell]) => written.get(row['family'])?.[column] !== cell)
        .map(([column, cell]) => `${row['family']}, ${column}: ${cell}`),
    )
    if (stale.length === 0) return
    console.error(`docs/conformance.md is out of date (run npm run conformance):\n${stale.join('\n')}`)
    process.exitCode = 1
  }
}

function collect(results: readonly ConformanceResult[]): Map<string, Family> {
  const families = new Map<string, Family>()
  for (const { family, backend, passed, total, source, exceptions } of results) {
    const one = families.get(family) ?? { passed: {}, total: {}, source: '', exceptions: {} }
    one.passed[backend] = (one.passed[backend] ?? 0) + passed
    one.total[backend] = (one.total[backend] ?? 0) + total
    one.source ||= source ?? ''
    one.exceptions = { ...one.exceptions, ...exceptions }
    families.set(family, one)
  }
  return new Map([...families].sort(([a], [b]) => (a < b ? -1 : 1)))
}

const reference = (source: string): string => ['NumPy', 'PyTorch'].find((name) => new RegExp(name, 'i').test(source)) ?? 'Keras'

/** A line of the table: cells by the names of their columns; of backends, those that ran. */
type Row = Readonly<Record<string, string>>

const rowsOf = (families: ReadonlyMap<string, Family>): Row[] =>
  [...families].map(([family, { passed, total, source }]) => ({
    family,
    reference: reference(source),
    ...Object.fromEntries(Object.keys(total).map((backend) => [backend, `${passed[backend]} of ${total[backend]}`])),
  }))

const table = (rows: readonly Row[], backends: readonly string[]): string =>
  [
    `| family | reference | ${backends.join(' | ')} |`,
    `| --- | --- |${backends.map(() => ' ---: |').join('')}`,
    ...rows.map((row) => `| ${['family', 'reference', ...backends].map((column) => row[column] ?? '').join(' | ')} |`),
  ].join('\n')

/** The rows of the page, by family. */
function readPage(): Map<string, Row> {
  const [head, , ...rows] = readFileSync(page, 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('| '))
    .map((line) =>
      line
        .slice(2, -1)
        .split('|')
        .map((cell) => cell.trim()),
    )
  return new Map(rows.map((cells) => [cells[0], Object.fromEntries(cells.map((cell, i) => [head[i], cell]))]))
}

function pageOf(families: ReadonlyMap<string, Family>, rows: readonly Row[]): string {
  const exceptions = [...families].flatMap(([family, one]) =>
    Object.entries(one.exceptions).map(([id, reason]) => `- \`${id}\` (${family}): ${reason}.`),
  )
  return `# Conformance

How many reference values are met, element by element, within the tolerance of their file (\`test/golden\`, which says what computed
them). A case holds a whole object: its config, results, gradients, weights that change. The first two columns are the backends of
the host, the others the gpu's kernels in the modes of gpu.js: as JavaScript, as WebAssembly, and on WebGPU (a software renderer will
do); cases that read numbers at once, which the gpu cannot do, are left out there.

Every run of the tests checks the first three columns, and in mode \`webasm\` every case for which a kernel was compiled that its family
had not needed before. \`npm run test:gpu\` checks the last column, \`npm run test:night\` all of them. This page is written by
\`npm run conformance\`, and a run that finds other numbers fails.

${table(rows, columns)}

## Exceptions

${exceptions.join('\n')}
`
}
