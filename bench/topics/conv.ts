import { vjp } from '@typegrad/autograd'
import { Conv2D, Dense, Flatten, Input, MaxPooling2D } from '@typegrad/layers'
import { Sequential } from '@typegrad/model'
import { random, setSeed, setThreads, type Tensor } from '@typegrad/tensor'
import { mustAgree, race, type Row } from '../case.ts'
import type { Contestant } from '../measure.ts'
import { pythonHas, pythonMicroseconds } from '../peers/python.ts'
import { tfjs } from '../peers/tfjs.ts'

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

/** Convolutions in GFLOP/s, forward and backward, and a whole step of a small CNN. */
export async function* conv(): AsyncGenerator<Row> {
  const tf = await tfjs()
  setSeed(1)
  for (const job of jobs) {
    const { name, padding = 'valid', strides = 1 } = job
    const [x, kernel] = [random.normal([...job.x]), random.normal([...job.kernel])]
    const options = { padding, strides }
    const forward = (a: Tensor, b: Tensor): Tensor => a.conv(b, options)
    const y = forward(x, kernel)
    const dy = random.normal([...y.shape])
    const [height, width, channels] = job.kernel
    const floats = 2 * y.size * height * width * channels
    const tx = tf.tensor4d(x.toTypedArray() as Float32Array, [...job.x])
    const tk = tf.tensor4d(kernel.toTypedArray() as Float32Array, [...job.kernel])
    const theirs = () => tf.conv2d(tx, tk, strides, padding)
    const reference = theirs()
    mustAgree(name, y.toTypedArray(), reference.dataSync())
    reference.dispose()
    const passes: readonly (readonly [string, () => unknown, Contestant[], string])[] = [
      ['forward', () => forward(x, kernel), [{ name: 'tfjs-wasm', run: () => theirs().dispose() }], 'y()'],
      ['input gradient', () => vjp((a) => forward(a, kernel), x).pullback(dy), [], 'torch.autograd.grad(y(), x, dy)'],
      ['kernel gradient', () => vjp((b) => forward(x, b), kernel).pullback(dy), [], 'torch.autograd.grad(y(), k, dy)'],
    ]
    for (const [pass, ours, peers, python] of passes) {
      // A gradient is measured with the forward pass before it, for everybody.
      const work = pass === 'forward' ? floats : 2 * floats
      for (const threads of [1, 2]) {
        setThreads(threads)
        yield race({
          topic: 'conv',
          case: `${name}: ${pass}, ${threads} thread${threads > 1 ? 's' : ''}`,
          unit: 'GFLOP/s',
          threads,
          value: (microseconds) => work / microseconds / 1e3,
          ours,
          peers: threads > 1 ? [] : peers,
          measured: threads > 1 || !pythonHas('torch') ? {} : { pytorch: pythonMicroseconds(torchConv(job, python)) },
        })
      }
    }
    tx.dispose()
    tk.dispose()
  }
  yield* smallCnn()
  setThreads()
}

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

/** One step of a small CNN on 28×28 images, as `fit` runs it. */
async function* smallCnn(): AsyncGenerator<Row> {
  const batch = 64
  for (const threads of [1, 2]) {
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
    const data = {
      x: [random.uniform([batch, 28, 28, 1])],
      y: [random.integers([batch], { high: 10 }).oneHot(10)],
      sampleWeight: [],
    }
    await model.steps.begin()
    yield race({
      topic: 'conv',
      case: `small CNN, a step, batch ${batch}, ${threads} thread${threads > 1 ? 's' : ''}`,
      unit: 'ms',
      threads,
      value: (microseconds) => microseconds / 1e3,
      ours: () => model.steps.train(data),
      peers: [],
      measured: threads > 1 || !pythonHas('torch') ? {} : { pytorch: pythonMicroseconds(torchCnn(batch)) },
    })
  }
}

const torchCnn = (batch: number): string => `
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
