/**
 * Views: every sequence of them equals the same sequence on an array that copies everything, and no element is copied
 * where strides can say it.
 */
import { fromNdarray, tensor, Variable, type SliceArgument, type Tensor } from '@typegrad/tensor'
import fc, { type Command } from 'fast-check'
import ndarray from 'ndarray'
import { describe, expect, test } from 'vitest'
import { allDTypes, anyArray, build, dtype, floatDType, naiveOf } from './arrays.ts'
import { indices, Naive, product } from './naive.ts'
import { runs } from './properties.ts'

/** The naive array, and an array of the same shape that says where in its buffer every element lies. */
interface Model {
  x: Naive
  at: Naive
}
interface Real {
  t: Tensor
}

/** A view as the naive array makes it: the element of x at every index of the result. */
type Move = (x: Naive) => Naive

const positionsOf = ({ layout }: Tensor): Naive =>
  Naive.from(layout.shape, (index) => index.reduce((at, i, axis) => at + i * layout.strides[axis], layout.offset))

/** Whether positions are a sum of a start and a stride times each index: what strides can say. */
function isStrided({ shape, values }: Naive): boolean {
  if (values.length === 0) return true
  const at = new Naive(shape, values)
  const zero = shape.map(() => 0)
  const start = at.at(zero)
  const strides = shape.map((length, axis) => (length > 1 ? at.at(zero.with(axis, 1)) - start : 0))
  return indices(shape).every((index, i) => values[i] === index.reduce((sum, n, axis) => sum + n * strides[axis], start))
}

/** A view of an array of a shape: as a method, and on the naive array; `undefined` where it cannot be taken. */
type Plan = (shape: readonly number[]) => { text: string; call: (t: Tensor) => Tensor; move: Move } | undefined

/** Compares a view with the model, and returns where its elements lie now: where they lay, unless strides cannot say it. */
function expectView(text: string, { x, at }: Model, before: Tensor, after: Tensor): Naive {
  expect(after.shape).toEqual(x.shape)
  expect(Array.from(after.toTypedArray())).toEqual(x.values)
  const positions = positionsOf(after)
  if (!isStrided(at)) return positions
  expect({ text, shared: after.buffer === before.buffer }).toEqual({ text, shared: true })
  expect(positions).toEqual(at)
  return at
}

class View implements Command<Model, Real> {
  readonly #plan: Plan
  #shown = 'not taken'

  constructor(plan: Plan) {
    this.#plan = plan
  }

  check({ x }: Readonly<Model>): boolean {
    return this.#plan(x.shape) !== undefined
  }

  run(model: Model, real: Real): void {
    const { text, call, move } = this.#plan(model.x.shape)!
    this.#shown = text
    const before = real.t
    real.t = call(before)
    model.x = move(model.x)
    model.at = move(model.at)
    model.at = expectView(text, model, before, real.t)
  }

  toString(): string {
    return this.#shown
  }
}

const reshape =
  (cuts: readonly number[], hole: number): Plan =>
  (shape) => {
    let rest = product(shape)
    const target: number[] = []
    for (const cut of cuts) {
      const divisors = Array.from({ length: rest }, (_, i) => i + 1).filter((d) => rest % d === 0)
      const length = rest === 0 ? cut % 3 : divisors[cut % divisors.length]
      target.push(length)
      rest = rest === 0 ? 0 : rest / length
    }
    if (product(shape) === 0 ? !target.includes(0) : rest > 1 || target.length === 0) target.push(rest)
    if (product(target) !== product(shape)) return undefined
    const asked = product(shape) > 0 && target.length > 0 ? target.with(hole % target.length, -1) : target
    return { text: `reshape([${asked.join()}])`, call: (t) => t.reshape(asked), move: (x) => new Naive(target, x.values) }
  }

