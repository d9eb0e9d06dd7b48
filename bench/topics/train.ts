import { BatchNormalization, Dense, Input } from '@typegrad/layers'
import { Sequential } from '@typegrad/model'
import { vectorizeSequences } from '@typegrad/data'
import { random, setSeed, threads, type Tensor } from '@typegrad/tensor'
import type * as tfl from '@tensorflow/tfjs-layers'
import type * as Jax from '@jax-js/jax'
import type { Race } from '../case.ts'
import { jaxjs } from '../peers/jax.ts'
import { compared, ourStep, tfjsStep } from '../steps.ts'

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

/** Words of a review: distinct numbers, small ones more often. */
const review = (length: number, words: number): number[] =>
  Array.from(random.uniform([length]).toTypedArray(), (u) => Math.min(words - 1, Math.floor(words ** u)))

/** The step in jax-js, as one jitted function; gives the loss. */
function jaxStep(
  jax: typeof Jax,
  { last, activation, optimizer }: Job,
  weights: readonly Tensor[],
  x: Tensor,
  y: Tensor,
): () => Promise<number> {
  const { numpy: np, nn } = jax
  const array = (t: Tensor): Jax.Array => np.array(t.toTypedArray()).reshape([...t.shape])
  const lossOf = (params: Jax.Array[], xs: Jax.Array, ys: Jax.Array): Jax.Array => {
    let h = xs
    for (let i = 0; i < params.length; i += 2) {
      h = np.matmul(h, params[i]).add(params[i + 1])
      if (i + 2 < params.length) h = nn[activation](h)
    }
    if (last === 'softmax') return np.mean(np.sum(nn.logSoftmax(h).mul(ys), -1)).neg()
    if (last === 'linear') return np.mean(np.square(h.sub(ys)))
    // Crossentropy of logits: softplus(h) - h·y.
    return np.mean(nn.softplus(h.ref).sub(h.mul(ys)))
  }
  const step = jax.jit((params: Jax.Array[], slots: Jax.Array[][], rates: Jax.Array, xs: Jax.Array, ys: Jax.Array) => {
    const [loss, grads] = jax.valueAndGrad(lossOf)(
      params.map((p) => p.ref),
      xs,
      ys,
    ) as [Jax.Array, Jax.Array[]]
    const next = params.map((p, i) => {
      const g = grads[i]
      const [v, m] = slots.map((slot) => slot[i])
      if (optimizer === 'rmsprop') {
        const v1 = v.mul(0.9).add(np.square(g.ref).mul(0.1))
        return [p.sub(g.mul(0.001).div(np.sqrt(v1.ref.add(1e-7)))), v1]
      }
      const v1 = v.mul(0.999).add(np.square(g.ref).mul(0.001))
      const m1 = m.mul(0.9).add(g.mul(0.1))
      return [p.sub(m1.ref.mul(rates.ref).div(np.sqrt(v1.ref).add(1e-7))), v1, m1]
    })
    rates.dispose()
    return [loss, ...next.flat()]
  })
  const parts = optimizer === 'rmsprop' ? 2 : 3
  let params = weights.map(array)
  let slots = Array.from({ length: parts - 1 }, () => weights.map((w) => np.zeros([...w.shape])))
  const [xs, ys] = [array(x), array(y)]
  let t = 0
  return async () => {
    t++
    const rate = np.array(0.001 * (Math.sqrt(1 - 0.999 ** t) / (1 - 0.9 ** t)))
    const [loss, ...next] = step(params, slots, rate, xs.ref, ys.ref)
    params = weights.map((_, i) => next[parts * i])
    slots = Array.from({ length: parts - 1 }, (_, s) => weights.map((__, i) => next[parts * i + s + 1]))
    return ((await loss.data()) as Float32Array)[0]
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

/** A compiled model and a batch for it: the same numbers in every process. */
function prepare({ name, sizes, batch, activation, last, optimizer, batchNormalization = false }: Job) {
  setSeed(1)
  const outputs = sizes.at(-1)!
  const model = new Sequential([
    Input({ shape: [sizes[0]] }),
    ...sizes
      .slice(1, -1)
      .flatMap((units) => [new Dense({ units, activation }), ...(batchNormalization ? [new BatchNormalization()] : [])]),
    new Dense({ units: outputs, activation: last }),
  ]).compile({ loss: losses[last], optimizer })
  const reviews = name.startsWith('IMDB') ? Array.from({ length: batch }, () => review(234, sizes[0])) : undefined
  const x = reviews ? vectorizeSequences(reviews, sizes[0]) : random.uniform([batch, sizes[0]])
  const y =
    last === 'softmax'
      ? random.integers([batch], { high: outputs }).oneHot(outputs)
      : random.bernoulli([batch, outputs]).cast('float32')
  return { model, x, y, reviews: reviews ?? [] }
}

function raceOf(job: Job): Race {
  return {
    case: job.name,
    unit: 'µs/step',
    // Ours may use them all, and does for large products.
    threads: threads().count,
    value: (microseconds) => microseconds,
    // Until an engine has compiled all that a step runs through.
    warmup: 3000,
    contestants: {
      typegrad() {
        const { model, x, y } = prepare(job)
        return ourStep(model, x, y)
      },
      'op by op'() {
        const { model, x, y } = prepare(job)
        return ourStep(model, x, y, false)
      },
      'tfjs-wasm'() {
        const { model, x, y } = prepare(job)
        return tfjsStep((layers) => tfjsModel(layers, job), model, x, y)
      },
      // It has no batch normalization.
      ...(!job.batchNormalization && {
        async 'jax-js'() {
          const { model, x, y } = prepare(job)
          const run = jaxStep(await jaxjs(), job, model.getWeights(), x, y)
          return compared(run, run)
        },
      }),
      pytorch: torchStep(job),
    },
  }
}

/** The step on the same reviews without their zeros. */
function sparse(job: Job): Race {
  return {
    ...raceOf(job),
    case: 'the same, sparse',
    contestants: {
      typegrad() {
        const { model, reviews, y } = prepare(job)
        return ourStep(model, vectorizeSequences(reviews, job.sizes[0], { sparse: true }), y)
      },
    },
  }
}

/** One training step (forward, backward, update) of dense nets, compiled and op by op. */
export const races: readonly Race[] = jobs.flatMap((job) =>
  job.name.startsWith('IMDB') ? [raceOf(job), sparse(job)] : [raceOf(job)],
)
