/**
 * `npm run soak [-- --steps 10000]`: trains a small CNN and fails unless live tensors stay as many, and the memory as large, as
 * after the first steps. Half of the steps are compiled, half op by op.
 */
import { parseArgs } from 'node:util'
import { soak } from '../test/soak.ts'

const { values } = parseArgs({ options: { steps: { type: 'string', default: '10000' } } })
const steps = Number(values.steps)
for (const jit of [true, false]) {
  for await (const { step, buffers, bytes, heap, wasm } of soak(steps / 2, jit)) {
    console.log(
      `${jit ? 'compiled' : 'op by op'}, step ${step}: ${buffers} buffers, ${bytes} bytes, heap ${heap}, WebAssembly ${wasm}`,
    )
  }
}