const permute =
  (keys: readonly number[], kind: 'transpose' | 'reverse' | 'swapaxes' | 'moveaxis'): Plan =>
  (shape) => {
    const rank = shape.length
    const axes = [...shape.keys()]
    if (rank === 0 && kind !== 'reverse') return undefined
    const [i, j] = keys.map((key) => key % rank)
    const signed = keys[2] % 2 === 0 ? j : j - rank
    const orders = {
      transpose: () => axes.toSorted((a, b) => keys[a] - keys[b] || a - b),
      reverse: () => axes.toReversed(),
      swapaxes: () => axes.map((axis) => (axis === i ? j : axis === j ? i : axis)),
      moveaxis: () => axes.toSpliced(i, 1).toSpliced(j, 0, i),
    }
    const order = orders[kind]()
    return {
      text: `${kind} [${order.join()}]`,
      call: (t) => (kind === 'transpose' ? t.transpose(order) : kind === 'reverse' ? t.transpose() : t[kind](i, signed)),
      move: (x) =>
        Naive.from(
          order.map((axis) => shape[axis]),
          (index) => x.at(axes.map((axis) => index[order.indexOf(axis)])),
        ),
    }
  }

/** Python's `range(length)[start:stop:step]`. */
function sliced(length: number, [start, stop, step]: readonly (number | null | undefined)[]): number[] {
  const by = step ?? 1
  const clamp = (i: number): number => (by > 0 ? Math.max(0, Math.min(length, i)) : Math.max(-1, Math.min(length - 1, i)))
  const bound = (i: number | null | undefined, other: number): number =>
    i === null || i === undefined ? other : clamp(i < 0 ? i + length : i)
  const picked: number[] = []
  const end = bound(stop, by > 0 ? length : -1)
  for (let i = bound(start, by > 0 ? 0 : length - 1); by > 0 ? i < end : i > end; i += by) picked.push(i)
  return picked
}

const slice =
  (arguments_: readonly SliceArgument[]): Plan =>
  (shape) => {
    const ranges = arguments_.slice(0, shape.length)
    const isPosition = (axis: number): boolean => typeof ranges[axis] === 'number'
    const picked = shape.map((length, axis) => {
      const range = ranges[axis] ?? []
      if (typeof range !== 'number') return sliced(length, range)
      return range >= -length && range < length ? [(range + length) % length] : undefined
    })
    if (!picked.every((positions) => positions !== undefined)) return undefined
    const kept = [...shape.keys()].filter((axis) => !isPosition(axis))
    return {
      text: `slice(${JSON.stringify(ranges)})`,
      call: (t) => t.slice(...ranges),
      move: (x) =>
        Naive.from(
          kept.map((axis) => picked[axis].length),
          (index) => x.at(picked.map((positions, axis) => positions[isPosition(axis) ? 0 : index[kept.indexOf(axis)]])),
        ),
    }
  }

const flip =
  (bits: number): Plan =>
  (shape) => {
    const axes = [...shape.keys()].filter((axis) => (bits >> axis) & 1)
    return {
      text: `flip([${axes.join()}])`,
      call: (t) => t.flip(axes.map((axis) => (bits % 2 ? axis - shape.length : axis))),
      move: (x) => Naive.from(shape, (index) => x.at(index.map((i, axis) => (axes.includes(axis) ? shape[axis] - 1 - i : i)))),
    }
  }

const broadcastTo =
  (lead: readonly number[], stretch: number): Plan =>
  (shape) => {
    const target = [...lead, ...shape.map((length) => (length === 1 ? stretch : length))]
    if (product(target) > 300 || target.length > 7) return undefined
    return {
      text: `broadcastTo([${target.join()}])`,
      call: (t) => t.broadcastTo(target),
      move: (x) => Naive.from(target, (index) => x.broadcastAt(index)),
    }
  }

const squeeze =
  (bits: number): Plan =>
  (shape) => {
    const axes = [...shape.keys()].filter((axis) => shape[axis] === 1 && (bits === 0 || (bits >> axis) & 1))
    const target = shape.filter((_, axis) => !axes.includes(axis))
    return {
      text: `squeeze([${axes.join()}])`,
      call: (t) => (bits === 0 ? t.squeeze() : t.squeeze(axes)),
      move: (x) => new Naive(target, x.values),
    }
  }

const expandDims =
  (key: number): Plan =>
  (shape) => {
    if (shape.length > 6) return undefined
    const axis = (key % (2 * shape.length + 2)) - shape.length - 1
    const target = shape.toSpliced((axis + shape.length + 1) % (shape.length + 1), 0, 1)
    return { text: `expandDims(${axis})`, call: (t) => t.expandDims(axis), move: (x) => new Naive(target, x.values) }
  }

