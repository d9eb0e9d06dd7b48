import { BatchNormalization, Dense, Input } from '@typegrad/layers'
import { Sequential, type Batch } from '@typegrad/model'
import { random, setSeed } from '@typegrad/tensor'
import type * as tfl from '@tensorflow/tfjs-layers'
import { race, type Row } from '../case.ts'
import { pythonHas, pythonMicroseconds } from '../peers/python.ts'
import { tfjs } from '../peers/tfjs.ts'

interface Job {
  readonly name: string
  /** Inputs, hidden units …, outputs. */
  readonly sizes: readonly number[]
  readonly batch: number
  readonly activation: 'relu' | 'swish'
  readonly last: 'sigmoid' | 'softmax' | 'linear'
  readonly optimizer: 'adam' | 'rmsprop'
  readonly batchNormalization?: boolean
}

const jobs: readonly Job[] = [
  {
    name: 'thoracic 16-30-1, batch 16, Adam',
    sizes: [16, 30, 1],
    batch: 16,
    activation: 'relu',
    last: 'sigmoid',
    optimizer: 'adam',
  },
  {
    name: 'thoracic 17-60-30-1, batch 20, Adam',
    sizes: [17, 60, 30, 1],
    batch: 20,
    activation: 'relu',
    last: 'sigmoid',
    optimizer: 'adam',
  },
  {
    name: 'iris 4-64(BN)-64(BN)-3, batch 32, Adam',
    sizes: [4, 64, 64, 3],
    batch: 32,
    activation: 'swish',
    last: 'softmax',
    optimizer: 'adam',
    batchNormalization: true,
  },
  {
    name: 'Boston 13-64-64-1, batch 32, Adam',
    sizes: [13, 64, 64, 1],
    batch: 32,
    activation: 'swish',
    last: 'linear',
    optimizer: 'adam',
  },
  {
    name: 'IMDB 10000-16-16-1, batch 512, RMSprop',
    sizes: [10_000, 16, 16, 1],
    batch: 512,
    activation: 'relu',
    last: 'sigmoid',
    optimizer: 'rmsprop',
  },
  {
    name: 'MNIST 784-512-512-10, batch 128, Adam',
    sizes: [784, 512, 512, 10],
    batch: 128,
    activation: 'relu',
    last: 'softmax',
    optimizer: 'adam',
  },
]

const losses = { sigmoid: 'binaryCrossentropy', softmax: 'categoricalCrossentropy', linear: 'meanSquaredError' } as const

/** One training step (forward, backward, update) of dense nets, in microseconds: ours compiled, as `fit` takes it, and op by op. */
export async function* train(): AsyncGenerator<Row> {
  await tfjs()
  const layers = await import('@tensorflow/tfjs-layers')
  for (const job of jobs) {
    const { name, sizes, batch, activation, last, optimizer, batchNormalization = false } = job
    setSeed(1)
    const hidden = sizes.slice(1, -1)
    const outputs = sizes.at(-1)!
    const make = (): Sequential =>
      new Sequential([
        Input({ shape: [sizes[0]] }),
        ...hidden.flatMap((units) => [
          new Dense({ units, activation }),
          ...(batchNormalization ? [new BatchNormalization()] : []),
        ]),
        new Dense({ units: outputs, activation: last }),
      ]).compile({ loss: losses[last], optimizer })
    const [model, plain] = [make(), make()]
    const x = random.uniform([batch, sizes[0]])
    const y =
      last === 'softmax'
        ? random.integers([batch], { high: outputs }).oneHot(outputs)
        : random.bernoulli([batch, outputs]).cast('float32')
    const data: Batch = { x: [x], y: [y], sampleWeight: [] }
    await model.steps.begin()
    const theirs = tfjsModel(layers, job)
    const { tf } = await import('../peers/tfjs.ts')
    const [tx, ty] = [
      tf.tensor2d(x.toTypedArray() as Float32Array, [batch, sizes[0]]),
      tf.tensor2d(y.toTypedArray() as Float32Array, [batch, outputs]),
    ]
    yield race({
      topic: 'train',
      case: name,
      unit: 'µs/step',
      value: (microseconds) => microseconds,
      ours: () => model.steps.train(data),
      peers: [
        { name: 'op by op', run: () => plain.trainStep(data) },
        { name: 'tfjs-wasm', run: () => theirs.trainOnBatch(tx, ty) },
      ],
      measured: pythonHas('torch') ? { pytorch: pythonMicroseconds(torchStep(job)) } : {},
    })
    tx.dispose()
    ty.dispose()
  }
}

function tfjsModel(layers: typeof tfl, { sizes, activation, last, optimizer, batchNormalization }: Job): tfl.Sequential {
  const model = layers.sequential()
  const hidden = sizes.slice(1, -1)
  hidden.forEach((units, i) => {
    model.add(layers.layers.dense({ units, activation: activation, ...(i === 0 ? { inputShape: [sizes[0]] } : {}) }))
    if (batchNormalization) model.add(layers.layers.batchNormalization())
  })
  model.add(layers.layers.dense({ units: sizes.at(-1)!, activation: last }))
  model.compile({ loss: losses[last], optimizer })
  return model
}

const torchStep = ({ sizes, batch, activation, last, optimizer, batchNormalization }: Job): string => `
import torch
torch.set_num_threads(1)
layers, sizes = [], [${sizes.join(', ')}]
for i, (a, b) in enumerate(zip(sizes, sizes[1:])):
    layers.append(torch.nn.Linear(a, b))
    if i < len(sizes) - 2:
        layers.append(torch.nn.${activation === 'relu' ? 'ReLU' : 'SiLU'}())
        ${batchNormalization ? 'layers.append(torch.nn.BatchNorm1d(b))' : 'pass'}
model = torch.nn.Sequential(*layers)
optimizer = torch.optim.${optimizer === 'adam' ? 'Adam' : 'RMSprop'}(model.parameters())
x = torch.rand(${batch}, ${sizes[0]})
y = ${last === 'softmax' ? `torch.randint(${sizes.at(-1)}, (${batch},))` : `torch.rand(${batch}, ${sizes.at(-1)}).round()`}
loss = torch.nn.${last === 'sigmoid' ? 'BCEWithLogitsLoss' : last === 'softmax' ? 'CrossEntropyLoss' : 'MSELoss'}()
def run():
    optimizer.zero_grad()
    loss(model(x), y).backward()
    optimizer.step()
`
