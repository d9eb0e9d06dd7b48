/** One result of every op and kernel, by name: to compare two ways of computing them bit by bit. */
import { grad } from '@typegrad/autograd'
import { concat, formulaOps, applyFormula, random, reductions, setBackend, tensor, type Tensor } from '@typegrad/tensor'

export function battery(backend: string): Record<string, string> {
  const before = setBackend(backend)
  const results: Record<string, string> = {}
  const note = (name: string, t: Tensor): void => {
    // NaN and -0 have names in no JSON.
    results[name] =
      `${t.dtype} [${t.shape.join()}] ${Array.from(t.toTypedArray(), (x) => (Object.is(x, -0) ? '-0' : String(x))).join(' ')}`
  }
  const values = [0.5, -1.5, 2, -0, Infinity, NaN, 3.25, -7, 0.125, 1, -0.75, 12]
  for (const dtype of ['float32', 'float64', 'int32', 'uint8', 'bool'] as const) {
    const x = tensor(values, { dtype }).reshape([3, 4])
    const strided = x.transpose().flip(0)
    for (const [name, op] of Object.entries(formulaOps)) {
      const operands = op.args.map((_, i) => [x, x.slice([0, 1]), x.slice(null, [1, 2]), tensor(2, { dtype })][i % 4])
      note(`${name} of ${dtype}`, applyFormula(op, operands))
      note(
        `${name} of ${dtype}, transposed`,
        applyFormula(
          op,
          op.args.map(() => strided),
        ),
      )
    }
    for (const name of Object.keys(reductions) as (keyof typeof reductions)[]) {
      note(`${name} of ${dtype}`, x[name]())
      note(`${name} of ${dtype}, columns`, strided[name](0))
      note(`${name} of ${dtype}, rows`, strided[name](1, { keepdims: true }))
    }
    for (const name of ['argmax', 'argmin', 'argsort', 'sort', 'cumsum', 'cumprod'] as const)
      note(`${name} of ${dtype}`, strided[name](1))
    note(`matmul of ${dtype}`, x.matmul(strided.flip(1)))
    note(`softmax of ${dtype}`, strided.softmax())
    note(`logSoftmax of ${dtype}`, x.logSoftmax(0))
    note(`take of ${dtype}`, strided.take([[2, 0], [-1, 1]], 1)) // prettier-ignore
    note(`reshape of ${dtype}`, strided.reshape([2, 6]))
    note(`concat of ${dtype}`, concat([x, strided.transpose()], 1))
    note(`pad of ${dtype}`, strided.pad(1, 3))
    note(`cast of ${dtype} to int32`, strided.cast('int32'))
    note(`cast of ${dtype} to bool`, strided.cast('bool'))
  }
  const t = tensor([[1, 2], [3, 4.5]]) // prettier-ignore
  note('gradient', grad((x) => x.matmul(x.transpose()).tanh().take([0, 1, 1], 1).variance(0).norm())(t))
  const generator = new random.Generator(3)
  note('uniform', generator.uniform([5]))
  note('normal', generator.normal([5], { dtype: 'float64' }))
  setBackend(before)
  return results
}
