/** Derivatives and batches of functions, alone and nested in any order, against differences and loops. */
import { checkpoint, customGradient, grad, GradientTape, hessian, jacobian, jvp, vjp, vmap } from '@typegrad/autograd'
import { BatchNormalization } from '@typegrad/layers'
import {
  BackendError,
  compile,
  concat,
  listen,
  GradientError,
  random,
  setSeed,
  ShapeError,
  stack,
  tensor,
  Variable,
  where,
  type Tensor,
} from '@typegrad/tensor'
import { describe, expect, test } from 'vitest'
import { onEveryBackend, plainBackends } from '../tensor/backends.ts'
import { gradientRows } from '../tensor/gradient-rows.ts'
import { numbersFrom } from '../tensor/arrays.ts'
import { product } from '../tensor/naive.ts'

type Map = (x: Tensor) => Tensor

const f64 = (values: readonly number[]): Tensor => tensor(Float64Array.from(values))
const direction = f64([0.3, -0.7, 0.5])
const weights = f64([1, -2, 0.5])
const matrix = tensor([[0.5, -0.2, 0.1], [0.3, 0.4, -0.6], [-0.1, 0.2, 0.7]], { dtype: 'float64' }) // prettier-ignore

/** A map of three numbers to three, of ops of several kinds. */
const base: Map = (x) => matrix.matmul(x).tanh().mul(x.square().add(1).log()).add(x.flip().cumsum(0).sin())

/** Ways of making another map of one, and the same by plain arithmetic on functions of numbers. */
interface Transform {
  readonly of: (f: Map) => Map
  readonly plain: (f: (x: readonly number[]) => number[]) => (x: readonly number[]) => number[]
}

const step = 2e-2
/** `∂f/∂t` at x by 6-point differences. */
const along = (f: (x: readonly number[]) => number[], x: readonly number[], t: readonly number[]): number[] => {
  const at = (k: number): number[] => f(x.map((v, i) => v + k * step * t[i]))
  const [a, b, c] = [1, 2, 3].map((k) => at(k).map((v, i) => v - at(-k)[i]))
  return a.map((_, i) => (45 * a[i] - 9 * b[i] + c[i]) / (60 * step))
}
const units = [[1, 0, 0], [0, 1, 0], [0, 0, 1]] // prettier-ignore
const dot = (a: readonly number[], b: readonly number[]): number => a.reduce((sum, v, i) => sum + v * b[i], 0)
const list = (x: Tensor): number[] => Array.from(x.toTypedArray())

const same: Transform['plain'] = (f) => f
const pushed: Transform['plain'] = (f) => (x) => along(f, x, list(direction))
const pulled: Transform['plain'] = (f) => (x) => units.map((unit) => dot(along(f, x, unit), list(weights)))

const transforms: Readonly<Record<string, Transform>> = {
  grad: { of: (f) => grad((x) => f(x).mul(weights).sum()), plain: pulled },
  vjp: { of: (f) => (x) => vjp(f, x).pullback(weights)[0], plain: pulled },
  GradientTape: {
    of: (f) => (x) => {
      const tape = new GradientTape()
      tape.watch(x)
      const y = tape.run(() => f(x))
      return tape.gradient(y, x, { outputGradients: weights })!
    },
    plain: pulled,
  },
  jvp: { of: (f) => (x) => jvp(f, [x], [direction]).tangent, plain: pushed },
  'jacobian by rows': { of: (f) => (x) => jacobian(f, { mode: 'reverse' })(x).matmul(direction), plain: pushed },
  'jacobian by columns': { of: (f) => (x) => jacobian(f, { mode: 'forward' })(x).matmul(direction), plain: pushed },
  vmap: {
    of: (f) => (x) => vmap(f)(stack([x, x.mul(0.5), x.neg()])).sum(0),
    plain: (f) => (x) => [1, 0.5, -1].map((s) => f(x.map((v) => s * v))).reduce((a, b) => a.map((v, i) => v + b[i])),
  },
  'vmap along the last axis, a closure over x': {
    of: (f) => (x) => vmap((y: Tensor) => f(y).mul(x), { inAxes: 1, outAxes: 1 })(stack([x, x.mul(0.5)], 1)).sum(1),
    plain: (f) => (x) => [1, 0.5].map((s) => f(x.map((v) => s * v)).map((v, i) => v * x[i])).reduce((a, b) => a.map((v, i) => v + b[i])),
  },
  checkpoint: { of: (f) => (x) => checkpoint(f)(x), plain: same },
  'checkpoint with a closure over x': { of: (f) => (x) => checkpoint((y) => f(y).mul(x))(x), plain: (f) => (x) => f(x).map((v, i) => v * x[i]) },
  customGradient: {
    of: (f) => (x) => customGradient((y) => ({ value: f(y), gradient: (dy) => vjp(f, y).pullback(dy) }))(x),
    plain: same,
  },
} // prettier-ignore

