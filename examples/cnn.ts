// Handwritten digits again, by convolutions: callbacks that watch the validation loss, and a model that is saved and loaded.
import {
  BatchNormalization,
  Conv2D,
  Dense,
  Dropout,
  EarlyStopping,
  Flatten,
  Input,
  loadDigits,
  loadModel,
  MaxPooling2D,
  plotHistory,
  ReduceLROnPlateau,
  Sequential,
  setSeed,
  trainTestSplit,
} from 'typegrad'
import { epochs, report, seed, verbose } from './options.ts'

setSeed(seed)
const { images, y } = await loadDigits()
const [xTrain, xTest, yTrain, yTest] = trainTestSplit(images.div(16).expandDims(-1), y, { testSize: 0.2, seed, stratify: y })

const model = new Sequential([
  Input({ shape: [8, 8, 1] }),
  new Conv2D({ filters: 32, kernelSize: 3, padding: 'same', activation: 'relu' }),
  new BatchNormalization(),
  new Conv2D({ filters: 32, kernelSize: 3, padding: 'same', activation: 'relu' }),
  new MaxPooling2D(),
  new Dropout({ rate: 0.25 }),
  new Flatten(),
  new Dense({ units: 64, activation: 'relu' }),
  new Dropout({ rate: 0.25 }),
  new Dense({ units: 10, activation: 'softmax' }),
])
model.compile({ optimizer: 'adam', loss: 'sparseCategoricalCrossentropy', metrics: ['accuracy'] })
model.summary()

const history = await model.fit(xTrain, yTrain, {
  epochs: epochs(40),
  validationSplit: 0.15,
  callbacks: [
    new ReduceLROnPlateau({ monitor: 'val_loss', factor: 0.5, patience: 3 }),
    new EarlyStopping({ monitor: 'val_loss', patience: 8, restoreBestWeights: true }),
  ],
  verbose,
})

const file = report('cnn')
await plotHistory(history, { title: 'Digits, by convolutions' }).save(file)
console.log(`Learning curves: ${file}`)

// The file holds architecture, weights and optimizer, and Keras reads it, too.
const saved = file.replace(/(\.\w+)?$/, '.keras')
await model.save(saved)
const { accuracy, loss } = await (await loadModel(saved)).evaluate(xTest, yTest, { verbose: 0 })
console.log(`test accuracy of ${saved}: ${accuracy.toFixed(4)}, loss ${loss.toFixed(4)}`)
