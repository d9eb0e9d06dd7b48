import type { Tensor } from '../../../tensor.ts'
import { ModuleBuilder } from '../assembler/index.ts'
import { copyElements } from '../copy.ts'
import { bringElements, placeOfElements } from '../elements.ts'
import { gemmScratchBytes } from '../gemm/index.ts'
import { limits } from '../limits.ts'
import type { Runner } from '../runtime.ts'
import { isIn } from '../stage.ts'
import { countBytes, recordBytes, writeArgsort } from './kernels.ts'

/** What the scratch of a thread has for records. */
const scratchBytes = gemmScratchBytes('f32') - countBytes

/** The first positions in the stable order of each row along the last axis, as many as `out` has. */
export function argsort(runtime: Runner, x: Tensor, descending: boolean, out: Tensor): void {
  const [length, count] = [x, out].map(({ shape }) => shape.at(-1)!)
  const rows = x.size / length
  const kernel = runtime.kernel(`argsort/${x.dtype}`, () => {
    const module = new ModuleBuilder({ memory: { shared: runtime.shared } })
    module.export(writeArgsort(module, x.dtype))
    return module.toBytes()
  })
  runtime.begin()
  const from = bringElements(runtime, x)
  const to = placeOfElements(runtime, out) ?? runtime.reserve(out.size * 4)
  const bytes = recordBytes(x.dtype, length)
  const [space, step] = bytes <= scratchBytes ? [0, 0] : [runtime.reserve(rows * bytes), bytes]
  const job = runtime.job(28)
  runtime.i32.set([from, to, length, count, Number(descending), space, step], job >> 2)
  runtime.run(kernel, job, { tasks: rows, grain: Math.ceil(limits.sortGrain / length) })
  if (!isIn(runtime, out)) copyElements(runtime.i32, to >> 2, out.size, out.array, out.layout.offset)
}