const names = Object.keys(transforms)
const point = [0.4, -0.3, 0.8]
const plainBase = (x: readonly number[]): number[] => list(base(f64(x)))

function expectAgreement(chain: readonly string[], tolerance: number): void {
  const of = chain.reduceRight<Map>((f, name) => transforms[name].of(f), base)
  const plain = chain.reduceRight((f, name) => transforms[name].plain(f), plainBase)
  const wanted = plain(point)
  list(of(f64(point))).forEach((value, i) => {
    expect(Math.abs(value - wanted[i]) / Math.max(1, Math.abs(wanted[i]))).toBeLessThan(tolerance)
  })
}

onEveryBackend(() => {
  test.each(names)('%s', (name) => expectAgreement([name], 1e-8))
  test.each(names.flatMap((outer) => names.map((inner) => [outer, inner])))('%s of %s', (...chain) =>
    expectAgreement(chain, 1e-6),
  )
}, plainBackends)

const three = ['grad', 'jvp', 'vmap', 'checkpoint', 'customGradient']
test.each(three.flatMap((a) => three.flatMap((b) => three.map((c) => [a, b, c]))))('%s of %s of %s', (...chain) =>
  expectAgreement(chain, 1e-4),
)

test('hessian of a scalar: symmetric, and the derivative of its gradient; of a batch; through a checkpoint', () => {
  const f: Map = (x) => base(x).mul(weights).sum()
  const x = f64(point)
  const h = hessian(f)(x)
  expect(h.shape).toEqual([3, 3])
  units.forEach((unit, i) => {
    const column = along((p) => list(grad(f)(f64(p))), point, unit)
    list(h.slice(i)).forEach((value, k) => expect(value).toBeCloseTo(column[k], 8))
  })
  const batch = vmap(hessian(f))(stack([x, x.mul(2)]))
  expect(list(batch.slice(0))).toEqual(list(h).map((v) => expect.closeTo(v, 12)))
  expect(list(hessian((y) => checkpoint(f)(y))(x))).toEqual(list(h).map((v) => expect.closeTo(v, 12)))
})

describe('every op in a batch, by its rule or one by one, is the op of each example', () => {
  // Masks and indices of the rows fit single examples; what reads elements cannot run in a batch.
  const reads = ['unique', 'cond']
  test.for(gradientRows.filter(([name]) => !reads.some((word) => name.startsWith(word))))('%s', ([, f, ...shapes]) => {
    const random = numbersFrom(7)
    const args = shapes.map((shape) =>
      tensor(
        Float64Array.from({ length: 3 * product(shape) }, (__, i) => (i % 7) * 0.3 - 0.8 + random() * 0.1),
        { shape: [3, ...shape] },
      ),
    )
    for (const shared of shapes.length > 1 ? [-1, 0, 1] : [-1]) {
      const inputs = args.map((x, i) => (i === shared ? x.slice(0) : x))
      const y = vmap(f, { inAxes: inputs.map((__, i) => (i === shared ? null : 0)) })(...inputs)
      const wanted = stack([0, 1, 2].map((example) => f(...inputs.map((x, i) => (i === shared ? x : x.slice(example))))))
      expect(y.shape).toEqual(wanted.shape)
      expect(Math.max(0, ...list(y.sub(wanted).abs()))).toBeLessThan(1e-9)
    }
  })
})

