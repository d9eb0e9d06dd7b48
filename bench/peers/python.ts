// NumPy and PyTorch, where python3 has them: a child process that runs what it is told as often as it is told, on one thread.
import { execFileSync, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { Answers } from '../answers.ts'
import type { Started } from '../processes.ts'

/** The python3 of the path, and that of the system, which may have other modules. */
const interpreters = ['python3', '/usr/bin/python3']

const found = new Map<string, string | undefined>()

/** The first interpreter that can import a module. */
function interpreterWith(module: string): string | undefined {
  if (!found.has(module)) {
    const imports = (python: string): boolean => {
      try {
        execFileSync(python, ['-c', `import ${module}`], { stdio: 'ignore' })
        return true
      } catch {
        return false
      }
    }
    found.set(module, interpreters.find(imports))
  }
  return found.get(module)
}

const frame = `
import sys, time
for line in sys.stdin:
    repeats = int(line)
    start = time.perf_counter()
    for _ in range(repeats): run()
    print((time.perf_counter() - start) / repeats * 1e6, flush=True)
`

/** A contestant that calls \`run\`, which \`setup\` defines; \`undefined\` where the module that it imports is missing. */
export function startPython(name: string, setup: string): Started | undefined {
  const interpreter = interpreterWith(/^import (\w+)/m.exec(setup)![1])
  if (!interpreter) return undefined
  const env = { ...process.env, OMP_NUM_THREADS: '1', OPENBLAS_NUM_THREADS: '1', MKL_NUM_THREADS: '1' }
  const child = spawn(interpreter, ['-c', `${setup}\n${frame}`], { env, stdio: ['pipe', 'pipe', 'inherit'] })
  const answers = new Answers<number>()
  createInterface(child.stdout)
    .on('line', (line) => answers.give(Number(line)))
    .on('close', () => answers.end(`${name}: its python ended`))
  return {
    name,
    sample(repeats) {
      const answer = answers.next()
      child.stdin.write(`${repeats}\n`)
      return answer
    },
    end: () => void child.kill(),
  }
}
