/** compile: the same results as f itself, variables changed in place, host steps done again, and errors where it cannot be done. */
import { GradientTape, valueAndGrad, vmap } from '@typegrad/autograd'
import {
  compile,
  currentBackend,
  hostChoice,
  hostEffect,
  hostNumber,
  IndexError,
  isTraceError,
  memory,
  random,
  scalar,
  setDeterministic,
  setSeed,
  setThreads,
  tensor,
  TraceError,
  Variable,
  zeros,
  type Tensor,
} from '@typegrad/tensor'
import fc from 'fast-check'
import { afterEach, describe, expect, test } from 'vitest'
import { runs } from '../tensor/properties.ts'

/** Without WebAssembly functions just run: there is nothing to compile them to. */
const hasPrograms = currentBackend().program !== undefined

const numbers = (x: Tensor): number[] => [...x.toTypedArray()]

/** Largest difference relative to the size of the expected numbers. */
function apart(got: Tensor, expected: Tensor): number {
  const [a, b] = [numbers(got), numbers(expected)]
  const size = Math.max(1e-30, ...b.filter(Number.isFinite).map(Math.abs))
  return Math.max(0, ...a.map((value, i) => (Object.is(value, b[i]) || value === b[i] ? 0 : Math.abs(value - b[i]) / size)))
}

/** A step of a random program: an op on earlier results, numbered backwards. */
interface Step {
  readonly op: (typeof opNames)[number]
  readonly a: number
  readonly b: number
}

const same = (x: Tensor): Tensor => x

/** Of a and b; `through` is applied to what is computed on the way. */
const ops = {
  add: (a: Tensor, b: Tensor) => a.add(b),
  sub: (a: Tensor, b: Tensor) => a.sub(b),
  mul: (a: Tensor, b: Tensor) => a.mul(b),
  tanh: (a: Tensor) => a.tanh(),
  relu: (a: Tensor) => a.relu(),
  square: (a: Tensor) => a.tanh().square(),
  compare: (a: Tensor, b: Tensor) => a.greater(b).where(a, b.neg()),
  rows: (a: Tensor, _: Tensor, through = same) => a.sub(through(a.mean(-1, { keepdims: true }))),
  columns: (a: Tensor, _: Tensor, through = same) => a.add(through(a.sum(0))).mul(0.1),
  largest: (a: Tensor) => a.div(a.abs().max(null, { keepdims: true }).add(1)),
  product: (a: Tensor, b: Tensor, through = same) => through(a.matmul(b.transpose())).matmul(a).tanh(),
  softmax(a: Tensor, _: Tensor, through = same) {
    if (through === same) return a.softmax()
    const e = through(a.sub(a.max(-1, { keepdims: true })).exp())
    return e.div(through(e.sum(-1, { keepdims: true })))
  },
  turned: (a: Tensor) => a.reshape([a.shape[1], a.shape[0]]).transpose().flip(0),
  sliced: (a: Tensor) => a.slice([0, 1]).add(a),
  picked: (a: Tensor) =>
    a
      .take(tensor([0, 0, a.shape[0] - 1], { dtype: 'int32' }))
      .sum(0)
      .add(a),
  joined: (a: Tensor, b: Tensor) => a.slice([0, 1]).broadcastTo(b.shape).add(b),
  none: (a: Tensor) => a.mul(0).add(zeros(a.shape, { dtype: a.dtype })),
}
const opNames = Object.keys(ops) as (keyof typeof ops)[]

const programs = fc.record({
  shape: fc.tuple(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 9 })),
  steps: fc.array(fc.record<Step>({ op: fc.constantFrom(...opNames), a: fc.nat(8), b: fc.nat(8) }), {
    minLength: 1,
    maxLength: 12,
  }),
  seed: fc.nat(1000),
})

/** `through` is applied to the inputs and to what every step makes. */
const runProgram = (steps: readonly Step[], inputs: readonly Tensor[], through = same): Tensor => {
  const made = inputs.map(through)
  const back = (n: number): Tensor => made[made.length - 1 - (n % made.length)]
  for (const { op, a, b } of steps) made.push(through(ops[op](back(a), back(b), through)))
  return made.at(-1)!
}

afterEach(() => {
  setDeterministic(false)
  setThreads()
})