describe('vmap', () => {
  const scores = tensor([[1, 2, 3], [6, 5, 4]], { dtype: 'float64' }) // prettier-ignore

  test('indices that differ for each example; those outside are errors', () => {
    const picked = vmap((x, i) => x.take(i))(scores, tensor([2, -3], { dtype: 'int32' }))
    expect(picked.toArray()).toEqual([3, 6])
    expect(() => vmap((x, i) => x.take(i))(scores, tensor([2, 3], { dtype: 'int32' }))).toThrow(/index 3/)
  })

  test('a function that does not depend on its argument; several results; a batch in a batch with both', () => {
    expect(vmap(() => tensor([7]))(scores).toArray()).toEqual([[7], [7]])
    const [sum, largest] = vmap((x: Tensor) => [x.sum(), x.max()] as const)(scores)
    expect([sum.toArray(), largest.toArray()]).toEqual([[6, 15], [3, 6]]) // prettier-ignore
    const outer = vmap((a) => vmap((b) => a.mul(b).sum())(scores))(scores)
    expect(outer.sub(scores.matmul(scores.transpose())).abs().max().item()).toBe(0)
  })

  test('gradients of a variable for each example, and of all of them', () => {
    const w = new Variable(f64([1, 2, 3]))
    const loss = (x: Tensor): Tensor => x.mul(w).sum().square()
    const each = vmap((x) => {
      const tape = new GradientTape()
      const y = tape.run(() => loss(x))
      return tape.gradient(y, w)!
    })(scores)
    expect(each.toArray()).toEqual([[28, 56, 84], [336, 280, 224]]) // prettier-ignore
    const tape = new GradientTape()
    const total = tape.run(() => vmap(loss)(scores).sum())
    expect(tape.gradient(total, w)!.toArray()).toEqual([364, 336, 308])
  })

  test('what cannot be: reading elements, assigning, batches of different sizes, a hidden argument of customGradient', () => {
    expect(() => vmap((x) => tensor(x.item()))(tensor([1, 2]))).toThrow(BackendError)
    expect(() => vmap((x) => x.unique().values)(scores)).toThrow(/unique/)
    const w = new Variable(tensor(0))
    expect(() => vmap((x) => w.assign(x))(tensor([1, 2]))).toThrow(/variable 'variable'/)
    expect(() => vmap((a, b) => a.add(b))(scores, tensor([1, 2, 3]))).toThrow(/2 and 3 examples/)
    expect(() => vmap((a) => a, { inAxes: null })(scores)).toThrow(ShapeError)
    const hidden = (x: Tensor): Tensor => customGradient((y) => ({ value: y.mul(x), gradient: (dy) => dy }))(tensor(1))
    expect(() => vmap(hidden)(tensor([1, 2]))).toThrow(/no argument/)
  })
})

describe('checkpoint', () => {
  test('gradients of variables and of tensors that the function closes over', () => {
    const w = new Variable(f64([1, 2]))
    const tape = new GradientTape({ persistent: true })
    const c = f64([3, 4])
    tape.watch(c)
    const y = tape.run(() => checkpoint((x) => x.mul(w).exp().mul(c))(f64([0.1, 0.2])).sum())
    const z = tape.run(() => f64([0.1, 0.2]).mul(w).exp().mul(c).sum())
    for (const source of [w, c]) expect(tape.gradient(y, source)!.toArray()).toEqual(tape.gradient(z, source)!.toArray())
  })

  test('keeps no intermediate result: the tape hears one op', () => {
    const heard: string[] = []
    listen((op) => heard.push(op.name), () => checkpoint((x) => x.exp().sin().mul(2))(f64([1]))) // prettier-ignore
    expect(heard).toEqual(['checkpoint'])
  })

  test('the same random numbers when it runs again, and none are used up by that', () => {
    const draw = (): { y: Tensor; dx: Tensor; next: Tensor } => {
      const x = f64([1, 1, 1, 1, 1, 1, 1, 1])
      const tape = new GradientTape()
      tape.watch(x)
      setSeed(3)
      const y = tape.run(() => checkpoint((v) => v.mul(random.uniform([8], { dtype: 'float64' })))(x))
      return { y, dx: tape.gradient(y, x)!, next: random.uniform([2]) }
    }
    const { y, dx, next } = draw()
    expect(dx.toArray()).toEqual(y.toArray())
    setSeed(3)
    random.uniform([8])
    expect(next.toArray()).toEqual(random.uniform([2]).toArray())
  })

  test('compiled: the draws are new in every run, and the backward pass repeats those of its own', () => {
    const make = (): ((x: Tensor) => Tensor[]) => (x) => {
      const f = (v: Tensor): Tensor =>
        checkpoint((u) =>
          u.mul(random.uniform([4], { dtype: 'float64' })).add(random.gamma([4], { alpha: 2, dtype: 'float64' })),
        )(v)
      const { value, pullback } = vjp(f, x)
      return [value, pullback(x.onesLike())[0], random.uniform([2])]
    }
    const results = [make(), compile(make())].map((step) => {
      setSeed(9)
      return [1, 2, 3].map((k) => step(f64([k, k, k, k])).map(list))
    })
    expect(results[1]).toEqual(results[0])
    expect(results[0][0][1]).not.toEqual(results[0][1][1])
  })

  test('a variable that was assigned in between is an error, not a wrong gradient', () => {
    const w = new Variable(f64([1, 2]), { name: 'w' })
    const tape = new GradientTape()
    const y = tape.run(() => checkpoint((x) => x.mul(w))(f64([1, 1])))
    w.assign(f64([5, 5]))
    expect(() => tape.gradient(y, w)).toThrow(/variable 'w' was assigned/)
  })

  test('one tensor for two arguments gets both gradients once', () => {
    const f = (x: Tensor): Tensor => checkpoint((a, b) => a.mul(b.exp()))(x, x).sum()
    const g = (x: Tensor): Tensor => x.mul(x.exp()).sum()
    expect(grad(f)(f64([0.5])).item()).toBeCloseTo(grad(g)(f64([0.5])).item(), 14)
  })
})

