import type { Tensor } from '@typegrad/tensor'
import type { Argument, Engine } from '../engine.ts'
import { KernelText, type KernelSource } from '../kernel-text.ts'
import { operandArguments, type Operand } from '../operand.ts'
import { stored } from '../render/render-gpu.ts'
import { collapse } from '../tensor.ts'

interface Axis {
  readonly length: number
  /** The distance in the buffer, positive, and in what is put there. */
  readonly step: number
  readonly from: number
}

/**
 * Gives the buffer of `out`, a view, new memory: `x` where the view has elements, the old contents elsewhere. Each thread
 * finds from its position in the buffer which element of the view it is, if any.
 */
export function place(engine: Engine, x: Operand, out: Tensor): void {
  const cell = engine.cellOf(out)
  const { axes, at, start } = axesOf(x, out)
  const kept = cell.written
  const args: Argument[] = [at, ...axes.flatMap(({ length, step }) => [step, length])]
  args.push(
    ...operandArguments(
      { cell: x.cell, offset: start },
      axes.map(({ from }) => from),
    ),
  )
  if (kept) args.push(...operandArguments({ cell, offset: 0 }, [1]))
  const key = `place ${axes.length} ${kept} ${out.dtype}`
  engine.launch(key, () => placeSource(axes.length, kept, out), [cell.length], args, [cell])
}

/** The view's axes, longest step first, as steps forward from the lowest position. */
function axesOf(x: Operand, out: Tensor): { axes: Axis[]; at: number; start: number } {
  const { shape, strides } = collapse(out.shape, [out.layout.strides, x.layout.strides])
  let { offset: at } = out.layout
  let start = x.offset
  const axes = shape.map((length, i): Axis => {
    const [step, from] = [strides[0][i], strides[1][i]]
    if (step >= 0) return { length, step, from }
    at += (length - 1) * step
    start += (length - 1) * from
    return { length, step: -step, from: -from }
  })
  axes.sort((a, b) => b.step - a.step)
  return { axes, at, start }
}

export function placeSource(axes: number, kept: boolean, { dtype }: Pick<Tensor, 'dtype'>): KernelSource {
  const text = new KernelText('1')
  text.integers('at')
  const inside: string[] = []
  const coordinates: string[] = []
  let rest = 'this.thread.x - at'
  for (let i = 0; i < axes; i++) {
    text.integers(`step${i}`, `length${i}`)
    text.library.add('f_quotient')
    // Rounded down, so that a position before the view has a negative quotient somewhere.
    text.lines(`const q${i} = f_quotient(${rest}, step${i});`)
    inside.push(`(q${i} | 0) >= 0`, `(q${i} | 0) < length${i}`)
    coordinates.push(`(q${i} | 0)`)
    rest += ` - (q${i} | 0) * step${i}`
  }
  inside.push(`${rest} === 0`)
  const from = text.operand('x', coordinates)
  text.lines(`if (${inside.join(' && ')}) { return ${stored(`x[${from}]`, dtype, text.library)}; }`)
  text.lines(kept ? `return old[${text.operand('old')}];` : 'return 0;')
  return text.finish()
}
