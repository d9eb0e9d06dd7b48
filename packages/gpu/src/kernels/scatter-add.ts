import { Tensor, type TypedArray } from '@typegrad/tensor'
import { GpuBuffer } from '../buffer.ts'
import type { Engine } from '../engine.ts'
import { axesGrid } from '../grid.ts'
import { hostOp, needsHost } from '../host-op.ts'
import { KernelText, type KernelSource } from '../kernel-text.ts'
import { operand, operandArguments, seenAs, type Operand } from '../operand.ts'
import { collapse, contiguousLayout, hostBuffer } from '../tensor.ts'
import { contiguous } from './copy.ts'
import { write } from './write.ts'

/** Comparisons of an index with a position that one op may cost before the host does it instead. */
export const mostComparisons = 2 ** 32
/** From so many indices on, they are sorted first (which needs them on the host). */
const manyIndices = 64

/**
 * Adds each slice of `updates` to zeros at its index along `axis`. Threads cannot add into each other's results, so every
 * result looks for the updates that are its own: in a list by index, if the host knows the indices, else among all.
 */
export function scatterAdd(engine: Engine, updates: Tensor, indices: Tensor, axis: number, out: Tensor): void {
  const length = out.shape[axis]
  const list = indices.size >= manyIndices ? listOf(indices) : undefined
  const tooMany = !list && out.size * indices.size > mostComparisons
  if (needsHost([updates], [out]) || tooMany) {
    const reason = tooMany ? 'scatterAdd (of many indices that lie on the device)' : 'float64'
    return hostOp(engine, reason, [updates, indices], [out], (host, [from, at], [to]) => host.scatterAdd(from, at, axis, to))
  }
  const from = flatIndices(engine, updates, axis, indices.rank)
  const [before, after] = [out.shape.slice(0, axis), out.shape.slice(axis + 1)]
  const [stepBefore, step, stepAfter] = from.layout.strides
  const sizes = [before, after].map((shape) => shape.reduce((a, b) => a * b, 1))
  const grid = axesGrid([sizes[0], length, sizes[1]], [[stepBefore, 0, stepAfter]], engine.runtime.limits)
  const args = [...grid.sizes, ...operandArguments(from, grid.strides[0]), step]
  write(engine, out, (cell) => {
    if (list) {
      const { starts, order } = byIndex(list, length)
      const lists = [starts, order].map((list) => operandArguments({ cell: engine.upload(list, 0, list.length), offset: 0 }, []))
      engine.launch(`scatter ${grid.kind}`, () => scatterSource(grid.kind), grid.dims, [...args, ...lists.flat()], [cell])
    } else {
      const at = contiguous(engine, operand(engine, indices))
      const all = [...args, ...operandArguments(at, []), indices.size]
      engine.launch(`scatter-scan ${grid.kind}`, () => scatterScanSource(grid.kind), grid.dims, all, [cell])
    }
  })
}

/** Updates as `[before, index, after]`, each an axis of its own. */
function flatIndices(engine: Engine, updates: Tensor, axis: number, rank: number): Operand {
  const source = operand(engine, updates)
  const groups = [
    [0, axis],
    [axis, axis + rank],
    [axis + rank, updates.rank],
  ].map(([from, to]) => collapse(updates.shape.slice(from, to), [updates.layout.strides.slice(from, to)]))
  const shape = groups.map((group) => group.shape.reduce((a, b) => a * b, 1))
  if (groups.some((group) => group.shape.length > 1)) {
    const copy = contiguous(engine, source)
    return seenAs(copy, shape, contiguousLayout(shape).strides)
  }
  return seenAs(
    source,
    shape,
    groups.map((group) => group.strides[0][0] ?? 0),
  )
}

/** The indices in row-major order, if the host knows them. */
export function listOf({ buffer, layout, dtype }: Tensor): TypedArray | undefined {
  const array = buffer instanceof GpuBuffer ? buffer.cell.known : buffer.array
  return array && new Tensor(hostBuffer(array), layout, dtype).toTypedArray()
}

/** The positions of the updates, ordered by their index, and where those of each index begin. */
export function byIndex(list: TypedArray, length: number): { starts: Float32Array; order: Float32Array } {
  const starts = new Float32Array(length + 1)
  for (const index of list) starts[index + 1]++
  for (let i = 0; i < length; i++) starts[i + 1] += starts[i]
  const next = starts.slice()
  const order = new Float32Array(list.length)
  list.forEach((index, i) => (order[next[index]++] = i))
  return { starts, order }
}

export function scatterSource(grid: string): KernelSource {
  const text = new KernelText(grid)
  const index = text.grid.coordinates[1]
  const at = text.operand('x')
  text.integers('step')
  const [starts, order] = [text.operand('starts', []), text.operand('order', [])]
  text.lines(
    `const first = starts[${starts} + ${index}];`,
    `const end = starts[${starts} + ${index} + 1];`,
    'let sum = 0;',
    `for (let i = 0; i < (end | 0) - (first | 0); i++) { sum += x[${at} + (order[${order} + (first | 0) + i] | 0) * step]; }`,
    'return sum;',
  )
  return text.finish()
}

export function scatterScanSource(grid: string): KernelSource {
  const text = new KernelText(grid)
  const index = text.grid.coordinates[1]
  const at = text.operand('x')
  text.integers('step')
  const indices = text.operand('indices', [])
  text.integers('count')
  text.lines(
    'let sum = 0;',
    `for (let i = 0; i < count; i++) { if (Math.abs(indices[${indices} + i] - ${index}) < 0.5) { sum += x[${at} + i * step]; } }`,
    'return sum;',
  )
  return text.finish()
}
