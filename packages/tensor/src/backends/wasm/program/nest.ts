import { type FunctionBuilder, i32, type Local } from '../assembler/index.ts'

/**
 * Loops over a shape, the last axis fastest: `body` gets a local for each operand, which begins at `starts[i]` and moves by
 * `steps[i][axis]` bytes.
 */
export function writeNest(
  f: FunctionBuilder,
  shape: readonly number[],
  starts: readonly Local<'i32'>[],
  steps: readonly (readonly number[])[],
  body: (places: readonly Local<'i32'>[]) => void,
  axis = 0,
): void {
  if (axis === shape.length) return body(starts)
  const locals = starts.map((start, i) => (steps[i][axis] === 0 ? start : f.let(start)))
  f.for(0, shape[axis], 1, () => {
    writeNest(f, shape, locals, steps, body, axis + 1)
    locals.forEach((local, i) => {
      if (local !== starts[i]) f.set(local, i32.add(local, steps[i][axis]))
    })
  })
}
