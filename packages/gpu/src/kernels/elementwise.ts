import type { Cell } from '../cell.ts'
import type { DType, Formula, Kernel, Tensor } from '@typegrad/tensor'
import { isNumber, type Argument, type Engine } from '../engine.ts'
import { planGrid } from '../grid.ts'
import { hostOp, needsHost } from '../host-op.ts'
import { KernelText, type KernelSource } from '../kernel-text.ts'
import { constantOf, operand, operandArguments } from '../operand.ts'
import { functions } from '../render/functions.ts'
import { renderGpu, stored } from '../render/render-gpu.ts'
import { planes } from './planes.ts'
import { arraysOf, inputKinds, resultsOf, type Input, type Result } from './results.ts'
import { write } from './write.ts'

/** Evaluates a kernel at every index: all results in one launch where they are walked evenly, else one after the other. */
export function elementwise(
  engine: Engine,
  kernel: Kernel,
  inputs: readonly Tensor[],
  outputs: readonly Tensor[],
  compute: DType,
): void {
  if (outputs[0].size === 0) return
  if (needsHost(inputs, outputs)) {
    return hostOp(engine, 'float64', inputs, outputs, (host, xs, outs) => host.elementwise(kernel, xs, outs, compute))
  }
  const unknown = hostFunction(kernel)
  if (unknown !== undefined) {
    const name = `the function ${unknown}`
    return hostOp(engine, name, inputs, outputs, (host, xs, outs) => host.elementwise(kernel, xs, outs, compute))
  }
  const results = resultsOf(kernel)
  const used = new Set(results.flatMap(({ reads }) => reads))
  const read = inputs.map((x, i): Input => (used.has(i) ? (constantOf(x) ?? operand(engine, x)) : 0))
  if (arraysOf(read).length > engine.runtime.limits.arrays) {
    const name = `an elementwise kernel of more than ${engine.runtime.limits.arrays} arrays`
    return hostOp(engine, name, inputs, outputs, (host, xs, outs) => host.elementwise(kernel, xs, outs, compute))
  }
  if (outputs.length === 1) return single(engine, results[0], read, outputs[0])
  if (planes(engine, results, read, outputs)) return
  // An output may be an input of a later one: none is written before all are computed.
  const made = outputs.map((out, i) => {
    const cell = engine.temporary(out.size, out.dtype)
    launchOne(engine, results[i], read, out, cell)
    return cell
  })
  outputs.forEach((out, i) => write(engine, out, (cell) => engine.share(made[i], 0, cell)))
}

const hostFunctions = new WeakMap<Kernel, string | false>()

/** A function of the kernel that has no text for the GPU, if there is one. */
export function hostFunction(kernel: Kernel): string | undefined {
  let found = hostFunctions.get(kernel)
  if (found === undefined) {
    found = kernel.results.map(({ formula }) => unknownFunction(formula)).find((fn) => fn !== undefined) ?? false
    hostFunctions.set(kernel, found)
  }
  return found === false ? undefined : found
}

function unknownFunction(formula: Formula): string | undefined {
  if (formula.op !== 'call') return undefined
  if (!Object.hasOwn(functions, formula.fn)) return formula.fn
  return formula.args.map(unknownFunction).find((fn) => fn !== undefined)
}

const single = (engine: Engine, result: Result, inputs: readonly Input[], out: Tensor): void =>
  write(engine, out, (cell) => launchOne(engine, result, inputs, out, cell))

function launchOne(engine: Engine, result: Result, inputs: readonly Input[], out: Tensor, cell: Cell): void {
  const read = result.reads.map((i) => inputs[i])
  const arrays = arraysOf(read)
  const grid = planGrid(
    out.shape,
    arrays.map(({ layout }) => layout.strides),
    engine.runtime.limits,
  )
  const args: Argument[] = [...grid.sizes]
  let at = 0
  for (const x of read) args.push(...(isNumber(x) ? [x] : operandArguments(x, grid.strides[at++])))
  const kinds = inputKinds(read)
  const key = `map ${grid.kind} ${kinds} ${out.dtype} ${result.key}`
  engine.launch(key, () => elementwiseSource(result, kinds, grid.kind, out.dtype), grid.dims, args, [cell])
}

/** The kernel of one result, whose arguments are numbers (`c`) or arrays (`a`). */
export function elementwiseSource({ formula, reads }: Result, kinds: string, grid: string, dtype: DType): KernelSource {
  const text = new KernelText(grid)
  const names: Record<string, string> = {}
  reads.forEach((i, k) => {
    names[`x${i}`] = kinds[k] === 'c' ? `c${i}` : `v${i}`
    if (kinds[k] === 'c') text.float(`c${i}`)
    else text.lines(`const v${i} = x${i}[${text.operand(`x${i}`)}];`)
  })
  const { statements, result } = renderGpu(formula, { names, prefix: 't', library: text.library })
  text.lines(...statements, `return ${stored(result, dtype, text.library)};`)
  return text.finish()
}
