import { Conv2D, Dense, Flatten, Input, MaxPooling2D } from '@typegrad/layers'
import { Sequential, type Batch } from '@typegrad/model'
import { compile, random, scope, setBackend, setSeed, zeros, type Tensor } from '@typegrad/tensor'
import { disposeGpu, gpuCounters, gpuInfo, useBackend } from '@typegrad/gpu'
import { mustAgree, race, type Row } from '../case.ts'
import { inProcess, interleave } from '../measure.ts'

/** What is asked of a GPU, and of a software renderer, which is thousands of times slower. */
const sizes = {
  card: {
    products: [256, 512, 1024, 2048, 4096],
    floats: 2 ** 24,
    mlp: { inputs: 784, units: 512, batch: 128 },
    cnn: { side: 28, filters: 16, batch: 64 },
  },
  software: {
    products: [32, 64],
    floats: 2 ** 16,
    mlp: { inputs: 32, units: 16, batch: 16 },
    cnn: { side: 8, filters: 4, batch: 8 },
  },
}

/** What cards can do at most by their data sheets: float32 without tensor cores in GFLOP/s, memory in GB/s. */
const cards: readonly [RegExp, Peak][] = [
  [/H200/, { flops: 67e3, bytes: 4800 }],
  [/H100.*PCIe/, { flops: 51e3, bytes: 2000 }],
  [/H100/, { flops: 67e3, bytes: 3350 }],
  [/A100.*80GB/, { flops: 19.5e3, bytes: 2039 }],
  [/A100/, { flops: 19.5e3, bytes: 1555 }],
  [/\bL40S/, { flops: 91.6e3, bytes: 864 }],
  [/\bL4\b/, { flops: 30.3e3, bytes: 300 }],
  [/\bT4\b/, { flops: 8.1e3, bytes: 300 }],
  [/RTX 4090/, { flops: 82.6e3, bytes: 1008 }],
]
interface Peak {
  readonly flops: number
  readonly bytes: number
}

/** The row with the part of what the card can do, if that is known. */
const ofPeak = (row: Row, peak: number | undefined): Row =>
  peak === undefined ? row : { ...row, beside: { 'of peak': row.ours / peak } }

const topic = 'gpu'
/** Runs `f` and waits until all is done; its result is freed. */
async function drained(f: () => Tensor): Promise<void> {
  let read: Promise<unknown> | undefined
  scope(() => {
    const x = f()
    read = x.slice(...x.shape.map((): [number, number] => [0, 1])).data()
  })
  await read
}

/** Runs `f` so many times, each in a scope, and waits for the last. */
const series = (times: number, f: () => Tensor) => async (): Promise<void> => {
  for (let i = 1; i < times; i++) scope(f)
  await drained(f)
}

/**
 * The gpu beside the wasm backend: products, a dense layer in one kernel, bandwidth, training steps, what a launch costs, and
 * transfers. `GPU_SOFTWARE=1` takes a software renderer, on small sizes, to try the bench; its figures say nothing of a GPU.
 */
export async function* gpu(): AsyncGenerator<Row> {
  const options = { allowSoftware: process.env['GPU_SOFTWARE'] === '1' }
  const info = await gpuInfo(options)
  if (!info.available) {
    console.log(`gpu: skipped, ${info.reason}; ${info.hint}\n`)
    return
  }
  const found = await useBackend('gpu', options)
  console.log(
    `adapter: ${found.adapter}, ${found.mode}, ${found.kernels ?? 'stock'} kernels${found.software ? ', A SOFTWARE RENDERER' : ''}\n`,
  )
  const peak = cards.find(([name]) => name.test(found.adapter ?? ''))?.[1]
  if (peak) console.log(`at most ${peak.flops / 1e3} TFLOP/s and ${peak.bytes} GB/s by its data sheet\n`)
  const size = found.software ? sizes.software : sizes.card
  setBackend('wasm')
  setSeed(1)
  for await (const row of products(size.products)) yield ofPeak(row, peak?.flops)
  for await (const row of launches(size.floats)) yield row.unit === 'GB/s' ? ofPeak(row, peak?.bytes) : row
  yield* steps(size)
  yield* transfers(size.floats)
  await disposeGpu()
}

async function* products(list: readonly number[]): AsyncGenerator<Row> {
  for (const n of list) {
    const [a, b, bias] = [random.normal([n, n]), random.normal([n, n]), random.normal([n])]
    const [x, y, z] = await Promise.all([a, b, bias].map((v) => v.to('gpu')))
    const times = Math.max(5, Math.min(200, Math.round(2e11 / n ** 3)))
    const value = (microseconds: number): number => (2 * n ** 3 * times) / microseconds / 1e3
    mustAgree(`${n}³`, await x.matmul(y).slice([0, 1]).data(), a.slice([0, 1]).matmul(b).toTypedArray())
    const row = await race({ topic, case: `${n}³`, unit: 'GFLOP/s', value, ours: onGpu(series(times, () => x.matmul(y))) })
    yield n > 1024 ? row : { ...row, peers: { wasm: value(times * (await onWasm(() => a.matmul(b)))) } }
    const dense = compile((u: Tensor, w: Tensor, c: Tensor) => u.matmul(w).add(c).relu())
    yield await race({
      topic,
      case: `${n}³ + bias, relu`,
      unit: 'GFLOP/s',
      value,
      ours: onGpu(series(times, () => dense(x, y, z))),
    })
    setBackend('wasm')
  }
}

