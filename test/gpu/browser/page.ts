/** What the browser runs: the same ops on the host and on the gpu. Tells the server, line by line, how it went. */
import { compile, concat, formulaOps, random, reductions, scope, setBackend, tensor, where, type Tensor } from '@typegrad/tensor'
import { grad } from '@typegrad/autograd'
import { Conv2D, Dense, Flatten, MaxPooling2D } from '@typegrad/layers'
import { Sequential } from '@typegrad/model'
import { disposeGpu, gpuCounters, useBackend } from '@typegrad/gpu'
import { numbers } from '../arrays.ts'

type Method = (this: Tensor, ...args: unknown[]) => Tensor
const method = (x: Tensor, name: string, ...args: unknown[]): Tensor =>
  (x as unknown as Record<string, Method>)[name].call(x, ...args)

const x = numbers([3, 4, 5])
const image = numbers([2, 6, 5, 4])
const kernel = numbers([3, 2, 4, 6], 5)

const dense = compile((v: Tensor, w: Tensor, bias: Tensor) => v.matmul(w).add(bias).gelu().mul(0.5))
const chain = compile((v: Tensor, row: Tensor) => v.mul(row).add(1).sigmoid().mul(v).sub(row))

/** The weights of a small model, trained where steps are computed. */
async function trained(device: string): Promise<Float32Array> {
  setBackend('cpu')
  random.setSeed(3)
  const layers = [
    new Conv2D({ filters: 3, kernelSize: 3, activation: 'relu', inputShape: [6, 6, 2] }),
    new MaxPooling2D({ poolSize: 2 }),
    new Flatten(),
    new Dense({ units: 3, activation: 'softmax' }),
  ]
  const model = new Sequential(layers).compile({ optimizer: 'adam', loss: 'sparseCategoricalCrossentropy', device })
  const samples = numbers([24, 6, 6, 2])
  const labels = samples.reshape([24, -1]).slice(null, [0, 3]).argmax(-1)
  const { history } = await model.fit(samples, labels, { epochs: 2, batchSize: 8, verbose: 0 })
  const weights = await Promise.all(model.weights.map((weight) => weight.data()))
  return Float32Array.from([...history['loss'], ...weights.flatMap((values) => [...values])])
}

const checks: [name: string, f: () => Tensor, tolerance?: number][] = [
  ...Object.keys(formulaOps).map((name): [string, () => Tensor, number] => {
    const tensors = formulaOps[name].args.filter((arg) => /^(x|a|b|low|high|condition)$/.test(arg)).length
    const others = [numbers([5], 2), numbers([4, 1], 3)].slice(0, name === 'squareplus' ? 0 : tensors - 1)
    return [name, () => method(x.transpose([0, 2, 1]).transpose([0, 2, 1]), name, ...others), 1e-5]
  }),
  ...Object.keys(reductions).map((name): [string, () => Tensor] => [name, () => method(x, name, [0, 2])]),
  ['sum in two stages', () => numbers([5000]).sum()],
  ['argmax', () => x.argmax(1)],
  ['matmul', () => numbers([2, 3, 4]).matmul(numbers([2, 5, 4], 2).swapaxes(1, 2))],
  ['matmul in tiles', () => numbers([40, 33]).matmul(numbers([33, 50], 2))],
  ['a dense layer', () => dense(numbers([5, 7]), numbers([7, 4], 2), numbers([4], 3)), 1e-5],
  ['a dense layer in tiles', () => dense(numbers([40, 33]), numbers([33, 50], 2), numbers([50], 3)), 1e-5],
  ['a chain in one kernel', () => chain(x, numbers([5], 2)), 1e-5],
  ['softmax', () => x.softmax(1)],
  ['long softmax', () => numbers([3, 100]).logSoftmax()],
  ['rank 5', () => numbers([2, 3, 2, 3, 2]).transpose([4, 2, 0, 3, 1]).add(1)],
  ['concat', () => concat([x, x.flip(2), x], 1)],
  ['pad', () => x.pad(1, 7)],
  [
    'take',
    () =>
      x.take(
        [
          [0, 2],
          [1, 1],
        ],
        1,
      ),
  ],
  ['gradient of take', () => grad((v) => v.take([0, 2, 0], 1).square().sum())(x)],
  ['sort', () => x.sort(1)],
  ['cumsum', () => x.cumsum(1, { reverse: true })],
  ['where', () => where(x.greater(0), x, 1)],
  ['uniform', () => new random.Generator(7).uniform([1000]), 0],
  ['conv', () => image.conv(kernel, { padding: 'same', strides: 2 })],
  ['gradient of conv', () => grad((v) => v.conv(kernel).square().sum())(image), 1e-5],
  ['gradient of the kernel', () => grad((v) => image.conv(v).square().sum())(kernel), 1e-5],
  ['maxPool', () => image.maxPool(2)],
  ['gradient of maxPool', () => grad((v) => v.maxPool(2).square().sum())(image)],
]

const tell = (line: string): Promise<unknown> => fetch('/tell', { method: 'POST', body: line })

async function check(f: () => Tensor, tolerance: number): Promise<string | undefined> {
  setBackend('cpu')
  const want = f().toTypedArray()
  setBackend('gpu')
  const made = f()
  setBackend('cpu')
  const got = await made.data()
  let largest = 1e-3
  for (const v of want) if (Number.isFinite(v)) largest = Math.max(largest, Math.abs(v))
  if (got.length !== want.length) return `${got.length} elements, expected ${want.length}`
  for (let i = 0; i < want.length; i++) {
    if (want[i] === got[i] || (Number.isNaN(want[i]) && Number.isNaN(got[i]))) continue
    if (!(Math.abs(got[i] - want[i]) <= tolerance * largest)) return `element ${i} is ${got[i]}, expected ${want[i]}`
  }
  return undefined
}

async function run(mode: 'webgpu' | 'webgl2'): Promise<void> {
  const info = await useBackend('gpu', { mode, allowSoftware: true })
  await tell(`${mode}: ${JSON.stringify(info)}`)
  let good = 0
  for (const [name, f, tolerance = 3e-6] of checks) {
    const wrong = await check(f, tolerance).catch(String)
    if (wrong === undefined) good++
    else await tell(`WRONG ${mode} ${name}: ${wrong}`)
  }
  const [got, want] = [await trained('gpu'), await trained('cpu')]
  const far = want.findIndex((value, i) => !(Math.abs(got[i] - value) < 1e-4))
  if (far >= 0) await tell(`WRONG ${mode} fit: number ${far} is ${got[far]}, expected ${want[far]}`)
  setBackend('gpu')
  const w = await tensor(numbers([8, 8])).to('gpu')
  const step = (): void =>
    scope(() => {
      w.matmul(w).relu().sum()
    })
  for (let i = 0; i < 10; i++) step()
  const before = gpuCounters()
  for (let i = 0; i < 100; i++) step()
  const { buffers, bytes } = gpuCounters()
  if (buffers !== before.buffers || bytes !== before.bytes)
    await tell(`WRONG ${mode}: 100 steps took ${buffers - before.buffers} buffers`)
  await disposeGpu()
  await tell(`${mode}: ${good} of ${checks.length} good`)
}

const wanted = new URLSearchParams(location.search).get('modes')?.split(',') ?? ['webgpu', 'webgl2']
for (const mode of wanted as ('webgpu' | 'webgl2')[])
  await run(mode).catch((error: Error) => tell(`WRONG ${mode}: ${error.stack}`))
await tell('done')