describe('the same as the function itself', () => {
  /** A random program's result and its gradients by both inputs, and the inputs. */
  const drawn = (
    { shape, steps, seed }: { shape: [number, number]; steps: Step[]; seed: number },
    dtype: 'float32' | 'float64',
  ) => {
    const draw = new random.Generator(seed)
    const f = (a: Tensor, b: Tensor, through?: (x: Tensor) => Tensor): Tensor[] => {
      let y!: Tensor
      const { grads } = valueAndGrad((p, q) => (y = runProgram(steps, [p, q], through)).square().mean())(a, b)
      return [y, ...grads]
    }
    const ulp = dtype === 'float32' ? 2 ** -23 : 2 ** -52
    const nudge = (x: Tensor): Tensor => x.mul(draw.uniform(x.shape, { low: -4, high: 4, dtype }).mul(ulp).add(1))
    return { f, inputs: [draw.normal(shape, { dtype }), draw.normal(shape, { dtype })] as const, nudge }
  }

  test.each(['float32', 'float64'] as const)('random programs and their gradients, bit by bit: %s', (dtype) => {
    setDeterministic(true)
    fc.assert(
      fc.property(programs, (program) => {
        const { f, inputs } = drawn(program, dtype)
        expect(compile(f)(...inputs).map(numbers)).toEqual(f(...inputs).map(numbers))
      }),
      runs(0.6),
    )
  })

  // Here products round once or twice, as it suits the program. What that may change is as much as when inputs and what is computed
  // on the way differ in their last bits. Where numbers are equal or 0 but for those, a comparison falls now to one side, now to the other.
  test.each(['float32', 'float64'] as const)('random programs and their gradients, as fast as can be: %s', (dtype) => {
    fc.assert(
      fc.property(programs, (program) => {
        const { f, inputs, nudge } = drawn(program, dtype)
        const [eager, compiled] = [f(...inputs), compile(f)(...inputs)]
        const allowed = eager.map((): number => (dtype === 'float32' ? 1e-6 : 1e-14))
        const wrong = (): number[] => [...eager.keys()].filter((i) => !(apart(compiled[i], eager[i]) <= allowed[i]))
        for (let tries = 0; tries < 40 && wrong().length > 0; tries++)
          f(...inputs, nudge).forEach((x, i) => (allowed[i] = Math.max(allowed[i], 8 * apart(x, eager[i]))))
        expect(wrong()).toEqual([])
      }),
      runs(0.6),
    )
  })

  test.each([1, 2, 3])('large arrays on %i threads', (count) => {
    setThreads(count)
    const f = (x: Tensor): Tensor => x.exp().add(x.slice(0)).mul(x.transpose().sigmoid()).add(1)
    const x = new random.Generator(3).normal([301, 301])
    expect(apart(compile(f)(x), f(x))).toBeLessThan(1e-6)
  })

  test.runIf(hasPrograms).each([1, 2])('products with a narrow matrix, of rows that are picked; on %i threads', (count) => {
    setThreads(count)
    const draw = new random.Generator(4)
    const x = new Variable(draw.normal([70, 2011]))
    const w = new Variable(draw.normal([2011, 16]))
    for (const width of [4, 8, 12, 16]) {
      const rows = draw.integers([67], { high: 70 }).sub(5)
      const f = (picks: Tensor, y: Tensor): Tensor[] => {
        const part = x.take(picks)
        return [
          part.matmul(w.slice(null, [0, width]).add(0)),
          part.transpose().matmul(y),
          x.matmul(w),
          x
            .mul(2)
            .transpose()
            .matmul(x.slice(null, [0, 4]).add(1)),
        ]
      }
      const g = compile(f)
      const y = draw.normal([67, width])
      g(rows, y).forEach((got, i) => expect(apart(got, f(rows, y)[i])).toBeLessThan(2e-6))
      expect(g.explain().match(/narrowMatmul/g)).toHaveLength(4)
      expect(g.explain()).not.toContain('gather')
    }
    const step = compile((picks: Tensor) => void w.assign(w.add(x.take(picks).matmul(w).sum())))
    const before = w.toTypedArray()
    for (const wrong of [70, -71]) {
      const picks = new Int32Array(70)
      picks[69] = wrong
      expect(() => step(tensor(picks))).toThrow(IndexError)
    }
    expect(w.toTypedArray()).toEqual(before)
  })

  test.runIf(hasPrograms).each(['float32', 'float64'] as const)('small products, bit by bit: %s', (dtype) => {
    const draw = new random.Generator(5)
    const sizes = fc.integer({ min: 1, max: 21 })
    // Sums of more than 256 products are sums of several; a column is written as a row; some products are too small for float32.
    const depths = fc.oneof(sizes, fc.integer({ min: 250, max: 620 }))
    const widths = fc.oneof(sizes, fc.constant(1))
    fc.assert(
      fc.property(sizes, depths, widths, fc.boolean(), fc.boolean(), fc.boolean(), (m, k, n, left, right, exact) => {
        setDeterministic(exact)
        const scale = k % 2 === 0 ? 1 : 1e-23
        const matrix = (rows: number, columns: number, turned: boolean): Tensor =>
          draw.normal(turned ? [columns, rows] : [rows, columns], { dtype }).mul(scale)
        const [a, b] = [matrix(m, k, left), matrix(k, n, right)]
        const f = (x: Tensor, y: Tensor): Tensor => (left ? x.transpose() : x).matmul(right ? y.transpose() : y)
        expect(numbers(compile(f)(a, b))).toEqual(numbers(f(a, b)))
      }),
      runs(0.6),
    )
  })

  test('what an activation and its gradient share is computed once', () => {
    const f = (x: Tensor): Tensor[] => {
      const { value, grads } = valueAndGrad((y: Tensor) => y.matmul(y.transpose()).mul(0.1).silu().sum())(x)
      return [value, grads[0], x.exp(), x.exp().log1p()]
    }
    const g = compile(f)
    const x = new random.Generator(6).normal([9, 7])
    g(x).forEach((got, i) => expect(apart(got, f(x)[i])).toBeLessThan(2e-6))
    expect(g.explain().match(/exp\(/g)?.length).toBe(hasPrograms ? 2 : undefined)
  })

  test('no elements, one element, integers and truth values', () => {
    const f = (x: Tensor, n: Tensor): Tensor[] => [
      x.exp().sum(),
      x.add(1),
      n.mul(3).sub(n.floorDivide(2)),
      n.greater(2),
      n.cast('bool').cast('float32'),
    ]
    const g = compile(f)
    for (const [x, n] of [
      [zeros([0, 3]), tensor([], { dtype: 'int32' })],
      [tensor([[2]]), tensor([5], { dtype: 'int32' })],
      [tensor([[1, 2]]), tensor([-7, 2, 3], { dtype: 'int32' })],
    ] as const) {
      expect(g(x, n).map((y) => [y.dtype, y.toArray()])).toEqual(f(x, n).map((y) => [y.dtype, y.toArray()]))
    }
  })

  test('floats become integers as they do in JavaScript', () => {
    const x = tensor([0, -0, 1.9, -1.9, NaN, Infinity, -Infinity, 2 ** 31, -(2 ** 31) - 300, 2 ** 40 + 2 ** 20, 3 ** 45, 1e-40])
    expect(numbers(compile((a: Tensor) => a.cast('int32'))(x))).toEqual(Array.from(x.toTypedArray(), (value) => value | 0))
  })

  test('inputs in any layout; results in any structure', () => {
    const f = compile(({ x, list }: { x: Tensor; list: readonly Tensor[] }) => ({
      sum: x.add(list[0]),
      turned: x.transpose(),
      same: x,
      n: 3,
    }))
    const x = tensor([[1, 2, 3], [4, 5, 6]]) // prettier-ignore
    const y = f({ x: x.flip(1), list: [x.slice([0, 1]).broadcastTo([2, 3])] })
    expect(y.sum.toArray()).toEqual([[4, 4, 4], [7, 7, 7]]) // prettier-ignore
    expect(y.turned.toArray()).toEqual([[3, 6], [2, 5], [1, 4]]) // prettier-ignore
    expect([y.same.toArray(), y.n]).toEqual([[[3, 2, 1], [6, 5, 4]], 3]) // prettier-ignore
  })

  test('inside of compiled functions, of vmap, and under a tape', () => {
    const f = compile((x: Tensor) => x.square().sum())
    expect(compile((x: Tensor) => f(x).add(1))(tensor([1, 2])).item()).toBe(6)
    expect(vmap(f)(tensor([[1, 2], [3, 4]])).toArray()).toEqual([5, 25]) // prettier-ignore
    const [tape, x] = [new GradientTape(), new Variable(tensor([1, 2]))]
    expect(tape.gradient(tape.run(() => f(x.value)), [x])[0]!.toArray()).toEqual([2, 4]) // prettier-ignore
  })
})

describe('variables', () => {
  test('are changed in place; who took their value before keeps it', () => {
    const w = new Variable(tensor([1, 2, 3]))
    const step = compile(() => void w.assign(w.mul(2)))
    step()
    const before = w.value
    const view = w.slice([1, 3])
    step()
    expect([before.toArray(), view.toArray(), w.toArray()]).toEqual([[2, 4, 6], [4, 6], [4, 8, 12]]) // prettier-ignore
    w.assign(tensor([1, 1, 1]))
    step()
    expect([w.toArray(), before.toArray()]).toEqual([[2, 2, 2], [2, 4, 6]]) // prettier-ignore
  })

  test('can change places, take views of others, and be read after they are replaced', () => {
    const [a, b, c] = [new Variable(tensor([1, 2])), new Variable(tensor([3, 4])), new Variable(tensor([0, 0]))]
    const step = compile(() => {
      const old = a.value
      a.assign(b.value)
      b.assign(old.flip(0))
      c.assign(a.add(b))
      return a.mul(10)
    })
    expect(step().toArray()).toEqual([30, 40])
    expect([a.toArray(), b.toArray(), c.toArray()]).toEqual([[3, 4], [2, 1], [5, 5]]) // prettier-ignore
    step()
    expect([a.toArray(), b.toArray(), c.toArray()]).toEqual([[2, 1], [4, 3], [6, 4]]) // prettier-ignore
  })

  test('are the source of others as they are at every run, and results that were read before a change stay', () => {
    const [online, target] = [new Variable(tensor([1, 2, 3])), new Variable(tensor([0, 0, 0]))]
    const copy = compile(() => void target.assign(online))
    for (const value of [1, 5, 7]) {
      online.assign(tensor([value, 2, 3]))
      copy()
      expect(target.toArray()).toEqual([value, 2, 3])
    }
    const step = compile(() => {
      const [old, reversed, part] = [online.value, online.flip(0), online.slice([1, 2])]
      online.assign(online.mul(2))
      return [old, reversed, part, online.value, online.flip(0)]
    })
    const lists = (): unknown[] => step().map((x) => x.toArray())
    expect(lists()).toEqual([[7, 2, 3], [3, 2, 7], [2], [14, 4, 6], [6, 4, 14]]) // prettier-ignore
    expect(lists()).toEqual([[14, 4, 6], [6, 4, 14], [4], [28, 8, 12], [12, 8, 28]]) // prettier-ignore
    expect(online.toArray()).toEqual([28, 8, 12])
  })

  test('random programs that read, change and return them, bit by bit', () => {
    setDeterministic(true)
    const views: readonly ((x: Tensor, y: Tensor) => Tensor)[] = [
      (x) => x,
      (x) => x.flip(0),
      (x) => x.transpose(),
      (x) => x.add(0),
      (x) => x.slice([0, 1]).broadcastTo([3, 3]),
      (x, y) => x.transpose().sub(y),
      (x, y) => x.matmul(y).tanh(),
      (x) => x.reshape([9]).flip(0).reshape([3, 3]),
    ]
    const step = fc.record({
      use: fc.constantFrom('assign', 'keep', 'return'),
      view: fc.nat(views.length - 1),
      x: fc.nat(6),
      y: fc.nat(6),
      variable: fc.nat(2),
    })
    const start = (): Variable[] => [0, 1, 2].map((k) => new Variable(tensor(Float32Array.from({ length: 9 }, (_, i) => i / 8 + k), { shape: [3, 3] }))) // prettier-ignore
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 7 }), (steps) => {
        const run = (variables: readonly Variable[], input: Tensor): Tensor[] => {
          const made: Tensor[] = [...variables, input]
          const returned: Tensor[] = []
          for (const { use, view, x, y, variable } of steps) {
            const value = views[view](made[x % made.length], made[y % made.length])
            if (use === 'assign') variables[variable].assign(value)
            else (use === 'keep' ? made : returned).push(value.add(0), value.value)
          }
          return [...returned, variables[0].value]
        }
        const [eager, compiled] = [start(), start()]
        const f = compile((x: Tensor) => run(compiled, x))
        const input = tensor([[1, 2, 3], [-1, 0, 1], [5, 4, 3]], { dtype: 'float32' }).mul(-0.2) // prettier-ignore
        for (let times = 0; times < 3; times++) {
          const [wanted, got] = [run(eager, input), f(input)]
          expect([...got, ...compiled].map(numbers)).toEqual([...wanted, ...eager].map(numbers))
        }
      }),
      runs(0.6),
    )
  })

  test('are shared by programs', () => {
    const w = new Variable(tensor([1]))
    const [add, twice, read] = [
      compile(() => void w.assign(w.add(1))),
      compile(() => void w.assign(w.mul(2))),
      compile(() => w.add(0)),
    ]
    for (const step of [add, twice, add]) step()
    expect(read().item()).toBe(5)
  })

  test.runIf(hasPrograms)('may be made inside, if they begin with zeros', () => {
    let count: Variable | undefined
    const f = compile(() => {
      count ??= new Variable(zeros([2]))
      count.assign(count.add(1))
    })
    f()
    f()
    expect(count!.toArray()).toEqual([2, 2])
    expect(() => compile((x: Tensor) => new Variable(x.add(1)))(tensor(1))).toThrow(TraceError)
  })

  test.runIf(hasPrograms)('a step makes no new buffers', async () => {
    const w = new Variable(random.normal([40, 40]))
    const step = compile((x: Tensor) => {
      const { grads } = valueAndGrad(() => x.matmul(w).tanh().mean(), [w])
      w.assign(w.sub(grads[0]))
    })
    const x = random.normal([8, 40])
    for (let i = 0; i < 10; i++) step(x)
    const before = memory()
    for (let i = 0; i < 1000; i++) step(x)
    expect(memory()).toEqual(before)
    expect(step.traces).toBe(1)
  })
})

