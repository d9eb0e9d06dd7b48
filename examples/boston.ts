// Lesson "Boston housing": house prices, 13-64-64-1 with swish and mse. `npm start -- boston --csv FILE` (header, the
// price in the last column); without a file, the diabetes data stands in.
import { Dense, Input, loadDiabetes, Model, plotHistory, readCsv, setSeed } from 'typegrad'
import { csv, epochs, report, seed, verbose } from './options.ts'

setSeed(seed)
if (!csv) console.log('No --csv: the embedded diabetes data stands in.\n')
const table = csv ? await readCsv(csv) : (await loadDiabetes()).table
const target = table.columns.at(-1)!
const x = table.drop(target)
const y = table.select([target])

const input = Input({ shape: [x.columns.length] })
let h = new Dense({ units: 64, activation: 'swish' }).apply(input)
h = new Dense({ units: 64, activation: 'swish' }).apply(h)
const output = new Dense({ units: 1 }).apply(h)
const model = new Model({ inputs: input, outputs: output })
model.compile({ loss: 'mse', optimizer: 'adam' })
model.summary()

const history = await model.fit(x, y, { epochs: epochs(200), validationSplit: 0.2, verbose })
const { loss } = await model.evaluate(x, y, { verbose: 0 })
console.log(`mean squared error ${loss.toFixed(3)}, so about ${Math.sqrt(loss).toFixed(2)} off\n`)
console.log(y.head().toString())
console.log((await model.predict(x.head())).toString())

const file = report('boston')
await plotHistory(history, { title: `${target}: mean squared error`, yScale: 'log' }).save(file)
console.log(`\nLearning curves: ${file}`)
