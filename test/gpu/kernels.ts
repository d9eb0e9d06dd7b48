/** Kernels of single formula functions, and of an optimizer's update, run by a backend. */
import {
  internals,
  kernel,
  setBackend,
  Tensor,
  tensor,
  update,
  updateKernel,
  Variable,
  zeros,
  type TypedArray,
} from '@typegrad/tensor'

/** A formula that is one function of its arguments. */
function formulaOf(fn: string, names: readonly string[]): string {
  const [a, b, c] = names
  if (fn === 'neg' || fn === 'not') return `${fn === 'neg' ? '-' : '!'}${a}`
  if (fn === 'select') return `${a} ? ${b} : ${c}`
  return /^\w+$/.test(fn) ? `${fn}(${names.join(', ')})` : `${a} ${fn} ${b}`
}

/** Runs a formula function on the gpu. */
export function kernelOf(fn: string, arity: number): (args: readonly Tensor[]) => Promise<TypedArray> {
  const names = ['a', 'b', 'c'].slice(0, arity)
  const made = kernel(names, { y: formulaOf(fn, names) })
  return (args) => {
    const backend = internals.backendNamed('gpu')
    const { buffer, offset } = backend.allocate('float32', args[0].size)
    const out = new Tensor(buffer, internals.contiguousLayout(args[0].shape, offset), 'float32')
    backend.elementwise(made, args, [out], 'float32')
    return out.data()
  }
}

const adam = updateKernel(['w', 'm', 'v'], ['g', 'rate'], {
  m: '0.9 * m + 0.1 * g',
  v: '0.99 * v + 0.01 * g * g',
  w: 'w - rate * m / (sqrt(v) + 0.001)',
})

/** Two steps of Adam from the gradient `g` of shape [4, 6]; the next values of w, m and v. */
export async function twoSteps(backend: string, g: Tensor): Promise<TypedArray[]> {
  const before = setBackend(backend)
  const row = [1, 2, 3, 4, 5, 6]
  const [w, m, v] = [tensor([row, row, row, row]), zeros([4, 6]), zeros([4, 6])].map((value) => new Variable(value))
  for (let i = 0; i < 2; i++) update(adam, { w, m, v }, { g, rate: 0.1 })
  setBackend(before)
  return Promise.all([w, m, v].map((variable) => variable.data()))
}
