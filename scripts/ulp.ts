/**
 * How exact and how fast the functions of the wasm backend are: `npm run ulp`. It tries every float32, with `-- --every 257`
 * every 257th one; `--only exp,log` for some functions. Prints the table of packages/tensor/src/formula/functions.ts.
 *
 * float32 results are compared with JavaScript's `Math` in float64, float64 results with 300-bit arithmetic (exact.ts).
 */
import { cpus } from 'node:os'
import { parseArgs } from 'node:util'
import { i32, ModuleBuilder, v128 } from '../packages/tensor/src/backends/wasm/assembler/index.ts'
import { prepareWasm } from '../packages/tensor/src/backends/wasm/render.ts'
import { kernel } from '../packages/tensor/src/formula/kernel.ts'
import { unary } from '../packages/tensor/src/ops/elementwise.ts'
import { erf, erfinv, mod } from '../packages/tensor/src/formula/special.ts'
import { type Big, big, exact, ulpsOf } from './exact.ts'

const { values: options } = parseArgs({
  options: {
    every: { type: 'string', default: '1' },
    only: { type: 'string' },
    samples: { type: 'string', default: '20000' },
  },
})

type Function = (x: number, y: number) => number

interface Row {
  readonly formula: string
  readonly reference: Function
  /** Arguments as they usually are, for times and for a part of the float64 samples. */
  readonly range: readonly [number, number]
  /** Samples are taken where the result is a finite number. */
  readonly precise?: (x: Big, y: Big) => Big
}

const one = (name: string, low: number, high: number, reference = Math[name as 'exp'] as Function): Row => ({
  formula: `${name}(x)`,
  reference,
  range: [low, high],
  precise: exact[name],
})

const rows: Readonly<Record<string, Row>> = {
  exp: one('exp', -10, 10),
  'pow(2, x)': { formula: 'pow(2, x)', reference: (x) => 2 ** x, range: [-10, 10], precise: (x) => exact['pow'](big(2), x) },
  expm1: one('expm1', -5, 5),
  log: one('log', 0, 100),
  log1p: one('log1p', 0, 1),
  sqrt: one('sqrt', 0, 100),
  pow: { formula: 'pow(x, y)', reference: Math.pow, range: [0.1, 10], precise: exact['pow'] },
  sin: one('sin', -10, 10),
  cos: one('cos', -10, 10),
  tan: one('tan', -10, 10),
  asin: one('asin', -1, 1),
  acos: one('acos', -1, 1),
  atan: one('atan', -4, 4),
  atan2: { formula: 'atan2(x, y)', reference: Math.atan2, range: [-4, 4], precise: exact['atan2'] },
  sinh: one('sinh', -5, 5),
  cosh: one('cosh', -5, 5),
  tanh: one('tanh', -4, 4),
  asinh: one('asinh', -10, 10),
  acosh: one('acosh', 1, 10),
  atanh: one('atanh', -1, 1),
  erf: one('erf', -3, 3, erf),
  erfinv: one('erfinv', -0.99, 0.99, erfinv),
  mod: { formula: 'mod(x, y)', reference: mod, range: [-100, 100], precise: exact['mod'] },
  // Formulas of several functions, each of which rounds.
  sigmoid: { formula: unary.sigmoid.forward, reference: (x) => 1 / (1 + Math.exp(-x)), range: [-8, 8] },
  softplus: {
    formula: unary.softplus.forward,
    reference: (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))),
    range: [-8, 8],
  },
}

const count = 1 << 16
const memory = new WebAssembly.Memory({ initial: 40 })
const float = { bytes: 4, base: 0, type: 'f32x4', array: Float32Array } as const
const double = { bytes: 8, base: 1 << 20, type: 'f64x2', array: Float64Array } as const
type Format = typeof float | typeof double

/** The arguments x and y, then the result. */
const buffers = ({ bytes, base, array }: Format) =>
  [0, 1, 2].map((i) => new array(memory.buffer, base + i * count * bytes, count))

/** A loop over the buffers: `run(n)` computes the first n elements. */
function loop({ formula }: Row, { bytes, base, type }: Format): (n: number) => void {
  const module = new ModuleBuilder({ memory: {} })
  const all = kernel(['x', 'y'], { result: formula })
  const run = module.func('run', { params: { n: 'i32' } }, (f, { n }) => {
    const write = prepareWasm({ f, module }, all, type)
    f.for(0, i32.mul(n, bytes), 16, (at) => {
      const [result] = write([v128.load(at, base), v128.load(at, base + count * bytes)])
      f.do(v128.store(at, result, base + 2 * count * bytes))
    })
  })
  module.export(run)
  const { exports } = new WebAssembly.Instance(module.compile(), { env: { memory } })
  return exports['run'] as (n: number) => void
}

const takesTwo = ({ formula }: Row): boolean => formula.includes('y')

interface Worst {
  max: number
  at: string
  wrong: number
  total: number
}

const bits = new Float64Array(1)
const halves = new Uint32Array(bits.buffer)

/** How far a float32 result that is not the nearest is from the value, in units in the last place of float32. */
function ulps32(y: number, value: number): number {
  if (Number.isNaN(y) || Number.isNaN(value)) return Infinity
  bits[0] = value
  const exponent = Math.max(((halves[1] >>> 20) & 0x7ff) - 1023, -126)
  const given = Number.isFinite(y) ? y : Math.sign(y) * 2 ** 128
  return Math.abs(given - value) / 2 ** (exponent - 23)
}