describe('the host', () => {
  test('random numbers are those that the function itself draws', () => {
    const f = (): Tensor[] => [random.normal([3, 4]), random.bernoulli([5]), random.uniform([2], { dtype: 'float64' })]
    setSeed(5)
    const eager = [f(), f(), [random.uniform([3])]].flat().map((x) => x.toArray())
    setSeed(5)
    const g = compile(f)
    const compiled = [g(), g(), [random.uniform([3])]].flat()
    compiled.forEach((x, i) => expect(apart(x.cast('float64'), tensor(eager[i], { dtype: 'float64' }))).toBeLessThan(1e-6))
    setSeed(5)
    expect(g()[0].toArray()).toEqual(compiled[0].toArray())
  })

  test.runIf(hasPrograms)('numbers and effects are asked for before each run; a choice that changes is another trace', () => {
    let [steps, even] = [0, true]
    const f = compile((x: Tensor) => {
      const y = x.mul(hostNumber(() => steps))
      hostEffect(() => void steps++)
      return hostChoice(() => even) ? y : y.neg()
    })
    const got = [1, 2, 3].map(() => f(tensor(10)).item())
    even = false
    got.push(f(tensor(10)).item())
    even = true
    got.push(f(tensor(10)).item())
    expect(got).toEqual([0, 10, 20, -30, 40])
    expect([steps, f.traces]).toEqual([5, 2])
  })
})

