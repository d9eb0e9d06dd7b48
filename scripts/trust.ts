/**
 * One table of what the numbers rest on: `npm run trust`. Runs the tests behind it, measures what can be measured (errors of gradients,
 * ulps), and prints every goal with the figure of the system that it is measured against, into docs/trust.md, too. `-- --quick` leaves
 * the sweeps and the page out.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
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
import { caseCount, elementwiseCases, statisticalCases } from '../test/trust/special-cases.ts'

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

/** All that the table asks for, in one run. */
const files = [
  'test/autograd/kinks',
  'test/autograd/transforms',
  'test/formats/checkpoint',
  'test/gpu/fit',
  'test/integration/soak',
  'test/layers/',
  'test/tensor/memory',
  'test/tensor/numpy',
  'test/tensor/op-table',
  'test/trust',
]

interface Results {
  readonly testResults: readonly {
    readonly name: string
    readonly assertionResults: readonly { readonly fullName: string; readonly status: string }[]
  }[]
}

/** Runs the test files; what they print and find out. */
function runTests(): { text: string; results: Results } {
  const file = join(mkdtempSync(join(tmpdir(), 'trust-')), 'result.json')
  const { stdout } = spawnSync(
    process.execPath,
    ['node_modules/vitest/vitest.mjs', 'run', ...files, '--reporter=default', '--reporter=json', `--outputFile.json=${file}`],
    { cwd: root, env: { ...process.env, FC_SEED: String(seed) }, encoding: 'utf8', maxBuffer: 1 << 28 },
  )
  return { text: stdout, results: JSON.parse(readFileSync(file, 'utf8')) as Results }
}

const { text, results } = runTests()

/** The tests of some of these files; a file without any has failed to load. */
function tests(...paths: string[]): { passed: number; failed: number; titles: string[] } {
  const found = results.testResults.filter(({ name }) => paths.some((path) => name.includes(path)))
  const all = found.flatMap(({ assertionResults }) => assertionResults)
  const failed = all.filter(({ status }) => status === 'failed').length
  const broken = found.filter(({ assertionResults }) => assertionResults.length === 0).length
  return {
    passed: all.filter(({ status }) => status === 'passed').length,
    failed: found.length < paths.length ? paths.length : failed + broken,
    titles: all.map(({ fullName }) => fullName),
  }
}

/** What the tests have said about something: `<about>: …`. */
const told = (about: string): string[] => [...text.matchAll(new RegExp(`${about}: ([^\n]+)`, 'g'))].map(([, what]) => what)

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
  const sweep = execFileSync(
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
  const table = sweep.split('\n').flatMap((line) => {
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
    over('single', 1) === ''
      ? 'met: ≤ 1.0'
      : `above 1.0, below 2.5: ${over('single', 1)}, whose formulas divide or add what a float32 exp has rounded`,
  )
  say(
    'B2 ulp, float64, wasm',
    `worst ${worst('double')}`,
    'NumPy 1 (tanh 2)',
    over('double', 2) === ''
      ? `met: ≤ 2 on random numbers; above 1: ${over('double', 1)}`
      : `NOT MET: above 2: ${over('double', 2)}`,
  )
}

say(
  'B3 ulp on a gpu',
  'functions agree with the host to 3e-6, pow to 1e-5, on software Vulkan',
  'WGSL bounds',
  'not measured in ulps: there is no gpu here',
)
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
  `${trustedOps.length} ops, ${15 * 5 * 3} random arrays each (15 for each of 5 dtypes × 3 backends): ${properties.passed} tests of 6 properties`,
  'array-api-tests 20 examples',
  verdict(properties),
)
const special = tests('test/trust/special-cases.test.ts')
say(
  'C2 special cases of the array API standard',
  `${caseCount} cases of ${Object.keys(elementwiseCases).length + Object.keys(statisticalCases).length} ops, on every backend, in float32 and float64: ${special.passed} tests`,
  "the standard's 493",
  `${verdict(special)}; copysign, hypot, nextafter and signbit are no ops here`,
)
const table = tests('test/tensor/op-table.test.ts')
const golden = tests('test/tensor/numpy.test.ts')
const goldenCases = (JSON.parse(readFileSync(join(root, 'test/golden/numpy-ops.json'), 'utf8')) as { cases: unknown[] }).cases
  .length
say(
  'C2 special values; NumPy and SciPy',
  `${rowNames.length} rows at ±0, ±∞, NaN, subnormals: ${table.passed} tests; ${goldenCases} golden cases`,
  'JAX against SciPy',
  verdict({ failed: table.failed + golden.failed }),
)
const model = tests('test/trust/model-based.test.ts')
say('C3 model-based test of the core', told('sequences').join('; '), 'fast-check commands', verdict(model))