/** Compares the results in the buffers with the reference. */
function compare32(row: Row, n: number, worst: Worst): void {
  const [x, y, result] = buffers(float)
  const { reference } = row
  for (let i = 0; i < n; i++) {
    const value = reference(x[i], y[i])
    const nearest = Math.fround(value)
    if (nearest === result[i] || (nearest !== nearest && result[i] !== result[i])) continue
    worst.wrong++
    const error = ulps32(result[i], value)
    if (error > worst.max) Object.assign(worst, { max: error, at: takesTwo(row) ? `${x[i]}, ${y[i]}` : String(x[i]) })
  }
  worst.total += n
}

const random = ((state) => () => {
  state = (state + 0x6d2b79f5) | 0
  let t = Math.imul(state ^ (state >>> 15), 1 | state)
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
  return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
})(1)

/** Numbers of all sizes, and those of the usual range, of which many are near its ends. */
function sample([low, high]: readonly [number, number], exponents: number): number {
  const kind = Math.floor(4 * random())
  const sign = random() < 0.5 ? -1 : 1
  if (kind === 0) return sign * (1 + random()) * 2 ** Math.floor((2 * random() - 1) * exponents)
  if (kind === 1) return (sign < 0 ? low : high) - sign * (high - low) * 2 ** (-52 * random())
  return low + (high - low) * random()
}

function sweep32(row: Row): Worst {
  const worst: Worst = { max: 0.5, at: '', wrong: 0, total: 0 }
  const run = loop(row, float)
  const [x, y] = buffers(float)
  if (takesTwo(row)) {
    for (let round = 0; round < 64; round++) {
      for (let i = 0; i < count; i++) {
        x[i] = sample(row.range, round % 2 === 0 ? 126 : 10)
        y[i] = sample(row.range, round % 2 === 0 ? 126 : 10)
      }
      run(count)
      compare32(row, count, worst)
    }
    return worst
  }
  const patterns = new Uint32Array(memory.buffer, 0, count)
  for (let next = 0; next < 2 ** 32;) {
    let n = 0
    for (; n < count && next < 2 ** 32; next += Number(options.every)) patterns[n++] = next
    run(count)
    compare32(row, n, worst)
  }
  return worst
}

function samples64(row: Row): Worst {
  const worst: Worst = { max: 0, at: '', wrong: 0, total: 0 }
  if (!row.precise) return worst
  const run = loop(row, double)
  const [x, y, result] = buffers(double)
  const two = takesTwo(row)
  while (worst.total < Number(options.samples)) {
    for (let i = 0; i < count; i++) [x[i], y[i]] = [sample(row.range, 1000), sample(row.range, 30)]
    run(count)
    for (let i = 0; i < count && worst.total < Number(options.samples); i++) {
      const about = row.reference(x[i], y[i])
      if (!Number.isFinite(about) || about === 0) continue
      const error = ulpsOf(result[i], row.precise(big(x[i]), big(y[i])))
      worst.total++
      if (error > 0.5) worst.wrong++
      if (error > worst.max) Object.assign(worst, { max: error, at: two ? `${x[i]}, ${y[i]}` : String(x[i]) })
    }
  }
  return worst
}

/** Nanoseconds for an element: float32, float64, and JavaScript's function; the least of many rounds, taken in turns. */
function times(row: Row): number[] {
  const n = 4096
  const [low, high] = row.range
  for (const format of [float, double]) {
    for (const array of buffers(format).slice(0, 2)) for (let i = 0; i < n; i++) array[i] = low + (high - low) * random()
  }
  const [x, y, result] = buffers(double)
  const { reference } = row
  const script = (): void => {
    for (let i = 0; i < n; i++) result[i] = reference(x[i], y[i])
  }
  const runs = [loop(row, float), loop(row, double), script]
  const best = runs.map(() => Infinity)
  for (let round = 0; round < 60; round++) {
    runs.forEach((run, i) => {
      const start = performance.now()
      for (let k = 0; k < 20; k++) run(n)
      best[i] = Math.min(best[i], ((performance.now() - start) * 1e6) / (20 * n))
    })
  }
  return best
}

const percent = ({ wrong, total }: Worst): string => (100 * (1 - wrong / total)).toFixed(2)

const chosen = options.only?.split(',') ?? Object.keys(rows)
console.log(
  `${cpus()[0].model}, Node ${process.versions.node}; every ${options.every}th float32, ${options.samples} float64 samples\n`,
)
console.log('| function | f32 ulp | at | % nearest | f64 ulp | % nearest | f32 ns | f64 ns | Math ns |')
console.log('|---|---|---|---|---|---|---|---|---|')
for (const name of chosen) {
  const row = rows[name]
  const nanoseconds = times(row).map((ns) => ns.toFixed(2))
  const single = sweep32(row)
  const wide = samples64(row)
  const precise = row.precise ? [wide.max.toFixed(3), percent(wide)] : ['', '']
  console.log(`| ${[name, single.max.toFixed(3), single.at, percent(single), ...precise, ...nanoseconds].join(' | ')} |`)
}
