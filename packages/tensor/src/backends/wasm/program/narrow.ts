/** Products of a large matrix and a narrow one, or of the large one's transpose: rows of the large one are read once, where they lie. */
import { isWhole, valueOf, type Graph, type Node, type Value } from '../../../compile/trace.ts'
import { Tensor } from '../../../tensor.ts'
import { makeLayout } from '../../../layout.ts'
import { type Expr, f32x4, i32, type Local, select, v128 } from '../assembler/index.ts'
import { multiplyAdd } from '../gemm/real.ts'
import type { RenderTarget } from '../render.ts'
import type { LoopRange } from './loop.ts'
import type { Storage } from './storage.ts'

export type NarrowNode = Extract<Node, { kind: 'narrowMatmul' }>

/** The widest narrow matrix, elements of the large one from which on it is worth it, and accumulators that fit the registers. */
const limits = { columns: 16, elements: 1 << 17, accumulators: 8 }

/** Columns of the large matrix whose partners stay in the inner cache. */
const block = { plain: 256, transposed: 128 }
/** Rows of a task. */
const taskRows = 32

/** The graph with such products as nodes of their own; rows that are picked for nothing else are not copied. */
export function withNarrow(graph: Graph): Graph {
  const picked = new Map<Value, { readonly x: Tensor; readonly rows: Tensor }>()
  for (const node of graph.nodes) {
    if (node.kind !== 'gather' || node.details.axis !== 0) continue
    const [x, rows] = node.inputs
    const [out] = node.outputs
    // What is there from the beginning stays; and rows must be integers in order.
    const lasting = [x, rows].every((one) => valueOf(one).origin.kind !== 'computed')
    if (lasting && x.rank === 2 && rows.rank === 1 && rows.dtype === 'int32' && rows.layout.contiguous && isWhole(out))
      picked.set(valueOf(out), { x, rows })
  }
  const nodes = graph.nodes.map((node): Node => {
    if (node.kind !== 'matmul' || node.turns) return node
    const [a, b] = node.inputs
    const [out] = node.outputs
    const width = out.shape[1]
    const fits =
      [a, b, out].every(({ rank, dtype }) => rank === 2 && dtype === 'float32') &&
      b.layout.contiguous && isWhole(out) && width <= limits.columns && width % 4 === 0 && a.size >= limits.elements // prettier-ignore
    if (!fits) return node
    const { shape, strides, offset } = a.layout
    const transposed = strides[0] === 1 && strides[1] >= shape[0]
    if (!transposed && !(strides[1] === 1 && strides[0] >= shape[1])) return node
    const rows = transposed ? new Tensor(a.buffer, makeLayout(shape.toReversed(), strides.toReversed(), offset), a.dtype) : a
    const source = isWhole(rows) ? picked.get(valueOf(a)) : undefined
    const large = source && source.x.layout.strides[1] === 1 ? [source.x, b, source.rows] : [rows, b]
    return { kind: 'narrowMatmul', inputs: large, outputs: [out], details: { transposed } }
  })
  return { ...graph, nodes }
}

/** How many tasks {@link writeNarrow} falls into. */
export function tasksOfNarrow({ inputs, details }: NarrowNode): number {
  const { rows, columns } = sizesOf(inputs)
  return details.transposed ? Math.ceil(columns / block.transposed) : Math.ceil(rows / taskRows)
}

const sizesOf = ([x, , picks]: readonly Tensor[]): { rows: number; columns: number } => ({
  rows: picks ? picks.size : x.shape[0],
  columns: x.shape[1],
})

