/**
 * Mutation testing of the core numerics by Stryker: `npm run mutation` (hours), `npm run mutation -- packages/tensor/src/shape.ts`
 * for one file, or `…/shape.ts:69-88` for some lines of it. Works in a copy of the repository, into which Stryker is fetched, and writes the scores of whole files into
 * test/trust/mutation.json; some lines are printed only. Two seconds a mutant.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
/** What is mutated, and the tests that must notice. */
const targets = {
  'packages/tensor/src/shape.ts': ['test/tensor/shape.test.ts', 'test/tensor/errors.test.ts'],
  'packages/tensor/src/layout.ts': ['test/tensor/views.test.ts'],
  'packages/tensor/src/formula/differentiate.ts': ['test/tensor/formula.test.ts', 'test/tensor/op-table.test.ts'],
  'packages/tensor/src/formula/special.ts': ['test/tensor/op-table.test.ts'],
  'packages/tensor/src/formula/gamma.ts': ['test/tensor/numpy.test.ts'],
  'packages/tensor/src/ops/reduce.ts': ['test/tensor/reductions.test.ts'],
  'packages/tensor/src/ops/scan.ts': ['test/tensor/numpy.test.ts', 'test/tensor/gradients.test.ts'],
  'packages/tensor/src/linalg/solve.ts': ['test/tensor/numpy.test.ts', 'test/tensor/array-ops.test.ts'],
  'packages/autograd/src/tape.ts': ['test/autograd/grad.test.ts', 'test/autograd/gradient-tape.test.ts'],
}
const asked = process.argv.slice(2)
const chosen = asked.length > 0 ? asked : Object.keys(targets)

const folder = mkdtempSync(join(tmpdir(), 'typegrad-mutation-'))
const copy = join(folder, 'copy')
const tracked = execFileSync('git', ['ls-files', '-co', '--exclude-standard'], { cwd: root, encoding: 'utf8' }).trim().split('\n')
for (const file of tracked) if (existsSync(join(root, file))) cpSync(join(root, file), join(copy, file), { recursive: true })
// The links in it point to the packages by relative paths, and so to the copy's.
cpSync(join(root, 'node_modules'), join(copy, 'node_modules'), { recursive: true, verbatimSymlinks: true })

// Beside the copy, whose own packages it so leaves alone; Vitest is the copy's.
writeFileSync(join(folder, 'package.json'), '{ "private": true }')
const stryker = ['@stryker-mutator/core@9.5.1', '@stryker-mutator/vitest-runner@9.5.1']
execFileSync('npm', ['install', '--ignore-scripts', '--legacy-peer-deps', ...stryker], { cwd: folder, stdio: 'inherit' })
symlinkSync(join(copy, 'node_modules/vitest'), join(folder, 'node_modules/vitest'))
// Stryker's worker threads take no --expose-gc.
writeFileSync(
  join(copy, 'vitest.stryker.ts'),
  `import base from './vitest.config.ts'
const { projects, reporters, ...test } = base.test
const execArgv = test.execArgv.filter((flag) => flag !== '--expose-gc')
export default { ...base, test: { ...test, include: process.env.STRYKER_TESTS.split(','), execArgv, isolate: false } }
`,
)

const record = join(root, 'test/trust/mutation.json')
const scores = existsSync(record) ? JSON.parse(readFileSync(record, 'utf8')) : { files: {} }
for (const file of chosen) {
  const config = {
    testRunner: 'vitest',
    plugins: ['@stryker-mutator/vitest-runner'],
    vitest: { configFile: 'vitest.stryker.ts', related: false },
    coverageAnalysis: 'perTest',
    // What runs when a module loads cannot be switched within a process.
    ignoreStatic: true,
    mutate: [file],
    inPlace: true,
    // Messages of errors are for people.
    mutator: { excludedMutations: ['StringLiteral', 'ObjectLiteral'] },
    reporters: ['json', 'clear-text'],
    jsonReporter: { fileName: 'mutation.json' },
    concurrency: 1,
    timeoutMS: 4000,
    disableTypeChecks: false,
    checkers: [],
  }
  writeFileSync(join(copy, 'stryker.config.json'), JSON.stringify(config))
  spawnSync(process.execPath, [join(folder, 'node_modules/@stryker-mutator/core/bin/stryker.js'), 'run'], {
    cwd: copy,
    stdio: 'inherit',
    env: { ...process.env, FC_RUNS: '15', STRYKER_TESTS: targets[file.replace(/:.*/, '')].join(',') },
  })
  const report = JSON.parse(readFileSync(join(copy, 'mutation.json'), 'utf8'))
  const mutants = Object.values(report.files).flatMap(({ mutants: list }) => list)
  const counted = mutants.filter(({ status }) => !['Ignored', 'CompileError', 'RuntimeError'].includes(status))
  const killed = counted.filter(({ status }) => status === 'Killed' || status === 'Timeout').length
  if (!file.includes(':')) scores.files[file] = { killed, total: counted.length }
  console.log(`${file}: ${((100 * killed) / counted.length).toFixed(1)} % of ${counted.length} mutants`)
}
writeFileSync(record, `${JSON.stringify(scores, null, 2)}\n`)
rmSync(folder, { recursive: true })
console.log(`written to ${record.slice(dirname(root).length)}`)
