import type { Node } from '../../../compile/trace.ts'
import type { FunctionBuilder, ModuleBuilder } from '../assembler/index.ts'
import { canArgReduce, canGather, canScatter, writeArgReduce, writeGather, writeScatterAdd, type Fail } from './move.ts'
import { canReduce, writeReduce } from './reduce.ts'
import { canScan, writeScan } from './scan.ts'
import { canSparse, writeSparse } from './sparse.ts'
import type { Storage } from './storage.ts'
import { canTruncate, writeTruncate } from './truncate.ts'

/** What writes a node into a function of a module, if there is code for it; `failing` says what an index outside its axis comes to. */
export function codeOf(
  node: Node,
  module: ModuleBuilder,
  failing: (op: string) => Fail,
): ((f: FunctionBuilder, storage: Storage) => void) | undefined {
  const { inputs, outputs } = node
  const [x, indices] = inputs
  const [out] = outputs
  switch (node.kind) {
    case 'reduce':
      if (!out.layout.contiguous || !canReduce(node.details, x, out)) return undefined
      return (f, storage) => writeReduce({ f, module }, node.details, x, out, storage)
    case 'gather':
      if (!canGather(x, indices, node.details.axis, out)) return undefined
      return (f, storage) => writeGather({ f, module }, inputs, node.details.axis, out, storage, failing('take'))
    case 'scatterAdd':
      if (!canScatter(x, indices, node.details.axis, out)) return undefined
      return (f, storage) => writeScatterAdd({ f, module }, inputs, node.details.axis, out, storage, failing('scatterAdd'))
    case 'sparseMatmul':
      if (!canSparse(inputs, out)) return undefined
      return (f, storage) => writeSparse({ f, module }, inputs, node.details.transposed, out, storage)
    case 'scan':
      return canScan(x, out) ? (f, storage) => writeScan({ f, module }, node.details, x, out, storage) : undefined
    case 'argReduce':
      if (!canArgReduce(x)) return undefined
      return (f, storage) => writeArgReduce({ f, module }, node.details.kind, x, node.details.axis, out, storage)
    case 'copy':
      return canTruncate(x, out) ? (f, storage) => writeTruncate({ f, module }, x, out, storage) : undefined
    default:
      return undefined
  }
}

/** Whether a node gives the same bits as the kernel of the backend: nothing is summed up in another order. */
export const isSteady = ({ kind }: Node): boolean => kind === 'gather' || kind === 'copy' || kind === 'scan'
