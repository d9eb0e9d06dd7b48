/** toModule: an ES module computes what the function computes, in a process that has nothing else. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  AveragePooling1D,
  BatchNormalization,
  Conv1D,
  Conv2D,
  Conv2DTranspose,
  Dense,
  DepthwiseConv2D,
  Embedding,
  Flatten,
  GlobalMaxPooling2D,
  LayerNormalization,
  LSTM,
  MaxPooling2D,
  SeparableConv2D,
  UpSampling2D,
  type AnyLayer,
} from '@typegrad/layers'
import { Sequential } from '@typegrad/model'
import { BackendError, currentBackend, random, tensor, toModule, Variable, zeros, type Tensor } from '@typegrad/tensor'
import { afterAll, describe, expect, test } from 'vitest'

const folder = mkdtempSync(join(tmpdir(), 'typegrad-module-'))
afterAll(() => rmSync(folder, { recursive: true }))
let files = 0
/** Without WebAssembly there is nothing that a module could hold. */
const hasPrograms = currentBackend().program !== undefined

/** Runs a module on arrays of numbers, in a process of its own. */
function runModule(text: string, arrays: readonly (readonly number[])[]): { results: number[][]; error: string | undefined } {
  const path = join(folder, `m${files++}.mjs`)
  writeFileSync(path, text)
  const script = `import(${JSON.stringify(path)}).then(({ run }) => {
    let error
    try { run() } catch (e) { error = e.message }
    const arrays = ${JSON.stringify(arrays)}
    run(...arrays)
    console.log(JSON.stringify({ results: run(...arrays).map((y) => [...y]), error }))
  })`
  return JSON.parse(execFileSync(process.execPath, ['-e', script], { encoding: 'utf8' })) as ReturnType<typeof runModule>
}

const flat = (x: Tensor): number[] => [...x.toTypedArray()]
const near = (x: Tensor): unknown[] => flat(x).map((value) => expect.closeTo(value, 5))

describe.runIf(hasPrograms)('a module', () => {
  test('of a function of several inputs and outputs, with a variable', () => {
    const w = new Variable(random.normal([3, 4]), { name: 'w' })
    const waves = Array.from({ length: 50 }, (_, i) => Math.sin(i))
    const f = (x: Tensor, n: Tensor): Tensor[] => [
      x.matmul(w).softmax(),
      x.sum(0),
      x.cumsum(1),
      x.reshape([6, 1]).mul(waves).sort(),
      n.mul(2),
      w.take(n),
    ]
    const text = toModule(f, [
      { name: 'x', shape: [2, 3] },
      { name: 'n', shape: [2], dtype: 'int32' },
    ])
    const [x, n] = [random.normal([2, 3]), tensor([2, 0], { dtype: 'int32' })]
    const { results, error } = runModule(text, [flat(x), flat(n)])
    expect(results).toEqual(f(x, n).map(near))
    expect(error).toBe('run takes x, n, got 0 arrays')
  })

  const models: Record<string, { layers: () => AnyLayer[]; x: () => Tensor }> = {
    dense: {
      layers: () => [
        new Dense({ units: 5, activation: 'gelu' }),
        new BatchNormalization(),
        new Dense({ units: 2, activation: 'softmax' }),
      ],
      x: () => random.normal([3, 4]),
    },
    lstm: {
      layers: () => [new LSTM({ units: 4 }), new LayerNormalization(), new Dense({ units: 1 })],
      x: () => random.normal([3, 5, 2]),
    },
    'convolution and pooling': {
      layers: () => [
        new Conv2D({ filters: 5, kernelSize: 3, padding: 'same', activation: 'relu' }),
        new MaxPooling2D(),
        new Conv2D({ filters: 4, kernelSize: 2, strides: 2 }),
        new Flatten(),
        new Dense({ units: 3, activation: 'softmax' }),
      ],
      x: () => random.normal([3, 9, 7, 2]),
    },
    'depthwise, separable and transposed convolution': {
      layers: () => [
        new DepthwiseConv2D({ kernelSize: 3, padding: 'same' }),
        new BatchNormalization(),
        new SeparableConv2D({ filters: 6, kernelSize: 2, activation: 'elu' }),
        new Conv2DTranspose({ filters: 3, kernelSize: 3, strides: 2 }),
        new UpSampling2D(),
        new GlobalMaxPooling2D(),
      ],
      x: () => random.normal([3, 5, 6, 4]),
    },
    'convolution of sequences, causal and dilated': {
      layers: () => [
        new Conv1D({ filters: 6, kernelSize: 3, padding: 'causal', dilationRate: 2, groups: 2, activation: 'tanh' }),
        new AveragePooling1D({ poolSize: 3, padding: 'same' }),
        new LSTM({ units: 2 }),
      ],
      x: () => random.normal([3, 11, 4]),
    },
    embedding: {
      layers: () => [new Embedding({ inputDim: 7, outputDim: 3 }), new Flatten(), new Dense({ units: 1 })],
      x: () => random.integers([3, 4], { high: 7 }),
    },
  }
  test.each(Object.keys(models))('of a model: %s', async (name) => {
    const { layers, x: inputs } = models[name]
    const [model, x] = [new Sequential(layers()), inputs()]
    const y = await model.predict(x)
    expect(runModule(model.toModule({ batchSize: 3 }), [flat(x)]).results).toEqual([near(y)])
  })
})

describe.runIf(hasPrograms)('there is no module', () => {
  test('of what it could not do', () => {
    const x = { name: 'x', shape: [2] }
    const w = new Variable(zeros([2]), { name: 'w' })
    expect(() => toModule((a) => a.add(random.normal([2])), [x])).toThrow(/draws random numbers/)
    expect(() => toModule((a) => w.assign(a).value, [x])).toThrow(/changes variables: w/)
    expect(() => toModule((a) => a.searchsorted([0]), [x])).toThrow(/no code yet for host/)
    expect(() => toModule((a) => a.searchsorted([0]), [x])).toThrow(BackendError)
  })
})
