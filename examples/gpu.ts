// The digits on the GPU, if there is one (and the package `webgpu` in Node), else on the host.
import { Conv2D, Dense, Flatten, Input, loadDigits, MaxPooling2D, Sequential, setSeed } from 'typegrad'
import { gpuInfo } from '@typegrad/gpu'
import { epochs, seed, verbose } from './options.ts'

setSeed(seed)
const { images, y } = await loadDigits()
const { available, adapter, reason, hint } = await gpuInfo()
console.log(available ? `GPU: ${adapter}` : `No GPU: ${reason}; ${hint}`)

const model = new Sequential([
  Input({ shape: [8, 8, 1] }),
  new Conv2D({ filters: 32, kernelSize: 3, activation: 'relu', padding: 'same' }),
  new MaxPooling2D({ poolSize: 2 }),
  new Conv2D({ filters: 64, kernelSize: 3, activation: 'relu' }),
  new Flatten(),
  new Dense({ units: 10, activation: 'softmax' }),
])
model.compile({ optimizer: 'adam', loss: 'sparseCategoricalCrossentropy', metrics: ['accuracy'], device: 'auto' })
const x = images.div(16).reshape([-1, 8, 8, 1])
await model.fit(x, y, { epochs: epochs(10), batchSize: 64, validationSplit: 0.2, verbose })
