import { vjp } from '@typegrad/autograd'
import { Conv2D, Dense, Flatten, Input, MaxPooling2D } from '@typegrad/layers'
import { Sequential } from '@typegrad/model'
import { random, setSeed, setThreads, type Tensor } from '@typegrad/tensor'
import type * as Jax from '@jax-js/jax'
import type { Entry, Race } from '../case.ts'
import { finished, jaxjs } from '../peers/jax.ts'
import { tfjs } from '../peers/tfjs.ts'
import { ourStep } from '../steps.ts'

interface Job {
  readonly name: string
  readonly x: readonly [batch: number, height: number, width: number, channels: number]
  readonly kernel: readonly [number, number, number, number]
  readonly padding?: 'valid' | 'same'
  readonly strides?: number
}

const jobs: readonly Job[] = [
  { name: '28×28×1, 3×3×32, batch 64', x: [64, 28, 28, 1], kernel: [3, 3, 1, 32] },
  { name: '13×13×32, 3×3×64, batch 64', x: [64, 13, 13, 32], kernel: [3, 3, 32, 64] },
  { name: '28×28×32, 3×3×32 same, batch 16', x: [16, 28, 28, 32], kernel: [3, 3, 32, 32], padding: 'same' },
  { name: '56×56×64, 1×1×64, batch 8', x: [8, 56, 56, 64], kernel: [1, 1, 64, 64] },
  { name: '56×56×64, 3×3×128 stride 2, batch 8', x: [8, 56, 56, 64], kernel: [3, 3, 64, 128], strides: 2 },
]

function torchConv(
  { x: [batch, ...size], kernel: [kh, kw, , filters], padding = 'valid', strides = 1 }: Job,
  run: string,
): string {
  const around = padding === 'same' ? `(${kh >> 1}, ${kw >> 1})` : '0'
  return `
import torch
torch.set_num_threads(1)
x = torch.randn(${batch}, ${size[2]}, ${size[0]}, ${size[1]}, requires_grad=True)
k = torch.randn(${filters}, ${size[2]}, ${kh}, ${kw}, requires_grad=True)
y = lambda: torch.nn.functional.conv2d(x, k, padding=${around}, stride=${strides})
dy = torch.randn(y().shape)
run = lambda: ${run}
`
}

const batch = 64

const torchCnn = `
import torch
from torch import nn
torch.set_num_threads(1)
model = nn.Sequential(nn.Conv2d(1, 32, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2),
                      nn.Flatten(), nn.Linear(1600, 10))
optimizer = torch.optim.Adam(model.parameters())
x, y, loss = torch.rand(${batch}, 1, 28, 28), torch.randint(10, (${batch},)), nn.CrossEntropyLoss()
def run():
    optimizer.zero_grad()
    loss(model(x), y).backward()
    optimizer.step()
`

/** The passes over a convolution: a gradient is measured with the forward pass before it, for everybody. */
const passes = {
  forward: { work: 1, python: 'y()' },
  'input gradient': { work: 2, python: 'torch.autograd.grad(y(), x, dy)' },
  'kernel gradient': { work: 2, python: 'torch.autograd.grad(y(), k, dy)' },
} as const

function data({ x, kernel }: Job): [Tensor, Tensor] {
  setSeed(1)
  return [random.normal([...x]), random.normal([...kernel])]
}

/** In jax-js, whose images are [N, C, H, W] and kernels [filters, channels, height, width]. */
async function jaxConv(job: Job, pass: keyof typeof passes): Promise<Entry> {
  const jax = await jaxjs()
  const { numpy: np, lax } = jax
  const [x, kernel] = data(job)
  const { padding = 'valid', strides = 1 } = job
  const forward = (a: Jax.Array, b: Jax.Array): Jax.Array =>
    lax.convGeneralDilated(a, b, [strides, strides], padding === 'same' ? 'SAME' : 'VALID')
  const dy = random.normal([...x.conv(kernel, { padding, strides }).shape])
  const array = (t: Tensor): Jax.Array => np.array(t.toTypedArray(), { shape: [...t.shape] })
  const images = (t: Tensor): Jax.Array => array(t.transpose([0, 3, 1, 2]))
  const [xs, ks, dys] = [images(x), array(kernel.transpose([3, 2, 0, 1])), images(dy)]
  const loss = (a: Jax.Array, b: Jax.Array, d: Jax.Array): Jax.Array => np.sum(forward(a, b).mul(d))
  const argnums = pass === 'input gradient' ? 0 : 1
  const step = jax.jit(
    pass === 'forward' ? (a, b, d) => (d.dispose(), [forward(a, b)]) : (a, b, d) => jax.valueAndGrad(loss, { argnums })(a, b, d),
  ) as (...args: Jax.Array[]) => Jax.Array[]
  const run = (): Jax.Array[] => step(xs.ref, ks.ref, dys.ref)
  const order = pass === 'kernel gradient' ? [2, 3, 1, 0] : [0, 2, 3, 1]
  return {
    run: async () => {
      for (const result of run()) await finished(result)
    },
    result: np.transpose(run().at(-1)!, order).dataSync(),
  }
}

