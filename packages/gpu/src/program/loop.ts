import { kernel, type Kernel, type Tensor } from '@typegrad/tensor'
import type { Engine } from '../engine.ts'
import { copy } from '../kernels/copy.ts'
import { elementwise } from '../kernels/elementwise.ts'
import { resultsOf } from '../kernels/results.ts'
import type { Loop } from '../tensor.ts'

/** The loop as a kernel of the results that are stored. */
function storedKernel({ kernel: all, outputs }: Loop): Kernel {
  const results = resultsOf(all)
  return kernel(
    all.args.map((_, i) => `x${i}`),
    Object.fromEntries(outputs.map(({ result }, i) => [`y${i}`, results[result].formula])),
  )
}

/** Runs a loop; one that only copies shares memory where it can. */
export function loop(engine: Engine, item: Loop, inputs: readonly Tensor[], outputs: readonly Tensor[]): void {
  const stored = storedKernel(item)
  const [{ formula }] = stored.results
  engine.op(() => {
    if (outputs.length === 1 && formula.op === 'name') copy(engine, inputs[stored.args.indexOf(formula.name)], outputs[0])
    else elementwise(engine, stored, inputs, outputs, 'float32')
  })
}
