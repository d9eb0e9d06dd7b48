/** Writes the models of test/golden/keras as `.keras` and `.onnx`, with what they predict, for check-formats.py: `npm run formats:write -- folder`. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { exportOnnx, loadModel, MismatchError } from '@typegrad/formats'
import type { Data } from '@typegrad/model'
import { tensor, type DType, type Tensor } from '@typegrad/tensor'

interface Stored {
  readonly shape: number[]
  readonly dtype: string
  readonly data: number[]
}
type Given = Stored | string[] | string[][] | number[][]

const [folder] = process.argv.slice(2)
mkdirSync(folder, { recursive: true })
const golden = fileURLToPath(new URL('../test/golden/', import.meta.url))
const json = (path: string): any => JSON.parse(readFileSync(join(golden, path), 'utf8'))
const texts = json('keras/texts.json')

const isStored = (value: unknown): value is Stored => typeof value === 'object' && value !== null && 'shape' in value
const asDType = (dtype: string): DType => (dtype === 'int64' ? 'int32' : (dtype as DType))
const stored = (x: Tensor): Stored => ({ shape: [...x.shape], dtype: x.dtype, data: [...x.toTypedArray()] })
const read = (x: Given) =>
  isStored(x)
    ? tensor(x.data.map(Number), { shape: x.shape, dtype: asDType(x.dtype) })
    : typeof [x].flat(3)[0] === 'string'
      ? (x as string[])
      : tensor(x)

for (const file of readdirSync(join(golden, 'keras')).filter((name) => name.endsWith('.keras'))) {
  const name = file.slice(0, -6)
  const model = await loadModel(join(golden, 'keras', file))
  const given = (texts[name]?.unseen ?? json(`models/${name}.json`).x) as Given | Record<string, Given> | Given[]
  const named = isStored(given) || (Array.isArray(given) && !isStored(given[0])) ? [given as Given] : Object.values(given)
  const byName = isStored(given) || Array.isArray(given) ? undefined : given
  const x = model.inputNames.map((input, i) => read(byName ? byName[input] : named[i]))
  const inputs = Object.fromEntries(model.inputNames.map((input, i) => [input, x[i]]))
  const predicted = [await model.predict((x.length === 1 ? x[0] : inputs) as Data, { batchSize: 1000 })].flat()
  await model.save(join(folder, file))
  await exportOnnx(model, join(folder, `${name}.onnx`)).catch((error: unknown) => {
    if (!(error instanceof MismatchError)) throw error
  })
  const kept = Object.entries(inputs).map(([input, value]) => [input, Array.isArray(value) ? value : stored(value)])
  const state = { compiled: model.compiled, iterations: model.compiled ? model.optimizer.iterations : 0 }
  writeFileSync(
    join(folder, `${name}.json`),
    JSON.stringify({ ...state, inputs: Object.fromEntries(kept), predict: predicted.map(stored) }),
  )
}
