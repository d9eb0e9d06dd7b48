/**
 * The array core against a model that copies everything: random sequences of views, computations, variables that change in place,
 * tensors that are let go, and gradients of what ran before a change. After every step all that is still held must be what it was.
 */
import { GradientTape } from '@typegrad/autograd'
import { concat, tensor, update, updateKernel, Variable, type Tensor } from '@typegrad/tensor'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { numbersFrom } from '../tensor/arrays.ts'
import { onEveryBackend } from '../tensor/backends.ts'
import { indices, Naive, product } from '../tensor/naive.ts'
import { runs } from '../tensor/properties.ts'

interface Model {
  tensors: Naive[]
  variables: Naive[]
}
interface Real {
  tensors: Tensor[]
  variables: Variable[]
}
type Pair = readonly [(x: Naive) => Naive, (x: Tensor) => Tensor]

const map = (f: (v: number) => number) => (x: Naive): Naive => x.map(f) // prettier-ignore
const at = (x: Naive, shape: readonly number[], f: (index: readonly number[]) => readonly number[]): Naive =>
  Naive.from(shape, (index) => x.at(f(index)))

/** The same step for both: of the model by copies, of the tensors by views where there are any. Products stay exact: they are by powers of two. */
const steps: Readonly<Record<string, Pair>> = {
  transpose: [(x) => at(x, x.shape.toReversed(), (i) => i.toReversed()), (x) => x.transpose()],
  flip: [(x) => at(x, x.shape, (i) => i.map((k, axis) => x.shape[axis] - 1 - k)), (x) => x.flip()],
  flatten: [(x) => new Naive([x.values.length], x.values), (x) => x.flatten()],
  'every second': [
    (x) => (x.shape.length === 0 ? x : at(x, [Math.ceil(x.shape[0] / 2), ...x.shape.slice(1)], ([i, ...rest]) => [2 * i, ...rest])),
    (x) => (x.rank === 0 ? x : x.slice([null, null, 2])),
  ],
  backwards: [
    (x) => (x.shape.length === 0 ? x : at(x, x.shape, ([i, ...rest]) => [x.shape[0] - 1 - i, ...rest])),
    (x) => (x.rank === 0 ? x : x.slice([null, null, -1])),
  ],
  stretch: [(x) => at(x, [2, ...x.shape], (i) => i.slice(1)), (x) => x.broadcastTo([2, ...x.shape])],
  'sum of the first axis': [
    (x) => (x.shape.length === 0 ? x : Naive.from(x.shape.slice(1), (i) => Array.from({ length: x.shape[0] }, (_, k) => x.at([k, ...i])).reduce((a, b) => a + b, 0))),
    (x) => (x.rank === 0 ? x : x.sum(0)),
  ],
  'sum of the last axis, kept': [
    (x) => (x.shape.length === 0 ? x : Naive.from([...x.shape.slice(0, -1), 1], (i) => Array.from({ length: x.shape.at(-1)! }, (_, k) => x.at([...i.slice(0, -1), k])).reduce((a, b) => a + b, 0))),
    (x) => (x.rank === 0 ? x : x.sum(-1, { keepdims: true })),
  ],
  half: [map((v) => v / 2), (x) => x.mul(0.5)],
  relu: [map((v) => (v > 0 ? v : 0)), (x) => x.relu()],
  'minus one': [map((v) => v - 1), (x) => x.sub(1)],
  twice: [(x) => new Naive([2 * x.values.length], [...x.values, ...x.values]), (x) => concat([x.flatten(), x.flatten()])],
  largest: [(x) => (x.values.length === 0 ? x : new Naive([], [Math.max(...x.values)])), (x) => (x.size === 0 ? x : x.max())],
} // prettier-ignore

const names = Object.keys(steps)
const largest = 200
const pick = <T>(items: readonly T[], k: number): T => items[k % items.length]
const dense = ({ shape, values }: Naive): Tensor => tensor(Float64Array.from(values), { shape })

function check(model: Model, real: Real): void {
  const got = [...real.tensors, ...real.variables.map(({ value }) => value)]
  const wanted = [...model.tensors, ...model.variables]
  expect(got.map((x) => [x.shape, Array.from(x.toTypedArray(), (v) => v + 0)])).toEqual(
    wanted.map((x) => [x.shape, x.values.map((v) => v + 0)]),
  )
}

abstract class Step implements fc.Command<Model, Real> {
  check(model: Readonly<Model>): boolean {
    return model.tensors.length > 0
  }
  run(model: Model, real: Real): void {
    this.apply(model, real)
    check(model, real)
  }
  abstract apply(model: Model, real: Real): void
}

const shapes = fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 3 })

class Create extends Step {
  readonly shape: readonly number[]
  readonly seed: number
  constructor(shape: readonly number[], seed: number) {
    super()
    this.shape = shape
    this.seed = seed
  }
  override check = (): boolean => true
  apply(model: Model, real: Real): void {
    const random = numbersFrom(this.seed)
    const x = Naive.from(this.shape, () => Math.round(random() * 20 - 10))
    model.tensors.push(x)
    real.tensors.push(dense(x))
  }
  override toString = (): string => `create [${this.shape.join()}]`
}

class Apply extends Step {
  readonly name: string
  readonly k: number
  constructor(name: string, k: number) {
    super()
    this.name = name
    this.k = k
  }
  apply(model: Model, real: Real): void {
    const [plain, op] = steps[this.name]
    const x = plain(pick(model.tensors, this.k))
    if (x.values.length > largest) return
    real.tensors.push(op(pick(real.tensors, this.k)))
    model.tensors.push(x)
  }
  override toString = (): string => `${this.name} of ${this.k}`
}