describe.runIf(hasPrograms)('traces', () => {
  test('one for each signature; the text says why', () => {
    const f = compile((x: Tensor, name: string, n: number) => (name === 'twice' ? x.mul(2) : x.add(n)))
    const x = tensor([1, 2])
    expect(
      [f(x, 'twice', 0), f(x, 'add', 3), f(x, 'add', 3), f(tensor([1]), 'add', 3), f(x, 'twice', 0)].map((y) => y.toArray()),
    ).toEqual(
      [[2, 4], [4, 5], [4, 5], [4], [2, 4]], // prettier-ignore
    )
    expect(f.traces).toBe(3)
    expect(f.explain()).toMatch(/float32\[1\].*\n.*traced for the arguments were \(float32\[2\], "add", 3\) before/)
    expect(f.explain()).toContain('(input0[2] * 2)')
  })

  test('a number as a tensor is an input', () => {
    const f = compile((x: Tensor, rate: Tensor) => x.mul(rate))
    expect([1, 2, 3].map((rate) => f(tensor([2]), scalar(rate)).item())).toEqual([2, 4, 6])
    expect(f.traces).toBe(1)
  })

  test('kernels are timed, and variables are what they were', () => {
    const w = new Variable(tensor([1, 2]))
    const f = compile((x: Tensor) => {
      w.assign(w.add(x.cumsum()))
      return w.matmul(x)
    })
    f(tensor([1, 1]))
    const lines = f.explain({ times: true }).split('\n')
    expect(lines.filter((line) => /^ +\d+ +\d+\.\d µs {2}\w/.test(line)).length).toBe(Number(/(\d+) kernels/.exec(lines[0])![1]))
    expect([w.toArray(), f(tensor([1, 0])).item()]).toEqual([[2, 4], 3])
  })

  test("relu's gradient is taken of what was pooled, bit by bit", () => {
    const windows = fc.record({ poolSize: fc.integer({ min: 1, max: 3 }), strides: fc.integer({ min: 1, max: 3 }) })
    const elements = fc.array(fc.constantFrom(-2, -1, -0, 0, 1, 1, 2, NaN), { minLength: 2 * 7 * 5, maxLength: 2 * 7 * 5 })
    fc.assert(
      fc.property(
        windows,
        elements,
        fc.constantFrom('valid' as const, 'same' as const),
        ({ poolSize, strides }, data, padding) => {
          const f = (x: Tensor): readonly Tensor[] =>
            valueAndGrad((a: Tensor) => a.relu().maxPool(poolSize, { strides, padding }).sin().sum())(x).grads
          const g = compile(f)
          const x = tensor(data).reshape([2, 7, 5])
          expect(numbers(g(x)[0])).toEqual(numbers(f(x)[0]))
          // The mask is as long as what was pooled.
          const [, length] = x.maxPool(poolSize, { strides, padding }).shape
          expect(g.explain()).toContain(`loop [2, ${length}, 5] float32: r0 = `)
        },
      ),
      { numRuns: 40 },
    )
  })

  test('elementwise ops become one loop', () => {
    const f = compile((x: Tensor) => x.add(1).mul(2).tanh().sub(x).square())
    f(tensor([1, 2]))
    expect(f.explain()).toMatch(/: 1 kernels from 5 nodes/)
  })
})

