// Lesson "the body of fit opened up": the loop by hand, with a GradientTape. `npm start -- tape --csv FILE` (header, the
// price in the last column); without a file, the diabetes data stands in.
import { Adam, Dense, GradientTape, Input, loadDiabetes, losses, Model, readCsv, setSeed, zip } from 'typegrad'
import { csv, epochs, seed } from './options.ts'

setSeed(seed)
const table = csv ? await readCsv(csv) : (await loadDiabetes()).table
const target = table.columns.at(-1)!
const xTrain = table.drop(target).toTensor()
const yTrain = table.select([target]).toTensor()

const input = Input({ shape: [xTrain.shape[1]] })
let h = new Dense({ units: 64, activation: 'swish' }).apply(input)
h = new Dense({ units: 64, activation: 'swish' }).apply(h)
const model = new Model({ inputs: input, outputs: new Dense({ units: 1 }).apply(h) })

const loss = new losses.MeanSquaredError()
const optim = new Adam({ learningRate: 0.001 })

const steps = epochs(1000)
for (let e = 0; e < steps; e++) {
  const tape = new GradientTape()
  const cost = tape.run(() => {
    const pred = model.apply(xTrain, { training: true })
    return loss.apply(yTrain, pred)
  })
  const grad = tape.gradient(cost, model.trainableWeights)
  optim.applyGradients(zip(grad, model.trainableWeights))
  if (e % 100 === 99 || e === steps - 1) console.log(e, cost.item().toFixed(4))
}
