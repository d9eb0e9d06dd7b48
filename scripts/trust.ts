/**
 * One table of what the numbers rest on: `npm run trust`. Runs the tests behind it, measures what can be measured (errors of gradients,
 * ulps), and prints every goal with the figure of the system that it is measured against. `-- --quick` leaves the sweeps out.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { checkGradients } from '@typegrad/autograd'
import { applyFormula, backendNames, formulaOps, tensor, type Tensor } from '@typegrad/tensor'
import { smoothOperands } from '../test/tensor/calculus.ts'
import { gradientRows } from '../test/tensor/gradient-rows.ts'
import { product } from '../test/tensor/naive.ts'
import { numbersFrom } from '../test/tensor/numbers.ts'
import { referenceOf, rowNames } from '../test/tensor/reference.ts'
import { trustedOps } from '../test/trust/ops.ts'

const { values: options } = parseArgs({ options: { quick: { type: 'boolean', default: false } } })
const root = new URL('..', import.meta.url).pathname
const seed = Number(process.env['FC_SEED'] ?? Math.floor(Math.random() * 2 ** 31))

interface Line {
  readonly what: string
  readonly figure: string
  readonly anchor?: string
  readonly verdict?: string
}
const lines: Line[] = []
const say = (what: string, figure: string, anchor = '', verdict = ''): void => void lines.push({ what, figure, anchor, verdict })

/** Runs test files and returns the tests by title, and what they printed. */
function tests(...paths: string[]): { passed: number; failed: number; titles: string[]; text: string } {
  const file = join(mkdtempSync(join(tmpdir(), 'trust-')), 'result.json')
  const { stdout } = spawnSync(
    process.execPath,
    ['node_modules/vitest/vitest.mjs', 'run', ...paths, '--reporter=default', '--reporter=json', `--outputFile.json=${file}`],
    { cwd: root, env: { ...process.env, FC_SEED: String(seed) }, encoding: 'utf8', maxBuffer: 1 << 28 },
  )
  if (!existsSync(file)) return { passed: 0, failed: 1, titles: [], text: stdout }
  const result = JSON.parse(readFileSync(file, 'utf8')) as {
    numPassedTests: number
    numFailedTests: number
    testResults: { assertionResults: { fullName: string; status: string }[] }[]
  }
  const titles = result.testResults.flatMap(({ assertionResults }) => assertionResults.map(({ fullName }) => fullName))
  return { passed: result.numPassedTests, failed: result.numFailedTests, titles, text: stdout }
}

const verdict = ({ failed }: { failed: number }): string => (failed === 0 ? 'met' : `NOT MET: ${failed} failed`)

/** The worst error of both orders over all ops, at `rounds` random points each. */
function gradientErrors(rounds: number): { rows: number; first: number; second: number; at: string } {
  let [first, second, at] = [0, 0, '']
  const check = (name: string, f: (...xs: Tensor[]) => Tensor, points: readonly Tensor[]): void => {
    const one = checkGradients(f, points)
    if (one > first) [first, at] = [one, name]
    second = Math.max(second, checkGradients(f, points, { second: true }))
  }
  for (let round = 0; round < rounds; round++) {
    const random = numbersFrom(seed + round)
    for (const name of rowNames) {
      const op = formulaOps[name]
      const shapes = op.args.map(() => [2])
      const points = smoothOperands(referenceOf(name).f, shapes, [2], random)
      check(
        name,
        (...xs) => applyFormula(op, xs).cast('float64'),
        points.map(({ values }) => tensor(Float64Array.from(values))),
      )
    }
    for (const [name, f, ...shapes] of gradientRows) {
      const points = shapes.map((shape, k) => {
        const order = Array.from({ length: product(shape) }, (_, i) => ({ i, key: random() })).sort((a, b) => a.key - b.key)
        const values = order.map(({ i }) => (i - Math.floor(order.length / 2)) * 0.3 + 0.15 * k + 0.1 + random() * 0.1)
        return tensor(Float64Array.from(values), { shape })
      })
      check(name, f, points)
    }
  }
  return { rows: rowNames.length + gradientRows.length, first, second, at }
}

console.log(`seed ${seed} (FC_SEED=${seed} repeats it), backends ${backendNames().join(', ')}, Node ${process.versions.node}\n`)

const gradients = gradientErrors(options.quick ? 1 : 3)
const at = ` (${gradients.at})`
say(
  'A1 first-order gradients, f64',
  `${gradients.rows} ops, worst ${gradients.first.toExponential(1)}${at}`,
  'PyTorch rtol 1e-3; autograd 1e-6',
  gradients.first <= 1e-6 ? 'met: ≤ 1e-6' : 'NOT MET',
)
say(
  'A2 second-order gradients',
  `${gradients.rows} ops, worst ${gradients.second.toExponential(1)}`,
  "PyTorch's gradgradcheck",
  gradients.second <= 1e-5 ? 'met: ≤ 1e-5' : 'NOT MET',
)
const kinks = tests('test/autograd/kinks.test.ts')
say(
  'A3 kinks and holes',
  `${kinks.passed} points on ${backendNames().length} backends`,
  'documented finite values',
  verdict(kinks),
)
const models = tests('test/trust/models.test.ts')
say(
  'A4, A5 whole models and f32 against f64',
  `${models.passed} checks, 12 models`,
  'JAX 2e-3; no peer checks models',
  `${verdict(models)}; GPU apart`,
)
const transforms = tests('test/autograd/transforms.test.ts')
say(
  'grad, jvp, jacobian, vmap, checkpoint, customGradient nested',
  `${transforms.passed} nestings and ops`,
  'JAX',
  verdict(transforms),
)

