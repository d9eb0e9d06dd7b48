/** What a page does: trains, saves to the stores of the browser, loads again. Tells the server how each check went. */
import {
  Adam,
  arrayToImg,
  Dense,
  imageDatasetFromDirectory,
  imgToArray,
  loadImg,
  LoadError,
  loadModel,
  loadOnnx,
  readSafetensors,
  Sequential,
  setSeed,
  threads,
  TypegradError,
  writeSafetensors,
  type Tensor,
} from 'typegrad'

const tell = (line: string): Promise<unknown> => fetch('/tell', { method: 'POST', body: line })

function equal(got: unknown, expected: unknown): void {
  const [a, b] = [JSON.stringify(got), JSON.stringify(expected)]
  if (a !== b) throw new Error(`${a.slice(0, 300)}, expected ${b.slice(0, 300)}`)
}

const x = Array.from({ length: 64 }, (_, i) => [Math.sin(i), Math.cos(3 * i)])
const y = x.map(([a, b]) => [a * b, a - b])

function made(): Sequential {
  setSeed(7)
  const model = new Sequential([new Dense({ units: 16, activation: 'tanh', inputDim: 2 }), new Dense({ units: 2 })])
  return model.compile({ optimizer: new Adam({ learningRate: 0.01 }), loss: 'mse' })
}

const predictions = async (model: { predict(x: unknown): Promise<unknown> }): Promise<unknown> =>
  ((await model.predict(x)) as Tensor).toArray()

/** A model after some epochs; its loss must have fallen. */
async function trained(): Promise<Sequential> {
  const model = made()
  const { history } = await model.fit(x, y, { epochs: 20, verbose: 0 })
  if (!(history['loss'].at(-1)! < history['loss'][0] / 2))
    throw new Error(`the loss went from ${history['loss'][0]} to ${history['loss'].at(-1)}`)
  return model
}

const rejection = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => undefined,
    (error: unknown) => error,
  )