const sliceArgument: fc.Arbitrary<SliceArgument> = fc.oneof(
  fc.constant(null),
  fc.integer({ min: -3, max: 2 }),
  fc.tuple(
    fc.option(fc.integer({ min: -6, max: 6 })),
    fc.option(fc.integer({ min: -6, max: 6 })),
    fc.option(fc.constantFrom(1, 2, 3, -1, -2, -3)),
  ),
)
const small = fc.nat({ max: 50 })
const orderKeys = fc.array(small, { minLength: 8, maxLength: 8 })
const kinds = fc.constantFrom('transpose', 'reverse', 'swapaxes', 'moveaxis')
const lead = fc.array(fc.integer({ min: 1, max: 3 }), { maxLength: 2 })

const plans: readonly fc.Arbitrary<Plan>[] = [
  fc.tuple(fc.array(small, { maxLength: 4 }), small).map((args) => reshape(...args)),
  fc.tuple(orderKeys, kinds).map((args) => permute(...args)),
  fc.array(sliceArgument, { maxLength: 4 }).map(slice),
  fc.nat({ max: 127 }).map(flip),
  fc.tuple(lead, fc.nat({ max: 3 })).map((args) => broadcastTo(...args)),
  fc.nat({ max: 127 }).map(squeeze),
  small.map(expandDims),
]
const viewCommands = fc.commands<Model, Real>(
  plans.map((plan) => plan.map((f) => new View(f))),
  { maxCommands: 50, size: '+1' },
)

test('every sequence of views equals the same sequence of copies, and copies only what strides cannot say', () => {
  fc.assert(
    fc.property(anyArray(fc.integer({ min: -99, max: 99 })), floatDType, viewCommands, (array, type, commands) => {
      fc.modelRun(() => {
        const t = build(array, type)
        return { model: { x: naiveOf(array, type), at: positionsOf(t) }, real: { t } }
      }, commands)
    }),
    runs(10),
  )
})

describe('reshape', () => {
  test.each<[string, (t: Tensor) => Tensor, number[], boolean]>([
    ['a contiguous array is a view', (t) => t, [4, 3], true],
    ['a transpose needs a copy', (t) => t.transpose(), [12], false],
    ['a reversed axis that keeps its length is a view', (t) => t.flip(1), [3, 2, 2], true],
    ['rows with gaps that stay rows are a view', (t) => t.slice(null, [0, 2]), [3, 1, 2], true],
    ['rows with gaps that are joined need a copy', (t) => t.slice(null, [0, 2]), [6], false],
    ['a broadcast number is a view', (t) => t.slice(0, 0).broadcastTo([2, 6]), [3, 4], true],
  ])('%s', (_, view, shape, shared) => {
    const t = tensor(Float32Array.from({ length: 12 }, (__, i) => i)).reshape([3, 4])
    expect(view(t).reshape(shape).buffer === t.buffer).toBe(shared)
  })
})

describe('nested arrays', () => {
  test('toArray gives what tensor takes', () => {
    fc.assert(
      fc.property(anyArray(fc.integer({ min: 0, max: 99 })), dtype, (array, type) => {
        const t = build(array, type)
        const again = tensor(t.toArray(), { dtype: type, shape: t.shape })
        expect(again.dtype).toBe(type)
        expect(again.toTypedArray()).toEqual(t.toTypedArray())
      }),
    )
  })

  test('toArray nests by shape; a scalar is a number, bool is true and false', () => {
    expect(tensor([[[1], [2]]]).toArray()).toEqual([[[1], [2]]])
    expect(tensor(5).toArray()).toBe(5)
    expect(tensor([true, false]).toArray()).toEqual([true, false])
    expect(tensor([[], []]).shape).toEqual([2, 0])
    expect(tensor([[], []]).toArray()).toEqual([[], []])
  })

  test('item() is the only element', () => {
    expect(tensor([[7]]).item()).toBe(7)
    expect(tensor([1, 2, 3]).slice(1).item()).toBe(2)
  })

  test('toTypedArray and data give copies of the array type of the dtype', async () => {
    const types = { float32: Float32Array, float64: Float64Array, int32: Int32Array, uint8: Uint8Array, bool: Uint8Array }
    for (const type of allDTypes) {
      const t = tensor([1, 0], { dtype: type })
      expect(t.toTypedArray()).toBeInstanceOf(types[type])
      const copy = await t.data()
      copy[0] = 5
      expect(t.toTypedArray()[0]).toBe(1)
    }
  })
})

