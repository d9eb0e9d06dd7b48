import type { DType, Tensor } from '@typegrad/tensor'
import { isNumber, type Argument, type Engine } from '../engine.ts'
import { KernelText, type KernelSource } from '../kernel-text.ts'
import { operandArguments } from '../operand.ts'
import { renderGpu, stored } from '../render/render-gpu.ts'
import { collapse } from '../tensor.ts'
import { arraysOf, inputKinds, type Input, type Result } from './results.ts'
import { coversBuffer } from './write.ts'

/**
 * All results of a kernel by one launch: thread `p·n + i` computes element i of result p. Kernels of gpu.js have one output
 * each, and two-dimensional launches would leave most threads idle. For inputs that are walked evenly; false if they are not.
 */
export function planes(
  engine: Engine,
  results: readonly Result[],
  inputs: readonly Input[],
  outputs: readonly Tensor[],
): boolean {
  const n = outputs[0].size
  const cells = outputs.map((out) => engine.cellOf(out))
  const arrays = arraysOf(inputs)
  const { shape, strides } = collapse(
    outputs[0].shape,
    arrays.map(({ layout }) => layout.strides),
  )
  const fits = n * outputs.length * 4 <= engine.runtime.limits.bytes && shape.length <= 1
  if (!fits || !outputs.every((out, i) => coversBuffer(out, cells[i]))) return false
  const args: Argument[] = [n]
  let at = 0
  for (const x of inputs) {
    if (isNumber(x)) args.push(x)
    else args.push(...operandArguments(x, shape.length === 0 ? [0] : strides[at++]))
  }
  const dtypes = outputs.map((out) => out.dtype)
  const kinds = inputKinds(inputs)
  const key = `planes ${kinds} ${dtypes.join()} ${results.map((result) => result.key).join()}`
  engine.launch(key, () => planesSource(results, kinds, dtypes), [n * outputs.length], args, cells)
  return true
}

export function planesSource(results: readonly Result[], kinds: string, dtypes: readonly DType[]): KernelSource {
  const text = new KernelText('1')
  text.integers('n')
  const positions = kinds.split('').map((kind, i) => {
    if (kind === 'a') return text.operand(`x${i}`, ['this.plane'])
    text.float(`x${i}`)
    return ''
  })
  results.forEach(({ formula, reads }, p) => {
    const element = `(this.thread.x${' - n'.repeat(p)})`
    const names: Record<string, string> = {}
    const lines: string[] = []
    for (const i of reads) {
      names[`x${i}`] = kinds[i] === 'c' ? `x${i}` : `p${p}v${i}`
      if (kinds[i] === 'a') lines.push(`const p${p}v${i} = x${i}[${positions[i].replace('this.plane', element)}];`)
    }
    const { statements, result } = renderGpu(formula, { names, prefix: `p${p}t`, library: text.library })
    lines.push(...statements, `return ${stored(result, dtypes[p], text.library)};`)
    const last = p === results.length - 1
    text.lines(...(last ? lines : [`if (this.thread.x${' - n'.repeat(p)} < n) {`, ...lines.map((line) => `  ${line}`), '}']))
  })
  return text.finish()
}