function raceOf(job: Job, pass: keyof typeof passes, threads: number): Race {
  const { name, padding = 'valid', strides = 1 } = job
  const [batch, ...sides] = job.x
  const [height, width, channels, filters] = job.kernel
  const outputs = [sides[0], sides[1]].map((side, i) =>
    Math.ceil((padding === 'same' ? side : side - job.kernel[i] + 1) / strides),
  )
  const floats = 2 * batch * outputs[0] * outputs[1] * filters * height * width * channels
  const forward = (a: Tensor, b: Tensor): Tensor => a.conv(b, { padding, strides })
  return {
    case: `${name}: ${pass}, ${threads} thread${threads > 1 ? 's' : ''}`,
    unit: 'GFLOP/s',
    threads,
    value: (microseconds) => (passes[pass].work * floats) / microseconds / 1e3,
    contestants: {
      typegrad() {
        setThreads(threads)
        const [x, kernel] = data(job)
        const y = forward(x, kernel)
        if (pass === 'forward') return { run: () => forward(x, kernel), result: y.toTypedArray() }
        const dy = random.normal([...y.shape])
        const run = (): Tensor =>
          pass === 'input gradient'
            ? vjp((a) => forward(a, kernel), x).pullback(dy)[0]
            : vjp((b) => forward(x, b), kernel).pullback(dy)[0]
        return { run, result: run().toTypedArray() }
      },
      // It has no kernels for the gradients, and no threads in Node.
      ...(pass === 'forward' && {
        async 'tfjs-wasm'() {
          const tf = await tfjs()
          const [x, kernel] = data(job)
          const tx = tf.tensor4d(x.toTypedArray() as Float32Array, [...job.x])
          const tk = tf.tensor4d(kernel.toTypedArray() as Float32Array, [...job.kernel])
          const product = () => tf.conv2d(tx, tk, strides, padding)
          return { run: () => product().dispose(), result: product().dataSync() }
        },
      }),
      // Its gradients of strided convolutions take a minute.
      ...(threads === 1 && (strides === 1 || pass === 'forward') && { 'jax-js': () => jaxConv(job, pass) }),
      ...(threads === 1 && { pytorch: torchConv(job, passes[pass].python) }),
    },
  }
}

/** One step of a small CNN on 28×28 images, as `fit` runs it. */
const smallCnn = (threads: number): Race => ({
  case: `small CNN, a step, batch ${batch}, ${threads} thread${threads > 1 ? 's' : ''}`,
  unit: 'ms',
  threads,
  value: (microseconds) => microseconds / 1e3,
  contestants: {
    typegrad() {
      setThreads(threads)
      setSeed(1)
      const model = new Sequential([
        Input({ shape: [28, 28, 1] }),
        new Conv2D({ filters: 32, kernelSize: 3, activation: 'relu' }),
        new MaxPooling2D(),
        new Conv2D({ filters: 64, kernelSize: 3, activation: 'relu' }),
        new MaxPooling2D(),
        new Flatten(),
        new Dense({ units: 10, activation: 'softmax' }),
      ]).compile({ loss: 'categoricalCrossentropy', optimizer: 'adam' })
      return ourStep(model, random.uniform([batch, 28, 28, 1]), random.integers([batch], { high: 10 }).oneHot(10))
    },
    ...(threads === 1 && { pytorch: torchCnn }),
  },
})

/** Convolutions, forward and backward, and a whole step of a small CNN. */
export const races: readonly Race[] = [
  ...jobs.flatMap((job) =>
    (Object.keys(passes) as (keyof typeof passes)[]).flatMap((pass) => [1, 2].map((threads) => raceOf(job, pass, threads))),
  ),
  ...[1, 2].map(smallCnn),
]
