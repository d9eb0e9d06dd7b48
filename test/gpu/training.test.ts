import {
  random,
  scope,
  setBackend,
  tensor,
  update,
  updateKernel,
  Variable,
  zeros,
  type Tensor,
  type TypedArray,
} from '@typegrad/tensor'
import { valueAndGrad } from '@typegrad/autograd'
import { gpuCounters, useBackend } from '@typegrad/gpu'
import { expect, test } from 'vitest'
import { gpuSettled } from '../../packages/gpu/src/use-backend.ts'
import { collect } from './collect.ts'
import { modes, onEveryMode } from './modes.ts'

const sgd = updateKernel(['w'], ['g', 'rate'], { w: 'w - rate * g' })
const adam = updateKernel(['w', 'm', 'v'], ['g', 'rate', 'epsilon'], {
  m: '0.9 * m + 0.1 * g',
  v: '0.999 * v + 0.001 * g * g',
  w: 'w - rate * m / (sqrt(v) + epsilon)',
})

/** What is trained, and on what: everything is made on the host, from one seed. */
interface Job {
  readonly weights: Variable[]
  readonly batches: readonly { readonly x: Tensor; readonly labels: Tensor }[]
  readonly predict: (x: Tensor) => Tensor
}

function weights(...shapes: number[][]): Variable[] {
  const generator = new random.Generator(11)
  return shapes.map((shape) => new Variable(shape.length === 1 ? zeros(shape) : generator.normal(shape).mul(0.3)))
}

function batches(shape: number[], classes: number, count = 4, size = 16): Job['batches'] {
  const generator = new random.Generator(5)
  return Array.from({ length: count }, () => {
    const x = generator.normal([size, ...shape])
    return { x, labels: x.reshape([size, -1]).slice(null, [0, classes]).argmax(-1).oneHot(classes) }
  })
}

function perceptron(): Job {
  const [w1, b1, w2, b2] = weights([8, 12], [12], [12, 3], [3])
  return { weights: [w1, b1, w2, b2], batches: batches([8], 3), predict: (x) => x.matmul(w1).add(b1).relu().matmul(w2).add(b2) }
}

function convolutional(): Job {
  const [kernel, bias, w, b] = weights([3, 3, 2, 4], [4], [16, 3], [3])
  return {
    weights: [kernel, bias, w, b],
    batches: batches([6, 6, 2], 3, 2, 8),
    predict: (x) => x.conv(kernel).add(bias).relu().maxPool(2).reshape([x.shape[0], 16]).matmul(w).add(b),
  }
}

const crossentropy = (logits: Tensor, labels: Tensor): Tensor => logits.logSoftmax().mul(labels).sum(-1).mean().neg()

/** Trains on the current backend; calls `after` with the number of each step. Gives the last loss and all weights. */
async function train(
  make: () => Job,
  optimizer: 'sgd' | 'adam',
  steps: number,
  after?: (step: number) => Promise<void>,
): Promise<TypedArray[]> {
  const before = setBackend('cpu')
  const job = make()
  const slots = job.weights.map((w) => ({ m: new Variable(zeros(w.shape)), v: new Variable(zeros(w.shape)) }))
  const total = new Variable(tensor(0))
  setBackend(before)
  for (let i = 0; i < steps; i++) {
    scope(() => {
      const { x, labels } = job.batches[i % job.batches.length]
      const { value, grads } = valueAndGrad(() => crossentropy(job.predict(x), labels), job.weights)
      job.weights.forEach((w, k) => {
        if (optimizer === 'sgd') update(sgd, { w }, { g: grads[k], rate: 0.1 })
        else update(adam, { w, ...slots[k] }, { g: grads[k], rate: 0.01, epsilon: 1e-3 })
      })
      total.assign(total.value.mul(0).add(value))
    })
    await after?.(i)
  }
  return Promise.all([total, ...job.weights].map((variable) => variable.data()))
}

const wanted = new Map<string, TypedArray[]>()
async function onHost(name: string, make: () => Job, optimizer: 'sgd' | 'adam', steps: number): Promise<TypedArray[]> {
  const key = `${name} ${optimizer} ${steps}`
  if (!wanted.has(key)) wanted.set(key, await train(make, optimizer, steps))
  return wanted.get(key)!
}

onEveryMode((mode) => {
  const jobs = [
    ['a perceptron', perceptron, 'sgd', 20],
    ['a perceptron', perceptron, 'adam', 40],
    ['a convolutional net', convolutional, 'adam', 8],
  ] as const
  // How kernels are compiled and launched does not depend on what is trained.
  test.each(mode.name === 'gpu.js webasm' || mode.options.kernels === 'stock' ? jobs.slice(-1) : jobs)(
    '%s has the weights of the host, and takes nothing but its batches',
    async (name, make, optimizer, steps) => {
      setBackend('cpu')
      const want = await onHost(name, make, optimizer, steps)
      await useBackend('gpu', mode.options)
      let before = gpuCounters()
      const got = await train(make, optimizer, steps, async (step) => {
        if (step < steps - 5) return
        await gpuSettled()
        if (step > steps - 5) return
        await collect()
        before = gpuCounters()
      })
      setBackend('cpu')
      got.forEach((values, i) => values.forEach((value, k) => expect(Math.abs(value - want[i][k])).toBeLessThan(1e-4)))

      const now = gpuCounters()
      const grown = (counter: keyof typeof now): number => now[counter] - before[counter]
      // In the last four steps.
      const counts = { uploads: grown('uploads'), buffers: grown('buffers'), bytes: grown('bytes') }
      expect(counts).toEqual({ uploads: 4 * 2, buffers: 0, bytes: 0 })
      // The loss and four weights, at the end.
      expect(grown('readbacks')).toBe(5)
      expect(now.hostOps).toBe(0)
    },
  )
}, modes)
