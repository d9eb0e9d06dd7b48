// What comes next in a series: windows of 24 steps, an LSTM, and forecasts beside what came.
import { Dense, Input, linspace, LSTM, plotLines, random, Sequential, setSeed, stack } from 'typegrad'
import { epochs, report, seed, verbose } from './options.ts'

setSeed(seed)
const steps = 1200
const window = 24
const time = linspace(0, steps / 12, steps)
const series = time
  .sin()
  .add(time.mul(0.31).sin().mul(0.5))
  .add(random.normal([steps], { stddev: 0.05 }))

/** The `window` values before each of `count` steps, and the values at those steps. */
const samples = steps - window
const x = stack(
  Array.from({ length: window }, (_, i) => series.slice([i, i + samples])),
  -1,
).expandDims(-1)
const y = series.slice([window, null])
const [train, held] = [
  [0, 900],
  [900, null],
] as const

const model = new Sequential([Input({ shape: [window, 1] }), new LSTM({ units: 32 }), new Dense({ units: 1 })])
model.compile({ optimizer: 'adam', loss: 'mse', metrics: ['mae'] })
await model.fit(x.slice(train), y.slice(train), {
  epochs: epochs(15),
  validationData: [x.slice(held), y.slice(held)],
  verbose,
})

const forecast = (await model.predict(x.slice(held))).flatten()
const truth = y.slice(held)
const naive = x.slice(held, -1, 0)
const error = (guess: typeof truth): string => guess.sub(truth).abs().mean().item().toFixed(4)
console.log(`\nmean error of the forecasts ${error(forecast)}, of the value before ${error(naive)}; the noise alone has 0.04`)

const file = report('forecast')
const shown = [0, 150] as const
await plotLines({
  title: 'One step ahead, on the part held back',
  series: { measured: truth.slice(shown), forecast: forecast.slice(shown) },
  xTitle: 'step',
  yTitle: 'value',
}).save(file)
console.log(`Forecasts: ${file}`)