const checks: Record<string, () => Promise<void>> = {
  'training on the page': async () => {
    if (!(await trained()).explain().includes('kernels')) throw new Error('the steps were not compiled')
  },
  'training with threads, where the page is isolated': async () => {
    equal(globalThis.crossOriginIsolated, true)
    const { count, reason } = threads()
    if (navigator.hardwareConcurrency > 1 && count < 2) throw new Error(`one thread: ${reason}`)
  },
  'training in a worker, which saves where the page loads': async () => {
    const worker = new Worker(new URL('./worker.ts', import.meta.url), { type: 'module' })
    const answer = await new Promise<unknown>((resolve, reject) => {
      worker.addEventListener('message', ({ data }) => resolve(data))
      worker.addEventListener('error', ({ message }) => reject(new Error(message)))
    })
    worker.terminate()
    if (typeof answer === 'string') throw new Error(answer)
    equal(await predictions(await loadModel('indexeddb://worker.safetensors')), answer)
  },
  ...Object.fromEntries(
    ['indexeddb', 'opfs'].flatMap((store) =>
      ['keras', 'safetensors'].map((ending) => [
        `a model as .${ending} in ${store}`,
        async () => {
          const place = `${store}://models/a%20model.${ending}`
          const model = await trained()
          await made().save(place)
          // Saving again replaces it.
          await model.save(place)
          const loaded = await loadModel(place)
          equal(await predictions(loaded), await predictions(model))
          equal(loaded.optimizer.iterations, model.optimizer.iterations)
          const weights = place.replace(/\w+$/, ending === 'keras' ? 'weights.h5' : 'safetensors')
          await model.saveWeights(weights)
          const other = made()
          await other.loadWeights(weights)
          equal(await predictions(other), await predictions(model))
        },
      ]),
    ),
  ),
  ...Object.fromEntries(
    ['indexeddb', 'opfs'].map((store) => [
      `a checkpoint in ${store}, from which training goes on to the bit`,
      async () => {
        const place = `${store}://run.safetensors`
        const whole = await trained()
        await whole.fit(x, y, { epochs: 3, verbose: 0 })
        const first = await trained()
        await first.saveCheckpoint(place, { progress: { epoch: 20 } })
        const second = made()
        equal(await second.loadCheckpoint(place), { epoch: 20 })
        await second.fit(x, y, { epochs: 3, verbose: 0 })
        equal(await predictions(second), await predictions(whole))
        equal(await made().loadCheckpoint(`${store}://no/such`), undefined)
        const error = await rejection(loadModel(`${store}://no/such`))
        if (!(error instanceof LoadError)) throw new Error(`no LoadError: ${String(error)}`)
      },
    ]),
  ),
  'a large file in opfs, written in pieces': async () => {
    const values = new Float32Array(8_000_000).map((_, i) => i)
    await writeSafetensors('opfs://large.safetensors', { values })
    const { tensors } = await readSafetensors('opfs://large.safetensors')
    equal(tensors.get('values')!.slice(-1).item(), Math.fround(7_999_999))
  },
  'a file that the reader chose': async () => {
    const model = await trained()
    await model.save('opfs://chosen.keras')
    const root = await navigator.storage.getDirectory()
    const file = await (await root.getFileHandle('chosen.keras')).getFile()
    equal(await predictions(await loadModel(file)), await predictions(model))
  },
  'an address, with progress': async () => {
    const told: [number, number | undefined][] = []
    const model = await loadModel('/files/wide.keras', { onProgress: (received, total) => told.push([received, total]) })
    const total = told[0][1]!
    equal(told.at(-1), [total, total])
    equal(
      told.every(([received], i) => received > (told[i - 1]?.[0] ?? 0)),
      true,
    )
    if (told.length < 2) throw new Error('it was told once')
    equal(model.countParams(), 1024 * 512 + 512)
    const error = await rejection(loadModel('/files/none.keras'))
    if (!(error instanceof LoadError && error.message.includes('404'))) throw new Error(`no LoadError: ${String(error)}`)
  },
  'an ONNX model from an address': async () => {
    const model = await loadOnnx(new URL('/files/model.onnx', location.href))
    equal(((await model.predict([[1, 2]])) as Tensor).toArray(), [[3, 6]])
  },
  'images: of a canvas, of files, by class': async () => {
    const canvas = new OffscreenCanvas(3, 2)
    const context = canvas.getContext('2d')!
    const colours = ['#000000', '#ff0000', '#00ff00', '#0000ff', '#ffffff', '#102030']
    colours.forEach((colour, i) => {
      context.fillStyle = colour
      context.fillRect(i % 3, Math.floor(i / 3), 1, 1)
    })
    const values = [[[0, 0, 0], [255, 0, 0], [0, 255, 0]], [[0, 0, 255], [255, 255, 255], [16, 32, 48]]] // prettier-ignore
    equal(imgToArray(context.getImageData(0, 0, 3, 2)).toArray(), values)
    const file = new File([await canvas.convertToBlob()], 'a.png')
    equal((await loadImg(file)).toArray(), values)
    context.putImageData(new ImageData(arrayToImg(values).data, 3), 0, 0)
    equal(imgToArray(context.getImageData(0, 0, 3, 2)).toArray(), values)
    for await (const [images, labels] of await imageDatasetFromDirectory({ a: [file], b: [file] }, { imageSize: [2, 3], shuffle: false }))
      equal([images.toArray(), labels.toArray()], [[values, values], [0, 1]]) // prettier-ignore
    for (const refused of [loadImg(new Blob(['no image'])), imageDatasetFromDirectory('folder')]) {
      const error = await rejection(refused)
      if (!(error instanceof TypegradError)) throw new Error(String(error))
    }
  },
  'a download': async () => {
    await (await trained()).save('download://trained.keras')
    const error = await rejection(loadModel('download://trained.keras'))
    if (!(error instanceof LoadError)) throw new Error(`no LoadError: ${String(error)}`)
  },
  'what cannot be written to': async () => {
    const error = await rejection(made().save('https://example.org/a.keras'))
    if (!String(error).includes('browsers to opfs://name')) throw new Error(String(error))
  },
}

for (const [name, check] of Object.entries(checks)) {
  const error = await rejection(check())
  await tell(error === undefined ? `ok: ${name}` : `WRONG: ${name}: ${(error as Error).stack}`)
}
await tell('done')
