/** Operands that stay in memory for the next product: what is read there is never older than what lies on the host. */
import {
  compile,
  fromNdarray,
  setBackend,
  setThreads,
  type Tensor,
  tensor,
  UpdateGroup,
  updateKernel,
  Variable,
  zeros,
} from '@typegrad/tensor'
import fc from 'fast-check'
import ndarray, { type NdArray } from 'ndarray'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { limits as gemmLimits } from '../../../packages/tensor/src/backends/wasm/gemm/index.ts'
import { limits } from '../../../packages/tensor/src/backends/wasm/limits.ts'
import { runtime as started } from '../../../packages/tensor/src/backends/wasm/start.ts'

const runtime = started!
const { copies, parallel } = { ...limits, ...gemmLimits }
/** Bytes of copies: many matrices. */
const most = 10_000
beforeEach(() => {
  setBackend('wasm')
  limits.copies = { from: 0, bytes: most, count: 12 }
})
afterEach(() => {
  vi.restoreAllMocks()
  limits.copies = copies
  gemmLimits.parallel = parallel
  runtime.growAlways = false
  setThreads()
})

/** Side of the matrices: their sums of products are exact. */
const side = 12
const shape = [side, side]

const random = (seed: number): Float32Array =>
  Float32Array.from({ length: side * side }, (_, i) => (((seed + 1) * (i + 7) * 2654435761) % 5) - 2)

/** The product as the elements say that lie on the host now. */
function naive(a: Tensor, b: Tensor): number[] {
  const [x, y] = [a.toTypedArray(), b.toTypedArray()]
  const [m, k] = a.shape
  const n = b.shape[1]
  return Array.from({ length: m * n }, (_, at) => {
    let sum = 0
    for (let i = 0; i < k; i++) sum += x[Math.floor(at / n) * k + i] * y[i * n + (at % n)]
    return sum
  })
}

const views: readonly ((x: Tensor) => Tensor)[] = [
  (x) => x,
  (x) => x.transpose(),
  (x) => x.flip(0),
  (x) => x.flip([0, 1]).transpose(),
]

/** What sequences of commands work on. */
class World {
  readonly matrices: Tensor[] = [0, 1, 2].map((seed) => tensor(random(seed), { shape }))
  readonly variables = [3, 4].map((seed) => new Variable(tensor(random(seed), { shape })))
  /** Arrays in the hands of somebody else, who may write into them at any time. */
  readonly arrays: NdArray[] = []
  /** What has been computed, and should have been. */
  readonly products: [Tensor, number[]][] = []
  readonly group = new UpdateGroup(updateKernel(['w', 'm'], ['g'], { m: 'g - m', w: 'w + m' }), [
    { w: this.variables[0], m: this.variables[1] },
  ])
  readonly step = compile((x: Tensor) => {
    for (const variable of this.variables) variable.assign(variable.neg().add(x))
  })

  operand(i: number): Tensor {
    const all = [...this.matrices, ...this.variables]
    return all[i % all.length]
  }
}

type Command = (world: World) => unknown

/** A kind of command: how often it comes, what is drawn for it, and what it does with that. */
const kind = <T>(weight: number, drawn: fc.Arbitrary<T>, run: (world: World, drawn: T) => unknown) => ({
  weight,
  arbitrary: drawn.map(
    (value): Command =>
      (world) =>
        run(world, value),
  ),
})

const [any, matrix, variable] = [fc.nat(29), fc.nat(2), fc.nat(1)]
const place = fc.tuple(fc.nat(side - 1), fc.nat(side - 1))

