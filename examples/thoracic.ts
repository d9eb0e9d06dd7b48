// Lesson "thoracic surgery": do lung-cancer patients survive the operation? Two classes, 16 or 17 features, no header.
// `npm start -- thoracic --csv FILE [--hidden 60,30] [--epochs 1500]`; without a file, the breast-cancer data stands in.
import {
  Dense,
  formatShape,
  loadBreastCancer,
  plotHistory,
  readCsv,
  Sequential,
  setSeed,
  StandardScaler,
  trainTestSplit,
  type Tensor,
} from 'typegrad'
import { csv, epochs, hidden, report, seed, verbose } from './options.ts'

setSeed(seed)

async function load(): Promise<[x: Tensor, y: Tensor]> {
  if (csv) {
    const data = await readCsv(csv, { header: false })
    const label = data.columns.at(-1)!
    return [data.drop(label).toTensor(), data.column(label).toTensor()]
  }
  console.log('No --csv: the embedded breast-cancer data stands in.\n')
  const { x, y } = await loadBreastCancer()
  return [new StandardScaler().fitTransform(x), y]
}

const [x, y] = await load()
console.log(`x ${formatShape(x.shape)}, y ${formatShape(y.shape)}`)

const units = hidden([30])
const build = (): Sequential => {
  const model = new Sequential()
  units.forEach((n, i) => model.add(new Dense({ units: n, activation: 'relu', ...(i === 0 ? { inputDim: x.shape[1] } : {}) })))
  model.add(new Dense({ units: 1, activation: 'sigmoid' }))
  return model.compile({ loss: 'binary_crossentropy', optimizer: 'adam', metrics: ['acc'] })
}

const model = build()
model.summary()
const { history } = await model.fit(x, y, { epochs: epochs(5), batchSize: units.length > 1 ? 20 : 16, verbose })
console.log(`training accuracy: ${history['acc'].at(-1)!.toFixed(4)} (loss ${history['loss'].at(-1)!.toFixed(4)})\n`)

// The same with a part held back shows the over-fitting.
const [xTrain, xTest, yTrain, yTest] = trainTestSplit(x, y, { seed: 0 })
const second = build()
const curves = await second.fit(xTrain, yTrain, { epochs: epochs(5), batchSize: 20, validationData: [xTest, yTest], verbose: 0 })
const file = report('thoracic')
await plotHistory(curves, { title: 'Thoracic surgery: training and validation', metrics: ['acc'], yLimits: [0, 1] }).save(file)
console.log(`held-back accuracy: ${curves.history['val_acc'].at(-1)!.toFixed(4)}\nLearning curves: ${file}`)
