import type { DType, Formula } from '@typegrad/tensor'
import { KernelText, type KernelSource } from '../kernel-text.ts'
import { renderGpu, stored } from '../render/render-gpu.ts'

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
  dealtAxis?: number,
): KernelSource {
  const text = new KernelText(grid)
  const { library } = text
  const at = text.operand('x')
  text.float('init')
  text.float('n')
  const axes = Array.from({ length: rank }, (_, i) => i)
  for (const i of axes) text.integers(`m${i}`, `s${i}`)
  text.lines('let acc = init;')
  for (const i of axes) text.lines(`for (let r${i} = 0; r${i} < m${i}; r${i}++) {`)
  const body = renderGpu(step, { names: { acc: 'acc', x: 'v' }, prefix: 't', library })
  const lines = [
    `const v = x[${[at, ...axes.map((i) => `r${i} * s${i}`)].join(' + ')}];`,
    ...body.statements,
    `acc = ${body.result};`,
  ]
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
