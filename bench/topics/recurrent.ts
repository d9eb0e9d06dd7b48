import { Dense, GRU, Input, LSTM } from '@typegrad/layers'
import { Sequential } from '@typegrad/model'
import { random, setSeed, setThreads } from '@typegrad/tensor'
import type * as tfl from '@tensorflow/tfjs-layers'
import type { Race } from '../case.ts'
import { ourStep, tfjsStep } from '../steps.ts'

const [batch, features, units] = [32, 16, 32]
const layers = { LSTM, GRU } as const

const torchRecurrent = (name: string, steps: number): string => `
import torch
from torch import nn
torch.set_num_threads(1)
layer, head = nn.${name}(${features}, ${units}, batch_first=True), nn.Linear(${units}, 1)
optimizer = torch.optim.Adam([*layer.parameters(), *head.parameters()])
x, y = torch.randn(${batch}, ${steps}, ${features}), torch.randn(${batch}, 1)
def run():
    optimizer.zero_grad()
    ((head(layer(x)[0][:, -1]) - y) ** 2).mean().backward()
    optimizer.step()
`

function prepare(name: keyof typeof layers, steps: number) {
  setThreads(1)
  setSeed(1)
  const model = new Sequential([
    Input({ shape: [steps, features] }),
    new layers[name]({ units }),
    new Dense({ units: 1 }),
  ]).compile({ loss: 'meanSquaredError', optimizer: 'adam' })
  return { model, x: random.normal([batch, steps, features]), y: random.normal([batch, 1]) }
}

function tfjsModel({ layers: theirs, sequential }: typeof tfl, steps: number): tfl.Sequential {
  const lstm = theirs.lstm({
    units,
    inputShape: [steps, features],
    recurrentActivation: 'sigmoid',
    recurrentInitializer: 'zeros',
  })
  const model = sequential({ layers: [lstm, theirs.dense({ units: 1 })] })
  model.compile({ loss: 'meanSquaredError', optimizer: 'adam' })
  return model
}

/** A training step of a recurrent layer of 32 units and a Dense one, batch 32, Adam, over short and long sequences. */
export const races: readonly Race[] = (['LSTM', 'GRU'] as const).flatMap((name) =>
  [20, 500].map((steps) => ({
    case: `${name}(${units}), ${steps} steps, batch ${batch}, a training step`,
    unit: 'ms',
    value: (microseconds: number) => microseconds / 1e3,
    contestants: {
      typegrad() {
        const { model, x, y } = prepare(name, steps)
        return ourStep(model, x, y)
      },
      // Its GRU is the older one, without resetAfter.
      ...(name === 'LSTM' && {
        'tfjs-wasm'() {
          const { model, x, y } = prepare(name, steps)
          return tfjsStep((theirs) => tfjsModel(theirs, steps), model, x, y)
        },
      }),
      pytorch: torchRecurrent(name, steps),
    },
  })),
)