describe('ndarray', () => {
  test('tensor.ndarray and fromNdarray share the memory, strides and offset', () => {
    fc.assert(
      fc.property(
        anyArray(fc.integer({ min: 0, max: 99 })),
        fc.constantFrom('float32', 'float64', 'int32', 'uint8'),
        (array, type) => {
          const t = build(array, type)
          const view = t.ndarray
          expect(view.data).toBe(t.buffer.array)
          indices(t.shape).forEach((index, i) => expect(view.get(...index)).toBe(t.toTypedArray()[i]))
          const again = fromNdarray(view)
          expect(again.buffer.array).toBe(t.buffer.array)
          expect([again.shape, again.layout.strides, again.layout.offset, again.dtype]).toEqual([
            t.shape,
            t.layout.strides,
            t.layout.offset,
            type,
          ])
        },
      ),
    )
  })

  test('views of an ndarray are read as they are', () => {
    const array = ndarray(
      Float64Array.from({ length: 12 }, (_, i) => i),
      [3, 4],
    )
    expect(fromNdarray(array.transpose(1, 0)).toArray()).toEqual([[0, 4, 8], [1, 5, 9], [2, 6, 10], [3, 7, 11]]) // prettier-ignore
    expect(fromNdarray(array.step(-1, 2)).toArray()).toEqual([[8, 10], [4, 6], [0, 2]]) // prettier-ignore
    expect(fromNdarray(array.lo(1, 1).hi(2, 2)).toArray()).toEqual([[5, 6], [9, 10]]) // prettier-ignore
    expect(fromNdarray(array.pick(1, null)).toArray()).toEqual([4, 5, 6, 7])
  })

  test('what is written into the ndarray is in the tensor', () => {
    const t = tensor([[1, 2], [3, 4]]).transpose() // prettier-ignore
    t.ndarray.set(0, 1, 9)
    expect(t.toArray()).toEqual([[1, 9], [2, 4]]) // prettier-ignore
  })
})

describe('a copy of many columns', () => {
  test.each([
    { shape: [67, 131], axes: [1, 0], sign: 1 },
    { shape: [3, 70, 66], axes: [0, 2, 1], sign: -1 },
  ])('has every element: $shape turned to $axes', ({ shape, axes, sign }) => {
    const x = tensor(
      Int32Array.from({ length: product(shape) }, (_, i) => i),
      { shape },
    )
    const view = sign < 0 ? x.transpose(axes).flip(-1) : x.transpose(axes)
    const at = (index: readonly number[]): number => {
      const last = index.length - 1
      const place = sign < 0 ? index.with(last, view.shape[last] - 1 - index[last]) : index
      return axes.reduce((sum, axis, i) => sum + place[i] * product(shape.slice(axis + 1)), 0)
    }
    const wanted = Naive.from(view.shape, at).values
    expect([...view.toTypedArray()]).toEqual(wanted)
    expect([...view.cast('float64').toTypedArray()]).toEqual(wanted)
  })
})

describe('a variable', () => {
  const views: Readonly<Record<string, (v: Variable) => Tensor>> = {
    'reshape to its own shape': (v) => v.reshape([2]),
    'flatten of one axis': (v) => v.flatten(),
    'squeeze of nothing': (v) => v.squeeze(),
    'broadcastTo its own shape': (v) => v.broadcastTo([2]),
    'cast to its own dtype': (v) => v.cast('float32'),
    tensor: (v) => tensor(v),
    transpose: (v) => v.transpose(),
    slice: (v) => v.slice([0, 2]),
    flip: (v) => v.flip().flip(),
    stopGradient: (v) => v.stopGradient(),
  }

  test.each(Object.entries(views))('%s keeps the value that the variable had', (_, view) => {
    const v = new Variable(tensor([1, 2]))
    const before = view(v)
    v.assign(tensor([8, 9]))
    expect(before.toArray()).toEqual([1, 2])
    expect(before).not.toBeInstanceOf(Variable)
    expect(view(v).toArray()).toEqual([8, 9])
  })
})
