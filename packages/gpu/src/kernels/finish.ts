import type { Formula, Tensor } from '@typegrad/tensor'
import { isNumber, type Argument, type Engine } from '../engine.ts'
import type { KernelText } from '../kernel-text.ts'
import { constantOf, operand, operandArguments } from '../operand.ts'
import { renderGpu } from '../render/render-gpu.ts'
import { keyOf } from '../tensor.ts'
import { inputKinds, type Input } from './results.ts'

/** What is done to every element of a product or a convolution before it is stored: bias and activation, mostly. */
export interface Finish {
  /** Of `x0`, the element, and `x1` …, those of the inputs at its place. */
  readonly formula: Formula
  /** They have the shape of the result. */
  readonly inputs: readonly Tensor[]
}

/** The end of a kernel's text: which of its inputs are numbers (`c`), and which are arrays (`a`). */
export interface End {
  readonly formula: Formula
  readonly kinds: string
}

/** The end of a kernel and what it reads; without a finish, nothing. */
export function endOf(engine: Engine, finish: Finish | undefined): { end: End | undefined; key: string; read: Input[] } {
  if (!finish) return { end: undefined, key: '', read: [] }
  const read = finish.inputs.map((x): Input => constantOf(x) ?? operand(engine, x))
  const end = { formula: finish.formula, kinds: inputKinds(read) }
  return { end, key: ` ${end.kinds} ${keyOf(end.formula)}`, read }
}

/** What an end reads, as arguments, in the order of {@link finishText}; `stridesOf` tells those of array i of them. */
export function endArguments(read: readonly Input[], stridesOf: (i: number) => readonly number[]): Argument[] {
  let i = 0
  return read.flatMap((x) => (isNumber(x) ? [x] : operandArguments(x, stridesOf(i++))))
}

/** Returns `sum`, finished: by a function, which bodies in WGSL call too. `axes` are the element's position. */
export function finishText(text: KernelText, end: End | undefined, axes?: readonly string[]): void {
  if (!end) return text.lines('return sum;')
  const given = end.kinds.split('').map((kind, i) => {
    const name = `x${i + 1}`
    if (kind === 'a') return `${name}[${text.operand(name, axes)}]`
    text.float(name)
    return name
  })
  const names = ['p', ...given.map((_, i) => `v${i + 1}`)]
  const { statements, result } = renderGpu(end.formula, {
    names: Object.fromEntries(names.map((name, i) => [`x${i}`, name])),
    prefix: 't',
    library: text.library,
  })
  text.function('finish', names, [...statements, `return ${result};`])
  text.lines(`return finish(${['sum', ...given].join(', ')});`)
}
