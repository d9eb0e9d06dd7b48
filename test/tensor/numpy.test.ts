/** The array ops against NumPy's results (test/golden/make/numpy-ops.py), on every backend. */
import { einsum, fft, functions, hstack, interp, linalg, tensor, Tensor, vstack } from '@typegrad/tensor'
import { conformance, fromGolden, golden, type GoldenCase, type GoldenTensor } from '../conformance.ts'

type Result = Tensor | readonly Tensor[] | Readonly<Record<string, Tensor>>

interface Case extends GoldenCase {
  readonly f: string
  readonly inputs: readonly GoldenTensor[]
  /** What follows the first input; `{ input: i }` is another one. */
  readonly args: readonly unknown[]
  readonly expected: GoldenTensor | readonly GoldenTensor[] | Readonly<Record<string, GoldenTensor>>
}

type Callable = (...args: unknown[]) => Result

const ofComplex = /^fft\.(fft|ifft|irfft)(n|2)?$/

/** Functions that are called in another way than by their name. */
const special: Readonly<Record<string, (inputs: readonly Tensor[], args: readonly unknown[]) => Result>> = {
  interp: ([x], [xp, fp]) => interp(x, xp as Tensor, fp as Tensor),
  vstack: (inputs) => vstack(inputs),
  hstack: (inputs) => hstack(inputs),
  einsum: (inputs, [equation]) => einsum(equation as string, ...inputs),
  // A function of the formula language that is no op: digamma's derivatives.
  polygamma: ([n, x]) => tensor(Float64Array.from(x.toTypedArray(), (value) => functions['polygamma'].value(n.item(), value, 0))),
  'linalg.qrR': ([a]) => linalg.qr(a).r.abs(),
}

function call({ f }: Case, inputs: readonly Tensor[], args: readonly unknown[]): Result {
  if (special[f]) return special[f](inputs, args)
  const [x] = inputs
  const [space, name] = f.split('.')
  const method = (x as unknown as Record<string, Callable> | undefined)?.[f]
  if (method) return method.call(x, ...args)
  const found = ({ fft, linalg } as unknown as Record<string, Record<string, Callable>>)[space][name]
  if (ofComplex.test(f) && inputs.length === 2) return found([x, inputs[1]], ...args)
  return x ? found(x, ...args) : found(...args)
}

const replaced = (value: unknown, inputs: readonly Tensor[]): unknown => {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  const { input } = value as { input?: number }
  if (typeof input === 'number') return inputs[input]
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, replaced(part, inputs)]))
}

conformance('numpy-ops', golden<Case>('numpy-ops'), (one, check) => {
  const inputs = one.inputs.map(fromGolden)
  const result = call(
    one,
    inputs,
    one.args.map((arg) => replaced(arg, inputs)),
  )
  if (result instanceof Tensor) return check('result', result, one.expected as GoldenTensor)
  for (const [key, value] of Object.entries(one.expected))
    check(key, (result as Record<string, Tensor>)[key], value as GoldenTensor)
})
