import {
  Adafactor,
  Adadelta,
  Adagrad,
  Adam,
  Adamax,
  AdamW,
  CosineDecay,
  Ftrl,
  Lamb,
  Lion,
  Muon,
  Nadam,
  optimizers,
  RMSprop,
  SGD,
  type Optimizer,
} from '@typegrad/optim'
import { tensor, Variable, type Tensor } from '@typegrad/tensor'
import { describe, expect, test } from 'vitest'

/** A rate that falls to 0 in the steps of a run: what has steps of fixed length needs it to come to rest. */
const falling = (initialLearningRate: number, decaySteps: number) => new CosineDecay({ initialLearningRate, decaySteps })

/** Steps, and an optimizer, for the bowl and for the valley. */
interface Runs {
  readonly bowl: readonly [number, Optimizer<any>]
  readonly valley: readonly [number, Optimizer<any>]
}

const runs: Readonly<Record<keyof typeof optimizers, Runs>> = {
  SGD: {
    bowl: [200, new SGD({ learningRate: 0.1 })],
    valley: [3000, new SGD({ learningRate: 0.001, momentum: 0.9, nesterov: true })],
  },
  RMSprop: {
    bowl: [500, new RMSprop({ learningRate: falling(0.05, 500) })],
    valley: [4000, new RMSprop({ learningRate: falling(0.02, 4000) })],
  },
  Adam: { bowl: [500, new Adam({ learningRate: 0.05 })], valley: [3000, new Adam({ learningRate: 0.02 })] },
  AdamW: {
    bowl: [500, new AdamW({ learningRate: 0.05, weightDecay: 1e-4 })],
    valley: [3000, new AdamW({ learningRate: 0.02, weightDecay: 1e-6 })],
  },
  Adagrad: { bowl: [300, new Adagrad({ learningRate: 0.5 })], valley: [4000, new Adagrad({ learningRate: 0.5 })] },
  Adadelta: {
    bowl: [1000, new Adadelta({ learningRate: falling(1, 1000), rho: 0.9, epsilon: 1e-3 })],
    valley: [6000, new Adadelta({ learningRate: falling(1, 6000), rho: 0.99, epsilon: 1e-5 })],
  },
  Adamax: { bowl: [500, new Adamax({ learningRate: 0.05 })], valley: [5000, new Adamax({ learningRate: 0.02 })] },
  Adafactor: {
    bowl: [500, new Adafactor({ learningRate: falling(0.1, 500) })],
    valley: [4000, new Adafactor({ learningRate: falling(0.3, 4000) })],
  },
  Nadam: { bowl: [500, new Nadam({ learningRate: 0.05 })], valley: [4000, new Nadam({ learningRate: falling(0.02, 4000) })] },
  Ftrl: { bowl: [300, new Ftrl({ learningRate: 0.5 })], valley: [4000, new Ftrl({ learningRate: 0.5 })] },
  Lion: {
    bowl: [500, new Lion({ learningRate: falling(0.05, 500) })],
    valley: [3000, new Lion({ learningRate: falling(0.005, 3000) })],
  },
  Lamb: {
    bowl: [800, new Lamb({ learningRate: falling(0.1, 800) })],
    valley: [3000, new Lamb({ learningRate: falling(0.03, 3000) })],
  },
  Muon: {
    bowl: [300, new Muon({ learningRate: falling(0.2, 300), weightDecay: 0 })],
    valley: [1500, new Muon({ learningRate: falling(0.05, 1500), weightDecay: 0 })],
  },
}

/** Runs an optimizer on a matrix of two rows, from a start, with the gradient of (x, y). */
function descend(
  [steps, optimizer]: readonly [number, Optimizer],
  start: readonly [number, number],
  slope: (x: number, y: number) => [number, number],
) {
  const w = new Variable(tensor([[start[0]], [start[1]]]))
  for (let i = 0; i < steps; i++) {
    const [x, y] = w.toTypedArray()
    const [dx, dy] = slope(x, y)
    optimizer.apply([tensor([[dx], [dy]])], [w])
  }
  const [x, y] = w.toTypedArray()
  return { x, y }
}

describe.each(Object.entries(runs))('%s', (_, { bowl, valley }) => {
  test('finds the bottom of a bowl, (x - 3)² + 10 (y + 2)² / 4', () => {
    const { x, y } = descend(bowl, [-1, 1], (x, y) => [2 * (x - 3), 5 * (y + 2)])
    expect(Math.abs(x - 3)).toBeLessThan(0.02)
    expect(Math.abs(y + 2)).toBeLessThan(0.02)
  })

  test("finds the bottom of Rosenbrock's valley, (1 - x)² + 100 (y - x²)²", () => {
    const { x, y } = descend(valley, [-1.2, 1], (x, y) => [-2 * (1 - x) - 400 * x * (y - x * x), 200 * (y - x * x)])
    expect((1 - x) ** 2 + 100 * (y - x * x) ** 2).toBeLessThan(0.003)
    expect(Math.abs(x - 1)).toBeLessThan(0.06)
  })
})

test('every exported optimizer is tried', () => {
  expect(Object.keys(runs).toSorted()).toEqual(Object.keys(optimizers).toSorted())
})

test('Muon moves a matrix by nearly orthogonal steps, whatever its gradient', () => {
  const w = new Variable(
    tensor([
      [0, 0, 0],
      [0, 0, 0],
    ]),
  )
  const g: Tensor = tensor([
    [1000, 0, 3],
    [-1, 2, 0],
  ])
  new Muon({ learningRate: 1, rmsRate: null, nsSteps: 10 }).apply([g], [w])
  const [[a, b], [, d]] = w.matmul(w.transpose()).toArray() as number[][]
  expect(a).toBeGreaterThan(0.5)
  expect(a).toBeLessThan(1.5)
  expect(d).toBeGreaterThan(0.4)
  expect(d).toBeLessThan(1.5)
  expect(Math.abs(b)).toBeLessThan(0.1)
})
