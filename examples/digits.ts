// Handwritten digits: 1,797 real 8×8 images, ten classes. What `npm start` runs.
import { drawImages, Dense, Dropout, Input, loadDigits, plotHistory, Sequential, setSeed, trainTestSplit } from 'typegrad'
import { epochs, report, seed, verbose } from './options.ts'

setSeed(seed)
const { images, x, y } = await loadDigits()
const pixels = x.div(16) // 0 … 16 becomes 0 … 1
const [xTrain, xTest, yTrain, yTest, , imagesTest] = trainTestSplit(pixels, y, images, { testSize: 0.2, seed, stratify: y })

const model = new Sequential([
  Input({ shape: [64] }),
  new Dense({ units: 128, activation: 'relu' }),
  new Dropout({ rate: 0.3 }),
  new Dense({ units: 64, activation: 'relu' }),
  new Dropout({ rate: 0.3 }),
  new Dense({ units: 10, activation: 'softmax' }),
])
model.compile({ optimizer: 'adam', loss: 'sparseCategoricalCrossentropy', metrics: ['accuracy'] })
model.summary()

const history = await model.fit(xTrain, yTrain, { epochs: epochs(40), batchSize: 32, validationSplit: 0.1, verbose })
const { accuracy } = await model.evaluate(xTest, yTest, { verbose: 0 })
console.log(`\ntest accuracy: ${accuracy.toFixed(4)}\n`)

const shown = 6
const predicted = (await model.predict(xTest.slice([0, shown]))).argmax(-1).toArray()
const captions = yTest
  .slice([0, shown])
  .toArray()
  .map((label: number, i: number) => `${predicted[i]} (is ${label})`)
console.log(drawImages(imagesTest.slice([0, shown]), captions))

const file = report('digits')
await plotHistory(history, { title: 'Digits: learning curves' }).save(file)
console.log(`\nLearning curves: ${file}`)