/** Microseconds on the host, which is not asked as often as the gpu. */
async function onWasm(f: () => unknown): Promise<number> {
  setBackend('wasm')
  const [{ median }] = await interleave([inProcess('wasm', f)], { rounds: 5 })
  return median
}

/** Contestants take turns, and with them their backends. */
const onGpu =
  <T>(f: () => T): (() => T) =>
  () => {
    setBackend('gpu')
    return f()
  }

async function* launches(floats: number): AsyncGenerator<Row> {
  const many = await random.normal([floats]).to('gpu')
  const few = await random.normal([64]).to('gpu')
  const next = compile((x: Tensor) => x.mul(0.5))
  const cases: [string, string, Tensor, number, (microseconds: number) => number, (x: Tensor) => Tensor][] = [
    [`x + x, ${floats} floats`, 'GB/s', many, 50, (t) => (50 * 8 * floats) / t / 1e3, (x) => x.add(x)],
    ['a launch, op by op', 'µs', few, 500, (t) => t / 500, (x) => x.mul(0.5)],
    ['a launch, compiled', 'µs', few, 500, (t) => t / 500, (x) => next(x)],
  ]
  for (const [name, unit, x, times, value, f] of cases)
    yield await race({ topic, case: name, unit, value, ours: onGpu(series(times, () => f(x))) })
}

async function* steps({ mlp, cnn }: (typeof sizes)['card']): AsyncGenerator<Row> {
  const dense = (): Sequential =>
    new Sequential([
      Input({ shape: [mlp.inputs] }),
      new Dense({ units: mlp.units, activation: 'relu' }),
      new Dense({ units: mlp.units, activation: 'relu' }),
      new Dense({ units: 10, activation: 'softmax' }),
    ])
  const conv = (): Sequential =>
    new Sequential([
      Input({ shape: [cnn.side, cnn.side, 1] }),
      new Conv2D({ filters: cnn.filters, kernelSize: 3, activation: 'relu' }),
      new MaxPooling2D({ poolSize: 2 }),
      new Flatten(),
      new Dense({ units: 10, activation: 'softmax' }),
    ])
  const cases: [string, () => Sequential, number[]][] = [
    [`MLP ${mlp.inputs}-${mlp.units}-${mlp.units}-10, batch ${mlp.batch}, Adam`, dense, [mlp.batch, mlp.inputs]],
    [`CNN ${cnn.side}²-${cnn.filters}-10, batch ${cnn.batch}, Adam`, conv, [cnn.batch, cnn.side, cnn.side, 1]],
  ]
  const times = 20
  for (const [name, make, shape] of cases) {
    setBackend('wasm')
    const [x, y] = [random.uniform(shape), random.integers([shape[0]], { high: 10 })]
    const step = async (device: 'gpu' | 'wasm', jit: boolean): Promise<() => Promise<unknown>> => {
      setBackend('wasm')
      const model = make().compile({ loss: 'sparseCategoricalCrossentropy', optimizer: 'adam', device, jit })
      await model.steps.begin()
      const data: Batch = { x: [await x.to(device)], y: [await y.to(device)], sampleWeight: [] }
      return async () => {
        for (let i = 0; i < times; i++) model.steps.train(data)
        return model.readLogs()
      }
    }
    const others = { 'op by op': await step('gpu', false), wasm: await step('wasm', true) }
    const ours = await step('gpu', true)
    await ours()
    const before = gpuCounters().launches
    await ours()
    const count = Math.round((gpuCounters().launches - before) / times)
    yield await race({ topic, case: `${name}, ${count} launches`, unit: 'µs/step', value: (t) => t / times, ours, others })
  }
}

async function* transfers(floats: number): AsyncGenerator<Row> {
  setBackend('wasm')
  const host = random.normal([floats])
  const [many, one] = [await host.to('gpu'), await zeros([1]).to('gpu')]
  const rate = (microseconds: number): number => (4 * floats) / microseconds / 1e3
  const upload = (): Promise<void> => drained(() => host.add(one))
  yield await race({ topic, case: 'upload, and a sum', unit: 'GB/s', value: rate, ours: onGpu(upload) })
  yield await race({ topic, case: 'readback', unit: 'GB/s', value: rate, ours: () => many.data() })
  yield await race({ topic, case: 'readback of one number', unit: 'µs', value: (t) => t, ours: () => one.data() })
}
