import type { DType } from '../../dtype.ts'
import { interpret, renderJs, type Arithmetic } from '../../formula/render-js.ts'
import { kernel, type Kernel } from '../../formula/kernel.ts'
import type { Formula } from '../../formula/parse.ts'
import { collapse, makeLayout } from '../../layout.ts'
import { toNdarray } from '../../ndarray.ts'
import { Tensor } from '../../tensor.ts'
import { canGenerate, compileLoop, LoopCache } from './loops.ts'
import { ndarrayOps } from './ndarray-ops.ts'

type OpName = keyof NonNullable<ReturnType<typeof ndarrayOps>>

/** The formula-language operators that ndarray-ops knows, under its names. */
const operators: Readonly<Record<string, OpName>> = { '+': 'add', '-': 'sub', '*': 'mul', '/': 'div', neg: 'neg' }

const loops = new LoopCache<Kernel>()

/** Evaluates a kernel at every index: ndarray-ops for a single operator on strided floats, a generated loop otherwise. */
export function elementwise(kernel: Kernel, inputs: readonly Tensor[], outputs: readonly Tensor[], compute: DType): void {
  const strided = compute !== 'int32' && compute !== 'uint8' && outputs.length === 1 && flatPattern(inputs, outputs) < 0
  const single = strided ? singleOperator(kernel) : undefined
  const operator = single && (ndarrayOps()?.[single] as ((...arrays: unknown[]) => void) | undefined)
  if (operator) operator(...[...outputs, ...inputs].map(toNdarray))
  else runLoop(kernel, inputs, outputs, arithmeticOf(compute))
}

const codes: Readonly<Record<Arithmetic, number>> = { double: 0, float32: 1, int32: 2 }

const arithmeticOf = (compute: DType): Arithmetic => (compute === 'int32' || compute === 'uint8' ? 'int32' : 'double')

/** Evaluates a kernel by a generated loop: one over everything where the layouts allow it, a nest over strides elsewhere. */
export function runLoop(kernel: Kernel, inputs: readonly Tensor[], outputs: readonly Tensor[], arithmetic: Arithmetic): void {
  const { size } = outputs[0]
  if (size === 0) return
  if (!canGenerate) return byIndex(kernel, inputs, outputs, arithmetic)
  const scalars = flatPattern(inputs, outputs)
  const tensors = [...inputs, ...outputs]
  const arrays = kindsOf(tensors)
  if (scalars >= 0) {
    const pattern = arrays + ((scalars << 4) | codes[arithmetic])
    loops.get(kernel, pattern, () => flatLoop(kernel, scalars, arithmetic))(inputs, outputs, size)
    return
  }
  const { shape, strides } = collapse(
    outputs[0].shape,
    tensors.map((tensor) => tensor.layout.strides),
  )
  const pattern = arrays + (0x4000_0000 | (shape.length << 4) | codes[arithmetic])
  const loop = loops.get(kernel, pattern, () => loopNest(kernel, shape.length, arithmetic))
  loop(inputs, outputs, shape, strides)
}

const kinds: Readonly<Record<DType, number>> = { float32: 0, float64: 1, int32: 2, uint8: 3, bool: 3 }

/** A number for the arrays that tensors have: a loop that meets several kinds is a multiple slower with all of them. */
function kindsOf(tensors: readonly Tensor[]): number {
  let code = 0
  if (tensors.length <= 9) for (let i = 0; i < tensors.length; i++) code = 4 * code + kinds[tensors[i].dtype]
  return code * 2 ** 31
}

/** Which inputs are one number (a bit each), if all other tensors lie without gaps in the same order; else -1. */
function flatPattern(inputs: readonly Tensor[], outputs: readonly Tensor[]): number {
  if (inputs.length > 20) return -1
  for (const { layout } of outputs) if (!layout.contiguous) return -1
  let scalars = 0
  for (let i = 0; i < inputs.length; i++) {
    const { contiguous, strides } = inputs[i].layout
    if (contiguous) continue
    for (const stride of strides) if (stride !== 0) return -1
    scalars |= 1 << i
  }
  return scalars
}

/** Declares the array `v0` and the position `p0` of every operand: inputs, then outputs. */
const operands = ({ args, results }: Kernel): string[] => [
  ...args.map((_, i) => `const v${i} = inputs[${i}].array; let p${i} = inputs[${i}].layout.offset;`),
  ...results.map(
    (_, i) => `const v${args.length + i} = outputs[${i}].array; let p${args.length + i} = outputs[${i}].layout.offset;`,
  ),
]

