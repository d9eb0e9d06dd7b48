// What comes next in a series: windows of 24 steps, an LSTM, and forecasts beside what came.
import { Dense, Input, linspace, LSTM, plotLines, random, Sequential, setSeed, timeseriesDatasetFromArray } from 'typegrad'
import { epochs, report, seed, verbose } from './options.ts'

setSeed(seed)
const steps = 1200
const window = 24
const time = linspace(0, steps / 12, steps)
const series = time
  .sin()
  .add(time.mul(0.31).sin().mul(0.5))
  .add(random.normal([steps], { stddev: 0.05 }))

/** Windows of the series, and the values that follow them; the last 300 steps are held back. */
const sequences = (from: number, to: number): ReturnType<typeof timeseriesDatasetFromArray> =>
  timeseriesDatasetFromArray(series.slice([from, to]).expandDims(-1), series.slice([from + window, to]), {
    sequenceLength: window,
    batchSize: 32,
    shuffle: from === 0,
  })
const held = steps - 300
const [train, test] = [sequences(0, held), sequences(held - window, steps)]

const model = new Sequential([Input({ shape: [window, 1] }), new LSTM({ units: 32 }), new Dense({ units: 1 })])
model.compile({ optimizer: 'adam', loss: 'mse', metrics: ['mae'] })
await model.fit(train, { epochs: epochs(15), validationData: test, verbose })

const forecast = (await model.predict(test)).flatten()
const truth = series.slice([held, null])
const naive = series.slice([held - 1, -1])
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
