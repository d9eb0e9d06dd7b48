/** Trains a small CNN for long, and looks at its memory. */
import { Conv2D, Dense, Flatten, Input, MaxPooling2D } from '@typegrad/layers'
import { Callback, Sequential } from '@typegrad/model'
import { memory, random, setSeed } from '@typegrad/tensor'
import { runtime } from '../packages/tensor/src/backends/wasm/start.ts'

export interface Footprint {
  readonly step: number
  /** Live buffers of the host, and their bytes. */
  readonly buffers: number
  readonly bytes: number
  /** Bytes of arrays and objects that the engine holds. */
  readonly heap: number
  /** Bytes of WebAssembly memory. */
  readonly wasm: number
}

/** Lets the collector run and report. */
async function footprint(step: number): Promise<Footprint> {
  for (let i = 0; i < 4; i++) {
    globalThis.gc!()
    await new Promise((resolve) => setTimeout(resolve, 0))
  }
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return { step, ...memory(), heap: heapUsed + arrayBuffers, wasm: runtime?.memory.buffer.byteLength ?? 0 }
}

/** Where memory must be flat: a slab more or less for each dtype, since the one that small arrays are cut from stays, and what the engine learns about the code. */
const slack = { buffers: 8, bytes: 1 << 20, heap: 6 << 20, wasm: 0 } as const

/** Footprints at ten moments of so many steps; throws when one is above the first. */
export async function* soak(steps: number, jit: boolean): AsyncGenerator<Footprint> {
  // Counts from here on.
  memory()
  setSeed(1)
  const batch = 8
  const x = random.uniform([4 * batch, 12, 12, 1])
  const y = random.integers([4 * batch], { high: 3 })
  const model = new Sequential([
    Input({ shape: [12, 12, 1] }),
    new Conv2D({ filters: 4, kernelSize: 3, activation: 'relu' }),
    new MaxPooling2D(),
    new Conv2D({ filters: 8, kernelSize: 3, activation: 'relu' }),
    new Flatten(),
    new Dense({ units: 3, activation: 'softmax' }),
  ]).compile({ loss: 'sparseCategoricalCrossentropy', optimizer: 'adam', metrics: ['accuracy'], jit })
  const all: Footprint[] = []
  const epochs = Math.ceil(steps / 4)
  class Watch extends Callback {
    override async onEpochEnd(epoch: number): Promise<void> {
      if ((epoch + 1) % Math.ceil(epochs / 10) === 0) all.push(await footprint(4 * (epoch + 1)))
    }
  }
  await model.fit(x, y, { epochs, batchSize: batch, verbose: 0, callbacks: [new Watch()] })
  for (const now of all) {
    yield now
    for (const what of Object.keys(slack) as (keyof typeof slack)[]) {
      if (now[what] > all[0][what] + slack[what]) {
        throw new Error(`step ${now.step}: ${what} ${now[what]}, at step ${all[0].step} they were ${all[0][what]}`)
      }
    }
  }
}
