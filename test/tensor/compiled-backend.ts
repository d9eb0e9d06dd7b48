/**
 * The wasm backend with every kernel as a compiled program of its own: what the suite asks of a backend it so asks of the code
 * that programs are made of.
 */
import { registerBackend, type Backend, type Tensor } from '@typegrad/tensor'
import { Tensor as View } from '../../packages/tensor/src/tensor.ts'
import { backendNamed, currentBackend } from '../../packages/tensor/src/backends/backend.ts'
import { contiguousLayout } from '../../packages/tensor/src/layout.ts'
import { trace } from '../../packages/tensor/src/compile/trace.ts'
import { hostBuffer } from '../../packages/tensor/src/memory.ts'

/** The stretch of its buffer that a view spans, as a tensor, and the view as one of that. */
function spanOf(x: Tensor): { span: Tensor; view: (of: Tensor) => Tensor } {
  let [low, high] = [x.layout.offset, x.layout.offset]
  if (x.size > 0)
    x.shape.forEach((length, i) => {
      const reach = (length - 1) * x.layout.strides[i]
      if (reach < 0) low += reach
      else high += reach
    })
  const array = x.array.slice(low, x.size > 0 ? high + 1 : low)
  return {
    span: new View(hostBuffer(array), contiguousLayout([array.length]), x.dtype),
    view: (of) => new View(of.buffer, { ...x.layout, offset: x.layout.offset - low }, x.dtype),
  }
}

/** Runs one kernel as a program, and copies what it wrote. */
function asProgram(
  inputs: readonly Tensor[],
  outputs: readonly Tensor[],
  call: (b: Backend, xs: Tensor[], ys: Tensor[]) => void,
): void {
  const wasm = backendNamed('wasm')
  const spans = inputs.map(spanOf)
  const { graph } = trace(
    spans.map(({ span }) => span),
    (given) => {
      const recorder = currentBackend()
      const made = outputs.map((out) => {
        const { buffer, offset } = recorder.allocate(out.dtype, out.size)
        return new View(buffer, contiguousLayout(out.shape, offset), out.dtype)
      })
      const views = given.map((x, i) => spans[i].view(x))
      call(recorder, views, made)
      return made
    },
    (made) => made,
  )
  const results = wasm.program!(graph)!.run(spans.map(({ span }) => span))
  results.forEach((result, i) => wasm.copy(result, outputs[i]))
}

/** Makes the backend `compiled` known. */
export function registerCompiled(): void {
  const wasm = backendNamed('wasm')
  const compiled: Backend = {
    ...wasm,
    name: 'compiled',
    elementwise: (kernel, inputs, outputs, compute) =>
      asProgram(inputs, outputs, (b, xs, ys) => b.elementwise(kernel, xs, ys, compute)),
    copy: (x, out) => asProgram([x], [out], (b, [a], [y]) => b.copy(a, y)),
    reduce: (reduction, x, axes, out) => asProgram([x], [out], (b, [a], [y]) => b.reduce(reduction, a, axes, y)),
    argReduce: (kind, x, axis, out) => asProgram([x], [out], (b, [a], [y]) => b.argReduce(kind, a, axis, y)),
    matmul: (p, q, out) => asProgram([p, q], [out], (b, [x, y], [z]) => b.matmul(x, y, z)),
    sparseMatmul: ({ indptr, indices, values, rows }, dense, transposed, out) =>
      asProgram([indptr, indices, values, rows, dense], [out], (b, [p, i, v, r, d], [y]) =>
        b.sparseMatmul({ indptr: p, indices: i, values: v, rows: r }, d, transposed, y),
      ),
    softmax: (x, out, log) => asProgram([x], [out], (b, [a], [y]) => b.softmax(a, y, log)),
    gather: (x, indices, axis, out) => asProgram([x, indices], [out], (b, [a, i], [y]) => b.gather(a, i, axis, y)),
    scatterAdd: (x, indices, axis, out) => asProgram([x, indices], [out], (b, [a, i], [y]) => b.scatterAdd(a, i, axis, y)),
    scan: (kind, x, axis, options, out) => asProgram([x], [out], (b, [a], [y]) => b.scan(kind, a, axis, options, y)),
    argsort: (x, descending, out) => asProgram([x], [out], (b, [a], [y]) => b.argsort(a, descending, y)),
  }
  for (const name of ['program', 'matmulAdd', 'updateGroup'] as const)
    delete (compiled as { -readonly [K in typeof name]?: unknown })[name]
  registerBackend(compiled)
}
