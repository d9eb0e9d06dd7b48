import type { Item } from '../../../compile/fuse.ts'
import type { Tensor } from '../../../tensor.ts'
import type { Split } from '../control.ts'
import { type BatchAxis, gemmJobBytes, jobWords, type Operand, writeGemmJob } from '../gemm/index.ts'
import { realOf, type Real } from '../stage.ts'
import { readBy, writtenBy, type Storage } from './storage.ts'

/** Whether an item is a matrix product that the packed kernel computes. */
export function isProduct(item: Item): boolean {
  if (item.kind !== 'matmul') return false
  const [a, b] = item.inputs
  const [out] = item.outputs
  return realOf(out.dtype) !== undefined && a.dtype === out.dtype && b.dtype === out.dtype && out.layout.contiguous
}

/** Floating-point operations of a product. */
export const operationsOf = (item: Item): number => 2 * writtenBy(item)[0].size * readBy(item)[0].shape.at(-1)!

const spaceOf = (item: Item): number => Math.ceil(gemmJobBytes({ batch: batchOf(item) }) / 64) * 64

/** Bytes for the jobs of all products. */
export const spaceOfJobs = (items: readonly Item[]): number =>
  items.filter(isProduct).reduce((bytes, item) => bytes + spaceOf(item), 0)

/** Writes the job of a product at an address; it stays the same from run to run. */
export function writeJob(
  memory: Int32Array,
  address: number,
  type: Real,
  item: Item,
  storage: Storage,
  threads: number,
): { readonly split: Split; readonly bytes: number } {
  const [a, b] = readBy(item)
  const [out] = writtenBy(item)
  const { rank } = out
  const operand = (x: Tensor): Operand => ({
    address: storage.address(x),
    rowStride: x.layout.strides[rank - 2],
    columnStride: x.layout.strides[rank - 1],
  })
  const spec = {
    m: out.shape[rank - 2],
    n: out.shape[rank - 1],
    k: a.shape[rank - 1],
    a: operand(a),
    b: operand(b),
    c: { address: storage.address(out), rowStride: out.shape[rank - 1] },
    batch: batchOf(item),
  }
  return { split: writeGemmJob(memory, address, type, spec, threads), bytes: spaceOf(item) }
}

/** The words of the job of a product that are the addresses of its operands. */
export function operandWords(
  memory: Int32Array,
  job: number,
  item: Item,
  storage: Storage,
): { readonly word: number; readonly x: Tensor }[] {
  const words = addressWords.map((name) => (job >> 2) + jobWords.indexOf(name))
  return [...readBy(item), ...writtenBy(item)].flatMap((x) =>
    words.filter((word) => memory[word] >>> 0 === storage.address(x)).map((word) => ({ word: word << 2, x })),
  )
}

const addressWords = ['a', 'b', 'c'] as const

/** The batch axes of a product. */
function batchOf(item: Item): BatchAxis[] {
  const [a, b] = readBy(item)
  const [out] = writtenBy(item)
  return out.shape
    .slice(0, -2)
    .map((size, axis) => ({ size, a: a.layout.strides[axis], b: b.layout.strides[axis], c: out.layout.strides[axis] }))
}
