import { Dense, GRU, Input, LSTM } from '@typegrad/layers'
import { Sequential } from '@typegrad/model'
import { random, setSeed, setThreads } from '@typegrad/tensor'
import type { Race } from '../case.ts'

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

/** A training step of a recurrent layer of 32 units and a Dense one, batch 32, Adam, over short and long sequences. */
export const races: readonly Race[] = (['LSTM', 'GRU'] as const).flatMap((name) =>
  [20, 500].map((steps) => ({
    case: `${name}(${units}), ${steps} steps, batch ${batch}, a training step`,
    unit: 'ms',
    value: (microseconds: number) => microseconds / 1e3,
    contestants: {
      async typegrad() {
        setThreads(1)
        setSeed(1)
        const model = new Sequential([
          Input({ shape: [steps, features] }),
          new layers[name]({ units }),
          new Dense({ units: 1 }),
        ]).compile({ loss: 'meanSquaredError', optimizer: 'adam' })
        const data = { x: [random.normal([batch, steps, features])], y: [random.normal([batch, 1])], sampleWeight: [] }
        await model.steps.begin()
        return { run: () => model.steps.train(data) }
      },
      pytorch: torchRecurrent(name, steps),
    },
  })),
)
