import type { Tensor } from '@typegrad/tensor'
import type { Engine } from '../engine.ts'
import { planGrid } from '../grid.ts'
import { hostOp, needsHost } from '../host-op.ts'
import { KernelText, type KernelSource } from '../kernel-text.ts'
import { operand, operandArguments } from '../operand.ts'
import { write } from './write.ts'

/** Reads x at `indices` along `axis`; a negative index, unchecked on the device, counts from the end. */
export function gather(engine: Engine, x: Tensor, indices: Tensor, axis: number, out: Tensor): void {
  if (needsHost([x], [out])) {
    return hostOp(engine, 'float64', [x, indices], [out], (host, [from, at], [to]) => host.gather(from, at, axis, to))
  }
  const { strides } = x.layout
  const before = x.shape.slice(0, axis).map(() => 0)
  const after = x.shape.slice(axis + 1).map(() => 0)
  // Along the indices x stands still, and along the other axes the indices do.
  const still = [...strides.slice(0, axis), ...indices.shape.map(() => 0), ...strides.slice(axis + 1)]
  const grid = planGrid(out.shape, [still, [...before, ...indices.layout.strides, ...after]], engine.runtime.limits)
  const args = [
    ...grid.sizes,
    ...operandArguments(operand(engine, x), grid.strides[0]),
    ...operandArguments(operand(engine, indices), grid.strides[1]),
    strides[axis],
    x.shape[axis],
  ]
  write(engine, out, (cell) => engine.launch(`gather ${grid.kind}`, () => gatherSource(grid.kind), grid.dims, args, [cell]))
}

export function gatherSource(grid: string): KernelSource {
  const text = new KernelText(grid)
  const [x, indices] = [text.operand('x'), text.operand('indices')]
  text.integers('step', 'length')
  text.lines(
    `const i = indices[${indices}];`,
    `if (i < 0) { return x[${x} + ((i | 0) + length) * step]; }`,
    `return x[${x} + (i | 0) * step];`,
  )
  return text.finish()
}