const command = fc.oneof(
  kind(8, fc.tuple(any, any, fc.nat(3), fc.nat(3), fc.integer({ min: 1, max: side })), (world, [i, j, u, v, rows]) => {
    const [a, b] = [views[u](world.operand(i)).slice([0, rows]), views[v](world.operand(j))]
    world.products.push([a.matmul(b), naive(a, b)])
  }),
  kind(3, fc.tuple(any, any), (world, [i, j]) => {
    const [a, b] = [world.operand(i), world.operand(j)]
    const y = a.reshape([1, side, side]).conv(b.reshape([1, side, side]))
    world.products.push([y, naive(a, b)])
  }),
  kind(1, fc.tuple(any, any, matrix), (world, [i, j, to]) => {
    world.matrices[to] = world.operand(i).matmul(world.operand(j)).mod(5)
  }),
  // Others write into what they hold of ours, we hold what is theirs, and what we have copied of theirs is not what they hold.
  kind(1, matrix, ({ arrays, matrices }, i) => arrays.push(matrices[i].ndarray)),
  kind(1, fc.tuple(matrix, any), ({ arrays, matrices }, [i, seed]) => {
    const array = ndarray(random(seed), shape)
    arrays.push(array)
    matrices[i] = fromNdarray(array)
  }),
  kind(1, fc.tuple(matrix, any), ({ arrays, matrices }, [i, seed]) => {
    const elements = random(seed)
    arrays.push(ndarray(elements, shape))
    matrices[i] = tensor(elements, { shape })
  }),
  kind(6, fc.tuple(any, place, fc.integer({ min: -2, max: 2 })), ({ arrays }, [i, at, value]) => {
    if (arrays.length > 0) arrays[i % arrays.length].set(...at, value)
  }),
  kind(1, fc.tuple(variable, matrix), ({ variables, matrices }, [i, j]) => variables[i].assign(matrices[j])),
  kind(1, fc.tuple(variable, matrix), ({ variables, matrices }, [i, j]) => {
    matrices[j] = variables[i].value
    variables[i].assign(variables[i].mod(3))
  }),
  // These two write in place.
  kind(1, matrix, ({ group, matrices }, i) => group.run([{ g: matrices[i] }], {})),
  kind(1, matrix, ({ step, matrices }, i) => step(matrices[i])),
  kind(1, fc.constantFrom(1e6, 0), (_, flops) => (gemmLimits.parallel = flops)),
  kind(1, fc.boolean(), (_, always) => (runtime.growAlways = always)),
  kind(1, fc.constantFrom(1, 2), (_, count) => setThreads(count)),
  kind(1, fc.constantFrom(700, 1500, most), (_, bytes) => (limits.copies = { from: 0, bytes, count: 12 })),
  kind(1, fc.constantFrom(runtime, runtime.local), (_, { copies }) => copies.drop()),
)

test('whoever writes whatever in between, products are those of what lies on the host', () => {
  fc.assert(
    fc.property(fc.array(command, { minLength: 20, maxLength: 80 }), (commands) => {
      const world = new World()
      for (const run of commands) {
        run(world)
        for (const [y, wanted] of world.products.splice(0)) expect(Array.from(y.toTypedArray())).toEqual(wanted)
      }
      for (const { copies } of [runtime, runtime.local]) {
        expect(copies.state.count).toBeLessThanOrEqual(12)
        expect(copies.state.bytes).toBeLessThanOrEqual(most)
      }
    }),
    { numRuns: 80 },
  )
})

test('an operand is copied once for the products of a step; an array that somebody else may write, every time', () => {
  const add = vi.spyOn(runtime.local.copies, 'add')
  limits.copies = copies
  const [x, w, dy] = [70, 71, 72].map((n) => zeros([n, 70]))
  const taken = (): (number | undefined)[] => add.mock.results.splice(0).map(({ value }) => value as number | undefined)
  const step = (): void => {
    w.matmul(x.transpose())
    dy.matmul(x.transpose())
    dy.matmul(w.transpose())
  }
  step()
  expect(taken()).toEqual([expect.any(Number), expect.any(Number), expect.any(Number)])
  step()
  expect(taken()).toEqual([])
  void x.ndarray
  step()
  expect(taken()).toEqual([undefined, undefined])
})