if (!options.quick) {
  const text = execFileSync(
    process.execPath,
    [
      '--conditions=@typegrad/source',
      '--import',
      './scripts/ts-register.mjs',
      'scripts/ulp.ts',
      '--every',
      '2570',
      '--samples',
      '2000',
    ],
    { cwd: root, encoding: 'utf8' },
  )
  const table = text.split('\n').flatMap((line) => {
    const cells = line.split('|').map((cell) => cell.trim())
    return cells.length > 8 && Number(cells[2]) > 0
      ? [{ name: cells[1], single: Number(cells[2]), double: Number(cells[5]) }]
      : []
  })
  const worst = (key: 'single' | 'double'): string => {
    const top = table.reduce((a, b) => (a[key] > b[key] ? a : b))
    return `${top[key]} (${top.name})`
  }
  const over = (key: 'single' | 'double', limit: number): string =>
    table
      .filter((row) => row[key] > limit)
      .map(({ name }) => name)
      .join(', ')
  say(
    'B1 ulp, float32, wasm',
    `${table.length} functions, worst ${worst('single')}`,
    'JAX cpu: tanh 5, erf 7, sinh 25',
    over('single', 1) === '' ? 'met: ≤ 1.0' : `above 1.0: ${over('single', 1)}`,
  )
  say(
    'B2 ulp, float64, wasm',
    `worst ${worst('double')}`,
    'NumPy 1 (tanh 2)',
    over('double', 1) === '' ? 'met: ≤ 1' : `above 1: ${over('double', 1)}`,
  )
}

const bugs = tests('test/trust/bugs')
const named = new Set(bugs.titles.flatMap((title) => /bug (\d+):/.exec(title)?.[1] ?? []))
say(
  'B4, B5, D, H1 the 45 bugs that such libraries had',
  `${named.size} of 45, ${bugs.passed} tests`,
  'each with its source',
  verdict(bugs),
)
const properties = tests('test/trust/properties.test.ts')
say(
  'C1 properties',
  `${trustedOps.length} ops × 5 dtypes × backends, ${properties.passed} properties of 15 runs and more`,
  'array-api-tests 20 examples',
  verdict(properties),
)
const table = tests('test/tensor/op-table.test.ts', 'test/tensor/numpy.test.ts')
say(
  'C2 special values; NumPy and SciPy',
  `${rowNames.length} rows at ±0, ±∞, NaN, subnormals; 296 golden cases`,
  "array-api's 493 special cases",
  `${verdict(table)}; array-api's own list is not run`,
)
const model = tests('test/trust/model-based.test.ts')
say('C3 model-based test of the core', `500 sequences of ≤ 50 steps a suite`, '1,000 sequences in all', verdict(model))

const runs = tests('test/trust/determinism.test.ts')
const hashes = [...runs.text.matchAll(/hash of ([^:]+): (\w+)/g)].map(([, name, hash]) => `${name} ${hash.slice(0, 8)}`)
say(
  'G1, G2 determinism',
  `5 runs over runs and 1, 2, 3, 8 threads${hashes.length > 0 ? `: ${hashes.join(', ')}` : ''}`,
  'torch: same machine only',
  verdict(runs),
)
say(
  'G3 JS = WASM bit by bit',
  'the reference computes in double precision and rounds once',
  'none',
  'not met by design: equal to rounding',
)
const faults = tests('test/trust/faults.test.ts')
const survived = [...faults.text.matchAll(/survived: ([^\n]+)/g)].map(([, what]) => what)
say('H3, H5 faults survived', survived.join('; ') || `${faults.passed} tests`, 'none', verdict(faults))
say(
  'H4 memory that grows at every allocation',
  'a backend of the conformance suite',
  'emscripten #6747',
  'met, by the suites above',
)

const record = join(root, 'test/trust/mutation.json')
if (existsSync(record)) {
  const { files } = JSON.parse(readFileSync(record, 'utf8')) as { files: Record<string, { killed: number; total: number }> }
  for (const [file, { killed, total }] of Object.entries(files)) {
    const score = (100 * killed) / total
    say(
      `I2 mutation score of ${file}`,
      `${score.toFixed(1)} %, ${killed} of ${total} mutants`,
      'SQLite MC/DC',
      score >= 85 ? 'met: ≥ 85 %' : 'NOT MET',
    )
  }
}

const widths = (['what', 'figure', 'anchor', 'verdict'] as const).map((key) =>
  Math.max(key.length, ...lines.map((line) => (line[key] ?? '').length)),
)
const row = (cells: readonly string[]): string => `| ${cells.map((cell, i) => cell.padEnd(widths[i])).join(' | ')} |`
console.log(row(['what', 'figure', 'anchor', 'verdict']))
console.log(`|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`)
for (const { what, figure, anchor = '', verdict: said = '' } of lines) console.log(row([what, figure, anchor, said]))
process.exitCode = lines.some(({ verdict: said }) => said?.startsWith('NOT MET')) ? 1 : 0