/** Writes the tasks from `begin` to `end`. */
export function writeNarrow(target: RenderTarget, node: NarrowNode, storage: Storage, fused: boolean, range: LoopRange): void {
  const { f } = target
  const [x, b, picks] = node.inputs
  const [out] = node.outputs
  const { rows, columns } = sizesOf(node.inputs)
  const vectors = out.shape[1] / 4
  const narrow = 16 * vectors
  const [xAt, bAt, outAt] = [x, b, out].map((one) => storage.address(one))
  const madd = (p: Expr<'v128'>, q: Expr<'v128'>, sum: Expr<'v128'>): Expr<'v128'> =>
    multiplyAdd({ type: 'f32', fused }, p, q, sum)

  /** The address of row `i`; an index outside, which is told elsewhere, reads some row. */
  const rowAt = (i: Expr<'i32'>): Local<'i32'> => {
    const index = f.let(i)
    if (picks) {
      f.set(index, i32.load(i32.shl(index, 2), storage.address(picks)))
      f.if(i32.ltS(index, 0), () => f.set(index, i32.add(index, x.shape[0])))
      f.set(index, select(i32.geU(index, x.shape[0]), i32.const(0), index))
    }
    return f.let(i32.add(i32.mul(index, x.layout.strides[0] * 4), xAt))
  }

  /** `Σₖ x[i, k] · b[k]` for some rows from `first` on, over one block of k; the sums go on from what is in `out`. */
  const plainTile = (first: Expr<'i32'>, count: number, from: Local<'i32'>, size: number): void => {
    const top = f.let(first)
    const to = f.let(i32.mul(top, narrow))
    const at = Array.from({ length: count }, (_, r) => {
      const row = rowAt(i32.add(top, r))
      return f.let(i32.add(row, from))
    })
    const sums = at.map((_, r) =>
      Array.from({ length: vectors }, (__, v) => f.let(v128.load(to, outAt + r * narrow + 16 * v, 4))),
    )
    const right = f.let(i32.mul(from, 4 * vectors))
    f.repeat(size, () => {
      const line = Array.from({ length: vectors }, (_, v) => f.let(v128.load(right, bAt + 16 * v, 4)))
      sums.forEach((sum, r) => {
        const one = f.let(v128.load32Splat(at[r]))
        sum.forEach((part, v) => f.set(part, madd(one, line[v], part)))
      })
      for (const row of at) f.set(row, i32.add(row, 4))
      f.set(right, i32.add(right, narrow))
    })
    sums.forEach((sum, r) => sum.forEach((part, v) => f.do(v128.store(to, part, outAt + r * narrow + 16 * v, 4))))
  }

  /** `out[k] += Σ x[i, k] · b[i]` over some rows from `first` on, for one block of k and some vectors of `out`. */
  const transposedTile = (
    first: Expr<'i32'>,
    count: number,
    from: Local<'i32'>,
    size: number,
    v0: number,
    width: number,
  ): void => {
    const top = f.let(first)
    const right = f.let(i32.mul(top, narrow))
    const at = Array.from({ length: count }, (_, r) => {
      const row = rowAt(i32.add(top, r))
      return f.let(i32.add(row, from))
    })
    const lines = at.map((_, r) =>
      Array.from({ length: width }, (__, v) => f.let(v128.load(right, bAt + r * narrow + 16 * (v0 + v), 4))),
    )
    const to = f.let(i32.mul(from, 4 * vectors))
    f.repeat(size, () => {
      const sums = Array.from({ length: width }, (_, v) => f.let(v128.load(to, outAt + 16 * (v0 + v), 4)))
      lines.forEach((line, r) => {
        const one = f.let(v128.load32Splat(at[r]))
        sums.forEach((sum, v) => f.set(sum, madd(one, line[v], sum)))
      })
      sums.forEach((sum, v) => f.do(v128.store(to, sum, outAt + 16 * (v0 + v), 4)))
      for (const row of at) f.set(row, i32.add(row, 4))
      f.set(to, i32.add(to, narrow))
    })
  }

  /** Calls `tile` for `count` rows at a time of those from `first` to `last`, which is known at the end only. */
  const downwards = (
    first: Expr<'i32'>,
    last: Expr<'i32'>,
    count: number,
    total: number,
    tile: (i: Local<'i32'>, n: number) => void,
  ): void => {
    const i = f.let(first)
    f.while(i32.leS(i32.add(i, count), last), () => {
      tile(i, count)
      f.set(i, i32.add(i, count))
    })
    const rest = total % count
    if (rest > 0) f.if(i32.ltS(i, last), () => tile(i, rest))
  }

  /** The blocks of k, the last of which may be smaller. */
  const blocks = (
    first: Expr<'i32'> | number,
    last: Expr<'i32'> | number,
    most: number,
    body: (from: Local<'i32'>, size: number) => void,
  ): void => {
    const end = f.let(typeof last === 'number' ? i32.const(last) : last)
    const from = f.let(typeof first === 'number' ? i32.const(first) : first)
    f.while(i32.leS(i32.add(from, 4 * most), end), () => {
      body(from, most)
      f.set(from, i32.add(from, 4 * most))
    })
    const rest = columns % most
    if (rest > 0) f.if(i32.ltS(from, end), () => body(from, rest))
  }

  const zero = (at: Expr<'i32'>, bytes: Expr<'i32'>): void => {
    const place = f.let(at)
    const end = f.let(i32.add(place, bytes))
    f.while(i32.ltU(place, end), () => {
      f.do(v128.store(place, f32x4.const(0), outAt, 4))
      f.set(place, i32.add(place, 16))
    })
  }

  if (node.details.transposed) {
    const together = Math.floor(limits.accumulators / Math.min(2, vectors))
    blocks(
      i32.mul(range.begin, 4 * block.transposed),
      f.least(i32.mul(range.end, 4 * block.transposed), 4 * columns),
      block.transposed,
      (from, size) => {
        zero(i32.mul(from, 4 * vectors), i32.const(size * narrow))
        for (let v = 0; v < vectors; v += 2)
          downwards(i32.const(0), i32.const(rows), together, rows, (i, n) =>
            transposedTile(i, n, from, size, v, Math.min(2, vectors - v)),
          )
      },
    )
    return
  }
  const together = Math.floor(limits.accumulators / vectors)
  f.for(range.begin, range.end, 1, (task) => {
    const first = f.let(i32.mul(task, taskRows))
    const last = f.least(i32.add(first, taskRows), rows)
    zero(i32.mul(first, narrow), i32.mul(i32.sub(last, first), narrow))
    blocks(0, 4 * columns, block.plain, (from, size) => {
      downwards(first, last, together, rows, (i, n) => plainTile(i, n, from, size))
    })
  })
}
