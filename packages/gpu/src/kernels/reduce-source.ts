import type { DType, Formula } from '@typegrad/tensor'
import { KernelText, type KernelSource } from '../kernel-text.ts'
import { renderGpu, stored } from '../render/render-gpu.ts'

/** An element as a formula of `x0`, `x1` …, which are numbers (`c`) or elements of arrays (`a`). */
export interface Element {
  readonly formula: Formula
  readonly kinds: string
}

/**
 * The kernel of one stage of a reduction over `rank` axes. Of the axis `dealtAxis` a thread takes only every `parts`-th
 * element, from its own position along the grid's last axis on.
 */
export function reduceSource(
  step: Formula,
  finish: Formula,
  grid: string,
  rank: number,
  dtype: DType,
  { formula, kinds }: Element,
  dealtAxis?: number,
): KernelSource {
  const text = new KernelText(grid)
  const { library } = text
  text.float('init')
  text.float('n')
  const axes = Array.from({ length: rank }, (_, i) => i)
  for (const i of axes) text.integers(`m${i}`)
  const loads: string[] = []
  const names: Record<string, string> = {}
  kinds.split('').forEach((kind, i) => {
    names[`x${i}`] = kind === 'c' ? `x${i}` : `v${i}`
    if (kind === 'c') text.float(`x${i}`)
    else
      loads.push(`const v${i} = x${i}[${text.operand(`x${i}`, [...text.grid.coordinates, ...axes.map((axis) => `r${axis}`)])}];`)
  })
  text.lines('let acc = init;')
  for (const i of axes) text.lines(`for (let r${i} = 0; r${i} < m${i}; r${i}++) {`)
  const element = renderGpu(formula, { names, prefix: 'u', library })
  const body = renderGpu(step, { names: { acc: 'acc', x: element.result }, prefix: 't', library })
  const lines = [...loads, ...element.statements, ...body.statements, `acc = ${body.result};`]
  if (dealtAxis === undefined) text.lines(...lines)
  else {
    text.integers('length', 'parts')
    text.lines(`if (${text.grid.coordinates.at(-1)!} + r${dealtAxis} * parts < length) {`, ...lines, '}')
  }
  for (const _ of axes) text.lines('}')
  const end = renderGpu(finish, { names: { acc: 'acc', n: 'n' }, prefix: 'e', library })
  text.lines(...end.statements, `return ${stored(end.result, dtype, library)};`)
  return text.finish()
}

/** The kernel of a reduction of no elements. */
export function emptySource(finish: Formula, dtype: DType): KernelSource {
  const text = new KernelText('1')
  text.float('acc')
  text.float('n')
  const end = renderGpu(finish, { names: { acc: 'acc', n: 'n' }, prefix: 'e', library: text.library })
  text.lines(...end.statements, `return ${stored(end.result, dtype, text.library)};`)
  return text.finish()
}
