import type { Tensor } from '@typegrad/tensor'
import type { Engine } from '../engine.ts'
import { planGrid } from '../grid.ts'
import { hostOp, needsHost } from '../host-op.ts'
import { KernelText, type KernelSource } from '../kernel-text.ts'
import { operand, operandArguments } from '../operand.ts'
import { write } from './write.ts'

/** The first position of the extreme along `axis`; a NaN is taken as the extreme. */
export function argReduce(engine: Engine, kind: 'max' | 'min', x: Tensor, axis: number, out: Tensor): void {
  if (out.size === 0) return
  if (needsHost([x], []))
    return hostOp(engine, 'float64', [x], [out], (host, [from], [to]) => host.argReduce(kind, from, axis, to))
  const source = operand(engine, x)
  const { shape, strides } = x.layout
  const others = <T>(list: readonly T[]): T[] => list.filter((_, i) => i !== axis)
  const grid = planGrid(others(shape), [others(strides)], engine.runtime.limits)
  const args = [...grid.sizes, ...operandArguments(source, grid.strides[0]), shape[axis], strides[axis]]
  write(engine, out, (cell) =>
    engine.launch(`arg${kind} ${grid.kind}`, () => argReduceSource(kind, grid.kind), grid.dims, args, [cell]),
  )
}

export function argReduceSource(kind: 'max' | 'min', grid: string): KernelSource {
  const text = new KernelText(grid)
  const at = text.operand('x')
  text.integers('length', 'step')
  text.lines(
    `let top = x[${at}];`,
    'let best = 0;',
    'for (let i = 0; i < length; i++) {',
    `  const v = x[${at} + i * step];`,
    `  if (top === top && (v ${kind === 'max' ? '>' : '<'} top || !(v === v))) { top = v; best = i; }`,
    '}',
    'return best;',
  )
  return text.finish()
}
