import { kernel } from '../../formula/kernel.ts'
import type { Tensor } from '../../tensor.ts'
import { runKernel } from './elementwise.ts'
import type { Runtime } from './runtime.ts'
import { bytesOf, stageFlat, type Real } from './stage.ts'

const exp = kernel(['x'], { y: 'exp(x)' })
const log = kernel(['x'], { y: 'log(x)' })

/** Softmax along the last axis: rows are shifted by their largest element, exponentials of all rows are one kernel. */
export function softmax(runtime: Runtime, x: Tensor, out: Tensor, logarithm: boolean, type: Real): void {
  const { size } = out
  const length = out.shape.at(-1)!
  const rows = size / length
  const bytes = bytesOf[type]
  runtime.begin()
  const [shifted, powers, sums] = [runtime.reserve(size * bytes), runtime.reserve(size * bytes), runtime.reserve(rows * bytes)]
  const job = runtime.job(8)
  stageFlat(runtime, x, shifted, type)
  const heap = runtime[type]
  const [s, p, t] = [shifted / bytes, powers / bytes, sums / bytes]
  for (let row = 0; row < rows; row++) {
    const at = s + row * length
    let top = -Infinity
    for (let i = at; i < at + length; i++) top = Math.max(top, heap[i])
    // A row of only -∞ stays that: its exponentials are zeros.
    if (top !== -Infinity) for (let i = at; i < at + length; i++) heap[i] -= top
  }
  runtime.i32.set([shifted, powers], job >> 2)
  runKernel(runtime, exp, 0, type, job, size)
  for (let row = 0; row < rows; row++) {
    const at = p + row * length
    let sum = 0
    for (let i = at; i < at + length; i++) sum += heap[i]
    heap[t + row] = sum
  }
  const { array, layout } = out
  if (!logarithm) {
    for (let row = 0, i = 0; row < rows; row++) {
      const sum = heap[t + row]
      for (let j = 0; j < length; j++, i++) array[layout.offset + i] = sum === 0 ? 0 : heap[p + i] / sum
    }
    return
  }
  runtime.i32.set([sums, sums], job >> 2)
  runKernel(runtime, log, 0, type, job, rows)
  for (let row = 0, i = 0; row < rows; row++) {
    const logSum = heap[t + row]
    for (let j = 0; j < length; j++, i++) array[layout.offset + i] = logSum === -Infinity ? -Infinity : heap[s + i] - logSum
  }
}