class Add extends Apply {
  override apply(model: Model, real: Real): void {
    const i = this.k % model.tensors.length
    const [a] = [model.tensors[i]]
    const j = model.tensors.findLastIndex(({ shape }) => shape.join() === a.shape.join())
    model.tensors.push(new Naive(a.shape, a.values.map((v, at) => v + model.tensors[j].values[at])))
    real.tensors.push(real.tensors[i].add(real.tensors[j]))
  }
} // prettier-ignore

class Hold extends Apply {
  override apply(model: Model, real: Real): void {
    model.variables.push(pick(model.tensors, this.k))
    real.variables.push(new Variable(pick(real.tensors, this.k)))
  }
}

/** Lets a tensor go, and what it shared memory with lives on. */
class Drop extends Apply {
  override apply(model: Model, real: Real): void {
    const i = this.k % model.tensors.length
    model.tensors.splice(i, 1)
    real.tensors.splice(i, 1)
  }
}

const rule = updateKernel(['w'], ['g'], { w: 'w * 0.5 - g' })

abstract class Change extends Apply {
  override check(model: Readonly<Model>): boolean {
    return model.variables.length > 0
  }
}

/** Replaces a variable by a view of itself or by its value backwards, which others may hold too. */
class Assign extends Change {
  override apply(model: Model, real: Real): void {
    const i = this.k % model.variables.length
    const [plain, op] = steps['flip']
    model.variables[i] = plain(model.variables[i])
    real.variables[i].assign(op(real.variables[i].value))
    real.tensors.push(real.variables[i].value)
    model.tensors.push(model.variables[i])
  }
}

/** Changes a variable by a kernel that also reads a view of it. */
class Update extends Change {
  override apply(model: Model, real: Real): void {
    const i = this.k % model.variables.length
    const [plain, op] = steps['flip']
    const g = plain(model.variables[i])
    const w = model.variables[i]
    model.variables[i] = new Naive(w.shape, w.values.map((v, at) => v * 0.5 - g.values[at]))
    update(rule, { w: real.variables[i] }, { g: op(real.variables[i].value) })
  }
} // prettier-ignore

/** Records a chain of steps on a variable, changes the variable, and then asks for the gradient: that of the old value. */
class Gradient extends Change {
  readonly chain: readonly string[]
  constructor(chain: readonly string[], k: number) {
    super('gradient', k)
    this.chain = chain
  }
  override apply(model: Model, real: Real): void {
    const i = this.k % model.variables.length
    const [w, variable] = [model.variables[i], real.variables[i]]
    const plain = (x: Naive): number => {
      const y = this.chain.reduce((t, name) => steps[name][0](t), x)
      return y.values.reduce((sum, v, at) => sum + v * (at + 1), 0)
    }
    const tape = new GradientTape()
    const y = tape.run(() => {
      const t = this.chain.reduce((x, name) => steps[name][1](x), variable as Tensor)
      return t.flatten().mul(tensor(Float64Array.from({ length: t.size }, (_, at) => at + 1))).sum()
    })
    new Update('update', i).apply(model, real)
    const dw = tape.gradient(y, variable)
    // Where the steps have a kink or a tie, both sides differ, and so any number between them is a gradient.
    const h = 2 ** -10
    indices(w.shape).forEach((_, at) => {
      const moved = (by: number): number => plain(new Naive(w.shape, w.values.map((v, k) => (k === at ? v + by : v))))
      const [left, right] = [(plain(w) - moved(-h)) / h, (moved(h) - plain(w)) / h]
      const slope = dw ? dw.toTypedArray()[at] : 0
      const slack = 1e-6 * (1 + Math.abs(left) + Math.abs(right))
      if (!(slope >= Math.min(left, right) - slack && slope <= Math.max(left, right) + slack))
        throw new Error(`element ${at}: the gradient is ${slope}, differences give ${left} and ${right}`)
    })
  } // prettier-ignore
  override toString = (): string => `gradient of ${this.chain.join(', ')}`
}

const which = fc.nat({ max: 99 })
const commands = [
  fc.tuple(shapes, fc.integer()).map(([shape, seed]) => new Create(shape, seed)),
  fc.tuple(fc.constantFrom(...names), which).map(([name, k]) => new Apply(name, k)),
  fc.tuple(fc.constantFrom(...names), which).map(([name, k]) => new Apply(name, k)),
  which.map((k) => new Add('add', k)),
  which.map((k) => new Hold('hold', k)),
  which.map((k) => new Drop('drop', k)),
  which.map((k) => new Assign('assign', k)),
  which.map((k) => new Update('update', k)),
  fc.tuple(fc.array(fc.constantFrom(...names), { maxLength: 4 }), which).map(([chain, k]) => new Gradient(chain, k)),
]

onEveryBackend(({ name, label = name }) => {
  test('random sequences of up to 50 steps', () => {
    let count = 0
    fc.assert(
      fc.property(fc.commands(commands, { maxCommands: 50, size: 'max' }), (sequence) => {
        fc.modelRun(() => ({ model: { tensors: [], variables: [] }, real: { tensors: [], variables: [] } }), sequence)
        count++
      }),
      runs(10),
    )
    console.info(`sequences: ${count} of up to 50 steps on ${label}`)
  }, 600_000)
})

test('the model is the obvious one', () => {
  expect(product([2, 3])).toBe(6)
  expect(steps['transpose'][0](new Naive([1, 2], [3, 4])).shape).toEqual([2, 1])
})
