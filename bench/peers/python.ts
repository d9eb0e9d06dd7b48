// NumPy and PyTorch, where python3 has them: a child process that runs one measurement and prints microseconds.
import { execFileSync } from 'node:child_process'

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

/** Whether a python3 here can import the module. */
export const pythonHas = (module: string): boolean => interpreterWith(module) !== undefined

const frame = `
import time, statistics
def measure(run, seconds=0.04, rounds=7):
    run(); run()
    t = time.perf_counter(); run(); once = time.perf_counter() - t
    n = max(1, round(seconds / once))
    times = []
    for _ in range(rounds):
        t = time.perf_counter()
        for _ in range(n): run()
        times.append((time.perf_counter() - t) / n * 1e6)
    print(statistics.median(times))
`

/** Microseconds per call of \`run\`, which \`setup\` defines; on one thread. */
export function pythonMicroseconds(setup: string): number {
  const env = { ...process.env, OMP_NUM_THREADS: '1', OPENBLAS_NUM_THREADS: '1', MKL_NUM_THREADS: '1' }
  const module = /\bimport torch\b/.test(setup) ? 'torch' : 'numpy'
  return Number(execFileSync(interpreterWith(module)!, ['-c', `${frame}\n${setup}\nmeasure(run)`], { env, encoding: 'utf8' }))
}