const layers = tests('test/layers/')
say(
  'C4 layers',
  `shape, dtype, config, training, masks, batches of 1 and 0 of every layer: ${layers.passed} tests`,
  'Keras run_layer_test',
  verdict(layers),
)
const runs = tests('test/trust/determinism.test.ts')
const hashes = [...text.matchAll(/hash of ([^:]+): (\w+)/g)].map(([, name, hash]) => `${name} ${hash.slice(0, 8)}`)
say(
  'G1, G2 determinism',
  `${hashes.length} training runs, golden hashes over runs and 1, 2, 3, 4, 8 threads: ${hashes.join(', ')}`,
  'torch: same machine only',
  verdict(runs),
)
say(
  'G4 slices of batches; G5 gradients of shards',
  'bit by bit; ≤ 1e-12 in float64',
  'torch declines; keras #20241',
  verdict(runs),
)
say(
  'G3 engines',
  'the same 5 hashes in Node 20, 22, 24 and in Chromium (`test/trust/browser.ts`)',
  'none',
  'met where run: V8; Firefox is not run',
)
say(
  'G3 cpu = wasm bit by bit',
  'the reference computes in double precision and rounds once',
  'none',
  'not met, by design: equal to float32 rounding',
)
const formats = tests('test/formats/checkpoint.test.ts')
say(
  'F3 resume',
  'every optimizer and option: two halves in two processes = the whole, bit by bit',
  'tensorflow #27049, #52368',
  verdict(formats),
)
const soak = tests('test/integration/soak.test.ts', 'test/tensor/memory.test.ts')
say(
  'H2 memory soak',
  '400 steps of a small CNN; 20,000 steps in one synchronous loop; by `npm run soak`, 20,000 compiled and 20,000 op by op: 12 and 17 slabs, and after the first 8,000 the heap within 0.8 MB',
  'tfjs #457, #1167',
  verdict(soak),
)
const faults = tests('test/trust/faults.test.ts')
say('H3, H5 faults survived', told('survived').join('; '), 'none', verdict(faults))
say(
  'H4 memory that grows at every allocation',
  'a backend of the conformance suite',
  'emscripten #6747',
  'met, by the suites above',
)
const fast = tests('test/trust/fast-paths.test.ts')
say(
  'I1 fast paths off',
  'all ops and kernels: nothing staged, all staged, memory that grows, 1 and 3 threads, programs',
  'SQLite: disabled optimisations',
  fast.failed === 0 ? 'met: same bits, but the last one of logSoftmax in programs' : verdict(fast),
)
const loss = tests('test/gpu/fit.test.ts')
say(
  'H6 loss of the gpu',
  'lost at four steps of fit, on software Vulkan: the weights of the last epoch',
  'tfjs #756',
  verdict(loss),
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

// What is installed with the library, and whether anything of it runs at that time.
const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as {
  packages: Record<string, { dev?: boolean; hasInstallScript?: boolean; optional?: boolean; peer?: boolean }>
}
const manifests = readdirSync(join(root, 'packages')).map(
  (name) =>
    JSON.parse(readFileSync(join(root, 'packages', name, 'package.json'), 'utf8')) as {
      name: string
      dependencies?: Record<string, string>
      scripts?: object
    },
)
const foreign = new Set(
  manifests
    .filter(({ name }) => name !== '@typegrad/gpu')
    .flatMap(({ dependencies = {} }) => Object.keys(dependencies).filter((name) => !name.startsWith('@typegrad/'))),
)
const audit = spawnSync('npm', ['audit', '--json', '--omit=dev'], { cwd: root, encoding: 'utf8' })
const found = (JSON.parse(audit.stdout || '{}') as { metadata?: { vulnerabilities?: { total?: number } } }).metadata
  ?.vulnerabilities?.total
say(
  'J1 supply chain, without @typegrad/gpu',
  `runtime dependencies ${[...foreign].toSorted().join(', ')}; install scripts of ours: ${manifests.filter(({ scripts }) => scripts !== undefined).length}`,
  'fast-check',
  'none compiles or downloads on installation',
)
say(
  'J1 npm audit of what users install, gpu.js included',
  found === undefined
    ? 'not reachable'
    : `${found} reports; ${Object.keys(lock.packages).length} packages in the lockfile, scripts off (.npmrc)`,
  '0',
  found === 0 ? 'met' : found === undefined ? 'not measured' : 'all below gpu.js: `npm audit --omit=dev` lists them',
)

const widths = (['what', 'figure', 'anchor', 'verdict'] as const).map((key) =>
  Math.max(key.length, ...lines.map((line) => (line[key] ?? '').length)),
)
const row = (cells: readonly string[]): string => `| ${cells.map((cell, i) => cell.padEnd(widths[i])).join(' | ')} |`
const printed = [
  row(['what', 'figure', 'anchor', 'verdict']),
  `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`,
  ...lines.map(({ what, figure, anchor = '', verdict: said = '' }) => row([what, figure, anchor, said])),
].join('\n')
console.log(printed)
if (!options.quick) writeFileSync(join(root, 'docs/trust.md'), page(printed))
process.exitCode = lines.some(({ verdict: said }) => said?.startsWith('NOT MET')) ? 1 : 0

function page(table: string): string {
  return `# What the numbers rest on

Written by \`npm run trust\`, which runs the tests behind each line and measures what can be measured; Node ${process.versions.node}, seed ${seed}.
The letters are goals; "anchor" is what a well-known system promises or what went wrong in one; "verdict" says whether the goal is met, or why not.
How to repeat a line: the tests are in [test/trust](../test/trust/README.md), \`FC_SEED=${seed} npm run trust\` draws the same numbers.

${table}

## What NaN does

NaN in, NaN out: \`max\`, \`min\`, \`argmax\`, \`argmin\` (the position of the first NaN), \`sum\`, \`mean\`, \`clip\`, \`relu\`, \`maximum\`, \`minimum\` and pooling
carry it on. \`sort\` puts NaN last, \`topk\` takes it as the largest, \`unique\` keeps one. Comparisons with NaN are false, \`notEqual\` is true; \`cast\` of NaN to an
integer is 0, to bool true. \`pow\` of 1 to any power, and of anything to the power 0, is 1. \`where\` selects by element, so that a NaN on the side that is not taken reaches neither the value nor the gradient.
The cpu and wasm backends agree (\`test/trust/nan.test.ts\`); \`fit({ debugNaN: true })\` names the op that made the first one.
`
}
