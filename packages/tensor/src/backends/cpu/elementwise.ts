import type { DType } from '../../dtype.ts'
import { interpret, renderJs } from '../../formula/render-js.ts'
import type { Kernel } from '../../formula/kernel.ts'
import type { Formula } from '../../formula/parse.ts'
import { collapse } from '../../layout.ts'
import { toNdarray } from '../../ndarray.ts'
import type { Tensor } from '../../tensor.ts'
import { canGenerate, generate } from './loops.ts'
import { ops } from './ndarray-ops.ts'

type OpName = keyof NonNullable<typeof ops>

/** The formula-language operators that ndarray-ops knows, under its names. */
const ndarrayOps: Readonly<Record<string, OpName>> = { '+': 'add', '-': 'sub', '*': 'mul', '/': 'div', neg: 'neg' }

/** Evaluates a kernel at every index: ndarray-ops for a single operator on floats, a generated loop nest otherwise. */
export function elementwise(kernel: Kernel, inputs: readonly Tensor[], outputs: readonly Tensor[], compute: DType): void {
  if (outputs[0].size === 0) return
  const int = compute === 'int32' || compute === 'uint8'
  const tensors = [...inputs, ...outputs]
  const { shape, strides } = collapse(
    outputs[0].shape,
    tensors.map((tensor) => tensor.layout.strides),
  )
  if (!canGenerate) return byIndex(kernel, inputs, outputs, int)
  const single = int || !ops || outputs.length > 1 || shape.length < 2 ? undefined : singleOperator(kernel)
  if (single) {
    const operator = ops![single] as unknown as (...arrays: unknown[]) => void
    return operator(...[...outputs, ...inputs].map(toNdarray))
  }
  const key = `elementwise/${kernel.key}/${shape.length}/${int}`
  const parameters = ['shape', 'strides', ...tensors.flatMap((_, i) => [`v${i}`, `p${i}`])]
  const loop = generate(key, parameters, () => loopNest(kernel, shape.length, inputs.length, int))
  const args: unknown[] = []
  for (const tensor of tensors) args.push(tensor.array, tensor.layout.offset)
  loop(shape, strides, ...args)
}

function loopNest(kernel: Kernel, rank: number, inputs: number, int: boolean): string {
  const tensors = inputs + kernel.results.length
  const all = Array.from({ length: tensors }, (_, t) => t)
  const { statements, results } = renderJs(
    kernel,
    kernel.args.map((_, i) => `x${i}`),
    int,
  )
  const lines: string[] = []
  for (let axis = 0; axis < rank; axis++) {
    lines.push(`const n${axis} = shape[${axis}], ${all.map((t) => `s${t}_${axis} = strides[${t}][${axis}]`).join(', ')};`)
  }
  for (let axis = 0; axis < rank; axis++) lines.push(`for (let i${axis} = 0; i${axis} < n${axis}; i${axis}++) {`)
  for (let i = 0; i < inputs; i++) lines.push(`const x${i} = v${i}[p${i}];`)
  lines.push(...statements, ...results.map((result, i) => `v${inputs + i}[p${inputs + i}] = ${result};`))
  for (let axis = rank - 1; axis >= 0; axis--) {
    lines.push(`${all.map((t) => `p${t} += s${t}_${axis};`).join(' ')} }`)
    if (axis > 0) lines.push(all.map((t) => `p${t} -= n${axis} * s${t}_${axis};`).join(' '))
  }
  return lines.join('\n')
}

/** The ndarray-ops name of a kernel that is one operator on its arguments in order. */
function singleOperator(kernel: Kernel): OpName | undefined {
  const { formula } = kernel.results[0]
  if (formula.op !== 'call' || formula.args.length !== kernel.args.length) return undefined
  const inOrder = formula.args.every((arg: Formula, i) => arg.op === 'name' && arg.name === kernel.args[i])
  return inOrder ? ndarrayOps[formula.fn] : undefined
}

/** `out = x`, converted to out's dtype. */
export function copy(x: Tensor, out: Tensor): void {
  if (x.layout.contiguous && out.layout.contiguous && x.dtype === out.dtype) {
    out.array.set(x.array.subarray(x.layout.offset, x.layout.offset + x.size), out.layout.offset)
  } else if (ops) ops.assign(toNdarray(out), toNdarray(x))
  else forEachIndex([x, out], ([from, to]) => (out.array[to] = x.array[from]))
}

/** The same without code generation. */
function byIndex(kernel: Kernel, inputs: readonly Tensor[], outputs: readonly Tensor[], int: boolean): void {
  const f = interpret(kernel, int)
  forEachIndex([...inputs, ...outputs], (at) => {
    const results = f(inputs.map((x, i) => x.array[at[i]]))
    outputs.forEach((out, i) => (out.array[at[inputs.length + i]] = results[i]))
  })
}

/** Calls `f` with the buffer position of every index in each of the tensors, which have one shape. */
export function forEachIndex(tensors: readonly Tensor[], f: (positions: readonly number[]) => void): void {
  const { shape } = tensors[0]
  const walk = (axis: number, positions: readonly number[]): void => {
    if (axis === shape.length) return f(positions)
    for (let i = 0; i < shape[axis]; i++) {
      walk(
        axis + 1,
        positions.map((p, t) => p + i * tensors[t].layout.strides[axis]),
      )
    }
  }
  if (tensors[0].size > 0)
    walk(
      0,
      tensors.map((tensor) => tensor.layout.offset),
    )
}
