// Lesson "a perceptron by hand": one weight, one bias, and the rule w ← w + rate · error / prediction, without any model.
// Then the same line found by a Dense layer.
import { Adam, Dense, Input, random, Sequential, setSeed, tensor } from 'typegrad'
import { epochs, seed } from './options.ts'

setSeed(seed)

/** Learns y = w·x + b for one sample at a time and says how it went. */
function fitByHand(x: number, y: number, rounds: number, learningRate: number): { w: number; b: number } {
  let w = random.uniform().item()
  let b = random.uniform().item()
  for (let i = 0; i < rounds; i++) {
    const predicted = w * x + b
    const error = y - predicted
    console.log(`round ${i}: prediction ${predicted.toFixed(4)}, error ${error.toFixed(4)}`)
    const step = error / predicted
    w += step * learningRate
    b += step * learningRate
  }
  return { w, b }
}

const { w, b } = fitByHand(2, 10, 20, 1)
console.log(`by hand: w = ${w.toFixed(3)}, b = ${b.toFixed(3)}, so that 2w + b = ${(2 * w + b).toFixed(3)}, wanted was 10\n`)

// Many samples of y = 3x + 1 with a little noise, and a model with one neuron.
const x = random.uniform([200, 1], { low: -1, high: 1 })
const y = x
  .mul(3)
  .add(1)
  .add(random.normal([200, 1], { stddev: 0.05 }))
const model = new Sequential([Input({ shape: [1] }), new Dense({ units: 1 })])
model.compile({ loss: 'mse', optimizer: new Adam({ learningRate: 0.1 }) })
const { history } = await model.fit(x, y, { epochs: epochs(20), validationSplit: 0.2, verbose: 0 })
const [kernel, bias] = model.getWeights()
console.log(
  `by a model: w = ${kernel.item().toFixed(3)}, b = ${bias.item().toFixed(3)}, validation loss ${history['val_loss'].at(-1)!.toExponential(2)}`,
)
console.log(`prediction for 2: ${(await model.predict(tensor([[2]]))).item().toFixed(3)}`)