describe.runIf(hasPrograms)('errors', () => {
  test('numbers cannot be read; the variables are as they were', () => {
    const w = new Variable(tensor([1]))
    const f = compile((x: Tensor) => {
      w.assign(w.add(1))
      return x.sum().item()
    })
    expect(() => f(tensor([1, 2]))).toThrow(/the numbers of a tensor \[\] are read, which a compiled function cannot do/)
    expect([w.toArray(), f.traces]).toEqual([[1], 0])
    let caught: unknown
    try {
      f(tensor([1]))
    } catch (error) {
      caught = error
    }
    expect(isTraceError(caught)).toBe(true)
  })

  test('an index outside its axis, and none after it', () => {
    const f = compile((x: Tensor, i: Tensor) => x.take(i).sum())
    const x = tensor([1, 2, 3])
    const at = (...list: number[]): Tensor => tensor(list, { dtype: 'int32' })
    expect(() => f(x, at(0, 3))).toThrow(IndexError)
    expect(() => f(x, at(-4, 0))).toThrow(/index -1 is outside an axis of length 3/)
    expect([f(x, at(0, 2)).item(), f(x, at(-1, -3)).item()]).toEqual([4, 4])
  })

  test('shapes that do not fit are told as ever', () => {
    expect(() => compile((a: Tensor, b: Tensor) => a.matmul(b))(zeros([2, 3]), zeros([2, 3]))).toThrow(
      /inner sizes 3 and 2 differ/,
    )
  })
})
