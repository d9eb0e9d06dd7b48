/**
 * Mutation testing of the core numerics: `npm run mutation`, or `npm run mutation -- packages/tensor/src/shape.ts …` for some files.
 * Stryker's instrumenter (fetched into the folder for temporary files) writes all mutants of a file into it, each behind a switch;
 * runner.ts tries them within one process, tens of milliseconds a mutant. Those that survive there, and those in what runs when a
 * module loads, get a process of their own. Scores go into test/trust/mutation.json; survivors are printed with what they replace.
 */
import { execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { targets } from './targets.ts'

interface Mutant {
  readonly id: string
  readonly mutatorName: string
  readonly replacement: string
  readonly status?: string
  readonly location: { readonly start: Place; readonly end: Place }
}
interface Place {
  readonly line: number
  readonly column: number
}
/** A line of the runner's log. */
type Note =
  | { readonly covers: readonly string[] }
  | { readonly tries: string; readonly test: string }
  | { readonly killed: string; readonly by: string }
  | { readonly unsound: string }
  | { readonly done: string }

const root = fileURLToPath(new URL('../..', import.meta.url))
const version = '9.5.1'
/** Without a sign of life for so long, a mutant is one that does not end. */
const patience = 15_000

/** The file with every mutant behind its switch. Texts and objects of errors are for people, and stay. */
async function instrument(path: string): Promise<{ code: string; mutants: Mutant[] }> {
  const tool = join(tmpdir(), `typegrad-stryker-${version}`)
  if (!existsSync(join(tool, 'node_modules'))) {
    mkdirSync(tool, { recursive: true })
    writeFileSync(join(tool, 'package.json'), '{ "private": true }')
    execFileSync('npm', ['install', '--ignore-scripts', `@stryker-mutator/instrumenter@${version}`], {
      cwd: tool,
      stdio: 'inherit',
    })
  }
  const entry = join(tool, 'node_modules/@stryker-mutator/instrumenter/dist/src/index.js')
  const { Instrumenter } = (await import(pathToFileURL(entry).href)) as {
    Instrumenter: new (logger: object) => {
      instrument: (files: object[], options: object) => Promise<{ files: { content: string }[]; mutants: Mutant[] }>
    }
  }
  const silent = { debug() {}, info() {}, warn() {}, isDebugEnabled: () => false }
  const { files, mutants } = await new Instrumenter(silent).instrument(
    [{ name: join(root, path), mutate: true, content: readFileSync(join(root, path), 'utf8') }],
    { plugins: null, ignorers: [], excludedMutations: ['StringLiteral', 'ObjectLiteral'] },
  )
  return { code: files[0].content, mutants: mutants.filter(({ status }) => status !== 'Ignored') }
}

/** Runs Vitest until it ends or `log` has not grown for a while; says whether all tests passed. */
async function vitest(folder: string, env: Record<string, string>): Promise<'passed' | 'failed' | 'stuck'> {
  const log = join(folder, 'log')
  const child = spawn(
    process.execPath,
    ['node_modules/vitest/vitest.mjs', 'run', '--config', 'scripts/mutation/vitest.config.ts'],
    {
      cwd: root,
      env: { FC_RUNS: '25', FC_SEED: '1', ...process.env, MUTATION: folder, ...env },
      detached: true,
      stdio: !process.env['MUTATION_VERBOSE'] ? 'ignore' : 'inherit',
    },
  )
  let [size, since, stuck] = [-1, Date.now(), false]
  const watch = setInterval(() => {
    const now = statSync(log).size
    if (now !== size) [size, since] = [now, Date.now()]
    else if (Date.now() - since > patience) {
      stuck = true
      process.kill(-child.pid!, 'SIGKILL')
    }
  }, 500)
  const code = await new Promise<number | null>((resolve) => child.on('exit', resolve))
  clearInterval(watch)
  return stuck ? 'stuck' : code === 0 ? 'passed' : 'failed'
}

const notesOf = (folder: string): Note[] =>
  readFileSync(join(folder, 'log'), 'utf8')
    .split('\n')
    .flatMap((line) => (line === '' ? [] : (JSON.parse(line) as Note)))

/** The ids of the mutants that no test notices. */
async function survivors(path: string, code: string, mutants: readonly Mutant[]): Promise<Set<string>> {
  const folder = mkdtempSync(join(tmpdir(), 'typegrad-mutation-'))
  writeFileSync(join(folder, 'code.ts'), code)
  writeFileSync(join(folder, 'log'), '')
  const alive = new Set(mutants.map(({ id }) => id))
  const [covered, tried, done] = [new Set<string>(), new Set<string>(), new Set<string>()]
  const state = { path: join(root, path), tests: targets[path] }
  for (let attempt = 0; attempt < 100; attempt++) {
    writeFileSync(join(folder, 'state.json'), JSON.stringify({ ...state, alive: [...alive], tried: [...tried], done: [...done] }))
    writeFileSync(join(folder, 'log'), '')
    const outcome = await vitest(folder, {})
    let last: Note | undefined
    for (const note of notesOf(folder)) {
      if ('covers' in note) for (const id of note.covers) covered.add(id)
      if ('killed' in note) alive.delete(note.killed)
      if ('done' in note) done.add(note.done)
      if ('tries' in note) tried.add(`${note.tries} ${note.test}`)
      if ('tries' in note || 'unsound' in note) last = note
    }
    if (outcome === 'passed') break
    if (last === undefined || (outcome === 'failed' && !('unsound' in last)))
      throw new Error(`${path}: the tests fail without any mutant; MUTATION_VERBOSE=1 shows how`)
    if ('tries' in last) alive.delete(last.tries)
    // It may have failed for what another left behind: it is tried again.
    else if (last.unsound !== '') for (const pair of tried) if (pair.startsWith(`${last.unsound} `)) tried.delete(pair)
  }
  const checked = mutants.filter(({ id }) => alive.has(id) && covered.has(id))
  console.log(`${path}: ${checked.length} of ${mutants.length} mutants to try from the start of a process`)
  for (const { id } of checked) {
    writeFileSync(join(folder, 'log'), '')
    if ((await vitest(folder, { __STRYKER_ACTIVE_MUTANT__: id })) !== 'passed') alive.delete(id)
  }
  rmSync(folder, { recursive: true })
  return alive
}

const record = join(root, 'test/trust/mutation.json')
const asked = process.argv.slice(2)
for (const path of asked.length > 0 ? asked : Object.keys(targets)) {
  const start = Date.now()
  const { code, mutants } = await instrument(path)
  const alive = await survivors(path, code, mutants)
  const lines = readFileSync(join(root, path), 'utf8').split('\n')
  for (const { id, mutatorName, replacement, location } of mutants) {
    if (!alive.has(id)) continue
    const { start: from, end: to } = location
    const original =
      from.line === to.line ? lines[from.line].slice(from.column, to.column) : `${lines[from.line].slice(from.column)} …`
    console.log(
      `  ${path}:${from.line + 1}:${from.column + 1} ${mutatorName}: ${original}  →  ${replacement.replaceAll(/\s+/g, ' ')}`,
    )
  }
  const killed = mutants.length - alive.size
  const seconds = ((Date.now() - start) / 1000).toFixed(0)
  console.log(
    `${path}: ${((100 * killed) / mutants.length).toFixed(1)} %, ${killed} of ${mutants.length} mutants noticed, ${seconds} s`,
  )
  const scores = JSON.parse(readFileSync(record, 'utf8')) as { files: Record<string, { killed: number; total: number }> }
  scores.files[path] = { killed, total: mutants.length }
  writeFileSync(record, `${JSON.stringify(scores, null, 2)}\n`)
}
