// Lesson "hidden layers and batch normalization": iris, 4-64-BN-64-BN-3 with swish, 500 silent epochs, then 20 more.
// `npm start -- iris [--csv FILE]`; the file has a header, and the species in the last column.
import { BatchNormalization, Dense, getDummies, Input, loadIris, Model, readCsv, setSeed } from 'typegrad'
import { csv, epochs, seed, verbose } from './options.ts'

setSeed(seed)
const table = csv ? await readCsv(csv) : (await loadIris()).table
const target = table.columns.at(-1)!
const x = table.drop(target)
const y = getDummies(table.select([target]))
console.log(table.head().toString())

const input = Input({ shape: [x.columns.length] })
let h = new Dense({ units: 64, activation: 'swish' }).apply(input)
h = new BatchNormalization().apply(h)
h = new Dense({ units: 64, activation: 'swish' }).apply(h)
h = new BatchNormalization().apply(h)
const output = new Dense({ units: y.columns.length, activation: 'softmax' }).apply(h)

const model = new Model({ inputs: input, outputs: output })
model.compile({ loss: 'categorical_crossentropy', metrics: ['accuracy'] })
model.summary()

await model.fit(x, y, { epochs: epochs(500), batchSize: 150, verbose: 0 })
const { history } = await model.fit(x, y, { epochs: 20, batchSize: 150, verbose })
console.log(`loss ${history['loss'].at(-1)!.toExponential(4)}, accuracy ${history['accuracy'].at(-1)!.toFixed(4)}`)

console.log('\nThe first five samples, as probabilities:')
console.log((await model.predict(x.head())).mul(100).round().div(100).toString())
