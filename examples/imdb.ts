// Lesson "movie reviews": is a review positive? Word numbers become sparse multi-hot vectors, Dense 16-16-1, RMSprop.
// `npm start -- imdb [--npz FILE] [--words 500]`; without a file, Keras' imdb.npz is downloaded once.
import { Dense, Input, loadImdb, losses, metrics, plotHistory, RMSprop, Sequential, setSeed, vectorizeSequences } from 'typegrad'
import { epochs, npz, report, seed, verbose, words } from './options.ts'

setSeed(seed)
const numWords = words(npz ? 500 : 10_000)
const { xTrain: trainData, yTrain, xTest: testData, yTest } = await loadImdb({ numWords, ...(npz ? { path: npz } : {}) })
console.log(`${trainData.length} training and ${testData.length} test reviews, ${numWords} words`)
const xTrain = vectorizeSequences(trainData, numWords, { sparse: true })
const xTest = vectorizeSequences(testData, numWords, { sparse: true })

const build = (): Sequential => {
  const model = new Sequential([
    Input({ shape: [numWords] }),
    new Dense({ units: 16, activation: 'relu' }),
    new Dense({ units: 16, activation: 'relu' }),
    new Dense({ units: 1, activation: 'sigmoid' }),
  ])
  return model.compile({
    optimizer: new RMSprop({ learningRate: 0.001 }),
    loss: losses.binaryCrossentropy,
    metrics: [new metrics.BinaryAccuracy()],
  })
}

// A part of the training data is held back: 10,000 of Keras' 25,000 reviews.
const held = Math.round(trainData.length * 0.4)
const history = await build().fit(xTrain.slice([held, null]), yTrain.slice([held, null]), {
  epochs: epochs(20),
  batchSize: 512,
  validationData: [xTrain.slice([0, held]), yTrain.slice([0, held])],
  verbose,
})
const file = report('imdb')
await plotHistory(history, { title: 'IMDB: training and validation' }).save(file)
console.log(`Learning curves: ${file}`)

// The validation loss rises soon: a fresh model is trained for fewer epochs and evaluated on the test data.
const best = history.history['val_loss'].indexOf(Math.min(...history.history['val_loss'])) + 1
const model = build()
await model.fit(xTrain, yTrain, { epochs: best, batchSize: 512, verbose: 0 })
const results = await model.evaluate(xTest, yTest, { verbose: 0 })
console.log(
  `after ${best} epochs on all training reviews: test accuracy ${results['binary_accuracy'].toFixed(4)}, loss ${results['loss'].toFixed(4)}`,
)
console.log('first predictions:', (await model.predict(xTest.slice([0, 5]))).reshape([5]).toString())
