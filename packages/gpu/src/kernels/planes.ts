import type { DType, Tensor } from '@typegrad/tensor'
import { isNumber, type Argument, type Engine } from '../engine.ts'
import { axesGrid } from '../grid.ts'
import { KernelText, type KernelSource } from '../kernel-text.ts'
import { operandArguments } from '../operand.ts'
import { renderGpu, stored } from '../render/render-gpu.ts'
import { collapse } from '../tensor.ts'
import { arraysOf, inputKinds, type Input, type Result } from './results.ts'
import { coversBuffer } from './write.ts'

/**
 * All results of a kernel by one launch, as planes of a grid that has one more axis than they have: kernels of gpu.js have one
 * output each. Where all inputs are walked evenly, that is one axis of `planes · n`, since rows of a grid leave threads idle.
 * False for what would be too much memory, or does not fill its buffers.
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
  const fits = n * outputs.length * 4 <= engine.runtime.limits.bytes
  if (!fits || !outputs.every((out, i) => coversBuffer(out, cells[i]))) return false
  const flat = shape.length <= 1
  const grid = flat
    ? { kind: '1', dims: [n * outputs.length], sizes: [n], strides: strides.map((list) => (shape.length === 0 ? [0] : list)) }
    : axesGrid(
        [outputs.length, ...shape],
        strides.map((list) => [0, ...list]),
        engine.runtime.limits,
      )
  const args: Argument[] = [...grid.sizes]
  let at = 0
  for (const x of inputs) args.push(...(isNumber(x) ? [x] : operandArguments(x, grid.strides[at++])))
  const dtypes = outputs.map((out) => out.dtype)
  const kinds = inputKinds(inputs)
  const key = `planes ${flat ? 'flat' : grid.kind} ${kinds} ${dtypes.join()} ${results.map((result) => result.key).join()}`
  engine.launch(key, () => planesSource(results, kinds, dtypes, flat ? undefined : grid.kind), grid.dims, args, cells)
  return true
}

/** The kernel for a grid whose first axis is the planes, or, without one, for one axis of them all. */
export function planesSource(results: readonly Result[], kinds: string, dtypes: readonly DType[], grid?: string): KernelSource {
  const text = new KernelText(grid ?? '1')
  if (grid === undefined) text.integers('n')
  const positions = kinds.split('').map((kind, i) => {
    if (kind === 'a') return text.operand(`x${i}`, grid === undefined ? ['this.plane'] : text.grid.coordinates)
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
    const here = grid === undefined ? `${element} < n` : `${text.grid.coordinates[0]} === ${p}`
    text.lines(...(p === results.length - 1 ? lines : [`if (${here}) {`, ...lines.map((line) => `  ${line}`), '}']))
  })
  return text.finish()
}
