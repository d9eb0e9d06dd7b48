import { kernel, parse, Tensor, type Formula } from '@typegrad/tensor'
import { isNumber, type Engine } from '../engine.ts'
import { planGrid } from '../grid.ts'
import { hostOp, needsHost } from '../host-op.ts'
import { KernelText, type KernelSource } from '../kernel-text.ts'
import { constantOf, operand, operandArguments } from '../operand.ts'
import { renderGpu } from '../render/render-gpu.ts'
import { broadcastLayout, keyOf } from '../tensor.ts'
import { matmulWgsl } from './matmul-wgsl.ts'
import { arraysOf, inputKinds, type Input } from './results.ts'
import { write } from './write.ts'

/** What is done to every element of a product before it is stored. */
export interface Finish {
  /** Of `x0`, the element, and `x1` …, those of the inputs at its place. */
  readonly formula: Formula
  /** They have the shape of the product. */
  readonly inputs: readonly Tensor[]
}

/** `out[…, i, j] = Σₖ a[…, i, k] · b[…, k, j]`, finished. Strides are arguments, so that transposes are free. */
export function matmul(engine: Engine, a: Tensor, b: Tensor, out: Tensor, finish?: Finish): void {
  if (needsHost([a, b], [out])) {
    return hostOp(engine, 'float64', [a, b], [out], (host, [left, right], [to]) => host.matmul(left, right, to))
  }
  const k = a.shape.at(-1)!
  if (k === 0 && !finish) return
  const [left, right] = [operand(engine, a), operand(engine, b)]
  const others = (finish?.inputs ?? []).map((x): Input => constantOf(x) ?? operand(engine, x))
  const [aStrides, bStrides] = [a.layout.strides, b.layout.strides]
  const [aK, bK] = [aStrides.at(-1)!, bStrides.at(-2)!]
  const grid = planGrid(
    out.shape,
    [
      [...aStrides.slice(0, -1), 0],
      [...bStrides.slice(0, -2), 0, bStrides.at(-1)!],
      ...arraysOf(others).map(({ layout }) => layout.strides),
    ],
    engine.runtime.limits,
  )
  const args = [...grid.sizes, ...operandArguments(left, grid.strides[0]), ...operandArguments(right, grid.strides[1]), k, aK, bK]
  let at = 2
  for (const x of others) args.push(...(isNumber(x) ? [x] : operandArguments(x, grid.strides[at++])))
  // Tiles pay where there are some of them. A grid of other axes than rows and columns has no tiles.
  const [rows, columns] = out.shape.slice(-2)
  const whole = grid.kind === (out.rank === 2 ? '2' : '3') && grid.dims[0] === columns && grid.dims[1] === rows
  const large = whole && rows >= 32 && columns >= 32 && k >= 16
  const end = finish && { formula: finish.formula, kinds: inputKinds(others) }
  const key = `matmul ${grid.kind}${large ? ' tiled' : ''}${end ? ` ${end.kinds} ${keyOf(end.formula)}` : ''}`
  const build = (): KernelSource => (large ? tiled(grid.kind, end) : matmulSource(grid.kind, end))
  write(engine, out, (cell) => engine.launch(key, build, grid.dims, args, [cell]))
}

const sum = parse('x0 + x1')

/** `out = a · b + bias`, by one kernel. */
export function matmulAdd(engine: Engine, a: Tensor, b: Tensor, bias: Tensor, out: Tensor): void {
  if (needsHost([a, b, bias], [out])) {
    return hostOp(engine, 'float64', [a, b, bias], [out], (host, [left, right, row], [to]) => {
      host.matmul(left, right, to)
      host.elementwise(plus, [to, spread(row, to)], [to], to.dtype)
    })
  }
  matmul(engine, a, b, out, { formula: sum, inputs: [spread(bias, out)] })
}

const plus = kernel(['x', 'y'], { z: 'x + y' })

const spread = (row: Tensor, { shape }: Tensor): Tensor => new Tensor(row.buffer, broadcastLayout(row.layout, shape), row.dtype)

/** The end of a kernel's text: which of its inputs are numbers (`c`), and which are arrays (`a`). */
export interface End {
  readonly formula: Formula
  readonly kinds: string
}

/** The plain kernel, with a body in WGSL that multiplies tile by tile. */
export const tiled = (grid: string, end?: End): KernelSource => ({
  ...matmulSource(grid, end),
  wgsl: matmulWgsl(grid === '2' ? 2 : 3, { rows: 4, columns: 4, depth: 16 }, end?.kinds),
})

export function matmulSource(grid: string, end?: End): KernelSource {
  const text = new KernelText(grid)
  const [a, b] = [text.operand('a'), text.operand('b')]
  text.integers('length', 'aK', 'bK')
  text.lines('let sum = 0;', `for (let k = 0; k < length; k++) { sum += a[${a} + k * aK] * b[${b} + k * bK]; }`)
  if (!end) {
    text.lines('return sum;')
    return text.finish()
  }
  const given = end.kinds.split('').map((kind, i) => {
    const name = `x${i + 1}`
    if (kind === 'a') return `${name}[${text.operand(name)}]`
    text.float(name)
    return name
  })
  // A function, which the body in WGSL calls too.
  const names = ['p', ...given.map((_, i) => `v${i + 1}`)]
  const { statements, result } = renderGpu(end.formula, {
    names: Object.fromEntries(names.map((name, i) => [`x${i}`, name])),
    prefix: 't',
    library: text.library,
  })
  text.function('finish', names, [...statements, `return ${result};`])
  text.lines(`return finish(${['sum', ...given].join(', ')});`)
  return text.finish()
}
