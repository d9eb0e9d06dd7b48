import { callNode, isWhole, type Node } from '../../../compile/trace.ts'
import { IndexError } from '../../../errors.ts'
import type { Tensor } from '../../../tensor.ts'
import type { Backend } from '../../backend.ts'
import { MemoryBuffer } from '../resident.ts'
import type { ProgramHost } from './code.ts'
import type { Storage } from './storage.ts'

/** Calls a kernel of the backend on the memory of the program. */
export function hostCall(host: ProgramHost, backend: Backend, node: Node, storage: Storage): () => void {
  const view = (x: Tensor): Tensor => new MemoryBuffer(host, x.dtype).tensor(x, storage.address(x))
  const inputs = node.inputs.map(view)
  const outputs = node.outputs.map(view)
  const fresh = node.outputs.every(isWhole) && node.kind !== 'copy'
  const indexed = node.kind === 'gather' || node.kind === 'scatterAdd' ? node : undefined
  return () => {
    if (fresh) for (const out of outputs) out.array.fill(0, out.layout.offset, out.layout.offset + out.size)
    if (indexed) {
      const whole = indexed.kind === 'gather' ? inputs[0] : outputs[0]
      checkIndices(indexed.kind, inputs[1], whole.shape[indexed.details.axis])
    }
    callNode(backend, node, inputs, outputs)
  }
}

function checkIndices(op: string, indices: Tensor, length: number): void {
  const { array, layout } = indices
  for (let i = 0; layout.contiguous && i < indices.size; i++) {
    const index = array[layout.offset + i]
    if (index >= 0 && index < length) continue
    throw new IndexError(`${op}: index ${index} is outside an axis of length ${length}`, { index, length })
  }
}