describe('a gradient that two tapes record, one after the other', () => {
  const normalization = new BatchNormalization({ dtype: 'float64' })
  const functions: Record<string, (x: Tensor) => Tensor> = {
    checkpoint: (x) => checkpoint((z: Tensor) => z.square())(x),
    customGradient: (x) => customGradient((z: Tensor) => ({ value: z.square(), gradient: (dy) => dy.mul(z).mul(2) }))(x),
    'batch normalization': (x) => normalization.apply(x, { training: true }),
  }
  test.each(Object.keys(functions))('is whole for both: %s', (name) => {
    const [x, dy, c] = [3, 4, 5].map((seed) => new random.Generator(seed).normal([6, 3], { dtype: 'float64' }))
    const { pullback } = vjp(functions[name], x)
    const derivative = (): unknown => {
      const tape = new GradientTape()
      tape.watch(dy)
      return tape
        .gradient(
          tape.run(() => pullback(dy)[0].mul(c).sum()),
          dy,
        )
        ?.toArray() as unknown
    }
    const first = derivative()
    expect(first).toBeDefined()
    expect(derivative()).toEqual(first)
  })
})

describe('parts of a tensor', () => {
  const parts = (x: Tensor): Tensor => {
    const [a, b, c] = x.unstack(0)
    return concat([a.mul(b), c.exp()]).sum()
  }

  test('are joined in the backward pass by one op', () => {
    const heard: string[] = []
    const x = tensor([[1, 2], [3, 4], [5, 6]], { dtype: 'float64' }) // prettier-ignore
    const { pullback } = vjp(parts, x)
    let dx: Tensor[] = []
    listen((op) => heard.push(op.name), () => { dx = pullback(1) }) // prettier-ignore
    expect([heard.filter((name) => name === 'place'), heard.filter((name) => name === 'concat')]).toEqual([[], ['concat']])
    expect(dx[0].toArray()).toEqual([[3, 4], [1, 2], [Math.exp(5), Math.exp(6)]].map((row) => row.map((v) => expect.closeTo(v, 10)))) // prettier-ignore
  })

  test.each<[string, Map]>([
    [
      'that overlap',
      (x) =>
        x
          .slice([0, 2])
          .mul(x.slice([1, 3]))
          .sum(),
    ],
    [
      'with gaps',
      (x) =>
        x
          .slice([1, 2])
          .add(x.slice([4, 5]))
          .exp()
          .sum(),
    ],
    [
      'with steps',
      (x) =>
        x
          .slice([0, null, 2])
          .mul(x.slice([1, null, 2]).sum())
          .sum(),
    ],
    [
      'one of which is never used',
      (x) => {
        const [a, , c] = x.split(3)
        return a.mul(c).sum()
      },
    ],
    [
      'one of which is the whole',
      (x) =>
        x
          .slice()
          .mul(x.slice([0, 1]))
          .sum(),
    ],
    ['under where', (x) => where(x.slice([0, 3]).greater(0), x.slice([0, 3]).log(), x.slice([3, 6])).sum()],
  ])('%s', (_, f) => {
    const at = [0.5, -1, 2, 0.7, 0.1, -0.4]
    const wanted = at.map(
      (__, i) =>
        along(
          (p) => [f(f64(p)).item()],
          at,
          at.map((___, k) => Number(i === k)),
        )[0],
    )
    list(grad(f)(f64(at))).forEach((value, i) => expect(value).toBeCloseTo(wanted[i], 7))
  })
})

describe('what is refused', () => {
  const x = f64([1, 2])
  test.each<[string, () => unknown, new (...args: any[]) => Error, RegExp]>([
    ['a tangent of another shape', () => jvp((v) => v, [x], [[1]]), ShapeError, /argument 0 has shape \[2\], its tangent \[1\]/],
    ['too few tangents', () => jvp((v) => v, [x], []), GradientError, /1 arguments and 0 tangents/],
    ['the derivative of integers', () => jacobian((v) => v.cast('int32'))(x), GradientError, /the value is int32/],
    ['an argument that is not there', () => jacobian((v) => v, { argnum: 1 })(x), GradientError, /argument 1 of 1/],
    ['the hessian of a vector', () => hessian((v) => v)(x), ShapeError, /needs a scalar/],
  ])('%s', (_, f, type, message) => {
    expect(f).toThrow(type)
    expect(f).toThrow(message)
  })
})
