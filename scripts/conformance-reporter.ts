import { readFileSync, writeFileSync } from 'node:fs'
import type { Reporter, TestModule } from 'vitest/node'
import type { ConformanceResult } from '../test/conformance.ts'

const page = new URL('../docs/conformance.md', import.meta.url)
const gpuMode = process.env['CONFORMANCE_GPU']
const backends = gpuMode === undefined ? ['cpu', 'wasm'] : [`gpu, ${gpuMode}`]

interface Family {
  readonly passed: Record<string, number>
  readonly total: Record<string, number>
  source: string
  exceptions: Readonly<Record<string, string>>
}

/**
 * Prints how many of the reference values agree, by family and backend, and sees to it that docs/conformance.md says the same:
 * `npm run conformance` writes that page, every other run compares with it, and fails if it is out of date.
 */
export default class ConformanceReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const tests = modules.flatMap((module) => [...module.children.allTests()])
    const results = tests.flatMap((test) => test.meta().conformance ?? [])
    if (results.length === 0) return
    const families = collect(results)
    const rows = [...families].map(([name, family]) => rowOf(name, family))
    console.log(`\nconformance with references\n${table(rows)}\n`)
    if (gpuMode !== undefined) return
    if (process.env['CONFORMANCE'] === 'write') {
      writeFileSync(page, pageOf(families, rows))
      return
    }
    const written = new Set(readFileSync(page, 'utf8').split('\n'))
    const stale = rows.filter((row) => !written.has(row))
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

function rowOf(name: string, { passed, total, source }: Family): string {
  const cells = backends.map((backend) => (backend in total ? `${passed[backend]} of ${total[backend]}` : ''))
  return `| ${[name, reference(source), ...cells].join(' | ')} |`
}

const table = (rows: readonly string[]): string =>
  [`| family | reference | ${backends.join(' | ')} |`, `| --- | --- |${backends.map(() => ' ---: |').join('')}`, ...rows].join(
    '\n',
  )

function pageOf(families: ReadonlyMap<string, Family>, rows: readonly string[]): string {
  const exceptions = [...families].flatMap(([family, one]) =>
    Object.entries(one.exceptions).map(([id, reason]) => `- \`${id}\` (${family}): ${reason}.`),
  )
  return `# Conformance

How many reference values are met, element by element, within the tolerance of their file (\`test/golden\`, which says what computed
them). A case holds a whole object: its config, results, gradients, weights that change. Every run of the tests checks all of them on
these backends; this page is written by \`npm run conformance\`, and a run that finds other numbers fails.

\`npm run conformance:gpu\` prints the same for the gpu, in gpu.js' modes \`cpu\` and \`webasm\` and on WebGPU where there is an adapter; cases
that read numbers at once, which the gpu cannot do, are left out there.

${table(rows)}

## Exceptions

${exceptions.join('\n')}
`
}
