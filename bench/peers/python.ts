// NumPy and PyTorch, where python3 has them: a child process that runs one measurement and prints microseconds.
import { execFileSync } from 'node:child_process'

const has = new Map<string, boolean>()

/** Whether `python3 -c 'import MODULE'` works here. */
export function pythonHas(module: string): boolean {
  let known = has.get(module)
  if (known === undefined) {
    try {
      execFileSync('python3', ['-c', `import ${module}`], { stdio: 'ignore' })
      known = true
    } catch {
      known = false
    }
    has.set(module, known)
  }
  return known
}

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
  return Number(execFileSync('python3', ['-c', `${frame}\n${setup}\nmeasure(run)`], { env, encoding: 'utf8' }))
}
