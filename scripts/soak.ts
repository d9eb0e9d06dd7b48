/**
 * `npm run soak [-- --steps 40000]`: trains a small CNN and fails unless live tensors stay as many, and the memory as large, as
 * after the first steps. Half of the steps are compiled, half op by op. In the
 * first 8,000 steps two slabs and 0.7 MB of heap are added, since a slab stays as long as one number in it; then it is flat.
 */
import { parseArgs } from 'node:util'
import { soak } from '../test/soak.ts'

const { values } = parseArgs({ options: { steps: { type: 'string', default: '40000' } } })
const steps = Number(values.steps)
for (const jit of [true, false]) {
  for await (const { step, buffers, bytes, heap, wasm } of soak(steps / 2, jit)) {
    console.log(
      `${jit ? 'compiled' : 'op by op'}, step ${step}: ${buffers} buffers, ${bytes} bytes, heap ${heap}, WebAssembly ${wasm}`,
    )
  }
}