/** One loop over everything; inputs that are one number are read before it. */
function flatLoop(kernel: Kernel, scalars: number, arithmetic: Arithmetic): Function {
  const inputs = kernel.args.length
  const names = kernel.args.map((_, i) => `x${i}`)
  const { statements, results } = renderJs(kernel, names, arithmetic)
  const isScalar = (i: number): boolean => ((scalars >> i) & 1) === 1
  const read = (i: number): string => `const x${i} = v${i}[p${i}${isScalar(i) ? '' : ' + i'}];`
  const all = names.map((_, i) => i)
  return compileLoop(
    ['inputs', 'outputs', 'n'],
    [
      ...operands(kernel),
      ...all.filter(isScalar).map(read),
      'for (let i = 0; i < n; i++) {',
      ...all.filter((i) => !isScalar(i)).map(read),
      ...statements,
      ...results.map((result, k) => `v${inputs + k}[p${inputs + k} + i] = ${result};`),
      '}',
    ].join('\n'),
  )
}

/** A nest of `rank` loops over strides. */
function loopNest(kernel: Kernel, rank: number, arithmetic: Arithmetic): Function {
  const inputs = kernel.args.length
  const all = Array.from({ length: inputs + kernel.results.length }, (_, t) => t)
  const { statements, results } = renderJs(
    kernel,
    kernel.args.map((_, i) => `x${i}`),
    arithmetic,
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
  return compileLoop(['inputs', 'outputs', 'shape', 'strides'], [...operands(kernel), ...lines].join('\n'))
}

/** The ndarray-ops name of a kernel that is one operator on its arguments in order. */
function singleOperator(kernel: Kernel): OpName | undefined {
  const { formula } = kernel.results[0]
  if (formula.op !== 'call' || formula.args.length !== kernel.args.length) return undefined
  const inOrder = formula.args.every((arg: Formula, i) => arg.op === 'name' && arg.name === kernel.args[i])
  return inOrder ? operators[formula.fn] : undefined
}

/** `out = x`, converted to out's dtype. */
export function copy(x: Tensor, out: Tensor): void {
  if (x.layout.contiguous && out.layout.contiguous)
    out.array.set(x.array.subarray(x.layout.offset, x.layout.offset + x.size), out.layout.offset)
  else for (const [from, to] of stripsOf(x, out)) runLoop(same, [from], [to], 'double')
}

const same = kernel(['x'], { y: 'x' })

/** Columns of a strip: two lines of a cache of floats. */
const stripWidth = 32

/** A large x whose columns are runs, and what it is copied to, in strips of some columns: each line is read once, while it is in the cache. */
function stripsOf(x: Tensor, out: Tensor): [from: Tensor, to: Tensor][] {
  const last = x.rank - 1
  const [length = 0, columns = 0] = x.shape.slice(-2)
  const [step = 0, columnStep = 0] = x.layout.strides.slice(-2)
  if (Math.abs(step) >= Math.abs(columnStep) || Math.min(length, columns) <= 2 * stripWidth) return [[x, out]]
  return Array.from({ length: Math.ceil(columns / stripWidth) }, (_, i) => {
    const first = i * stripWidth
    const shape = x.shape.with(last, Math.min(stripWidth, columns - first))
    const strip = ({ buffer, dtype, layout: { strides, offset } }: Tensor): Tensor =>
      new Tensor(buffer, makeLayout(shape, strides, offset + first * strides[last]), dtype)
    return [strip(x), strip(out)]
  })
}

/** The same without code generation. */
function byIndex(kernel: Kernel, inputs: readonly Tensor[], outputs: readonly Tensor[], arithmetic: Arithmetic): void {
  const f = interpret(kernel, arithmetic)
  forEachIndex([...inputs, ...outputs], (at) => {
    const results = f(inputs.map((x, i) => x.array[at[i]]))
    outputs.forEach((out, i) => (out.array[at[inputs.length + i]] = results[i]))
  })
}

/** Calls `f` with the buffer position of every index in each of the tensors, which have one shape. */
export function forEachIndex(tensors: readonly Tensor[], f: (positions: readonly number[]) => void): void {
  const { shape } = tensors[0]
  const rank = shape.length
  if (tensors[0].size === 0) return
  const positions = tensors.map((tensor) => tensor.layout.offset)
  const index = shape.map(() => 0)
  for (;;) {
    f(positions)
    let axis = rank - 1
    for (; axis >= 0; axis--) {
      if (++index[axis] < shape[axis]) {
        for (let t = 0; t < tensors.length; t++) positions[t] += tensors[t].layout.strides[axis]
        break
      }
      index[axis] = 0
      for (let t = 0; t < tensors.length; t++) positions[t] -= (shape[axis] - 1) * tensors[t].layout.strides[axis]
    }
    if (axis < 0) return
  }
}
