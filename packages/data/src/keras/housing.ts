/** Prices of houses, to train on and to test, as Keras' `load_data` gives them. */
import { optionsOf, ValueError, type Tensor } from '@typegrad/tensor'
import { FormatError } from '../errors.ts'
import { wrap } from '../wrap.ts'
import { bytesOf, noFile, type FileOptions, type KerasFile } from './fetch.ts'
import { toFloats } from './npy.ts'
import { arraysOf } from './npz.ts'
import { randomState } from './random-state.ts'

export interface HousingOptions extends FileOptions {
  /** Share of the samples that go into the test set. @defaultValue 0.2 */
  testSplit?: number | undefined
  /** Seed of the shuffle before that. @defaultValue 113, as in Keras */
  seed?: number | undefined
}

export interface CaliforniaHousingOptions extends HousingOptions {
  /** All 20,640 samples, or the first 600. @defaultValue `'large'` */
  version?: 'large' | 'small' | undefined
}

export interface HousingDataset {
  /** float32, `[samples, features]`. */
  xTrain: Tensor
  /** float32, `[samples]`. */
  yTrain: Tensor
  xTest: Tensor
  yTest: Tensor
  featureNames: string[]
}

const defaults = { ...noFile, testSplit: 0.2, seed: 113 }

/**
 * 506 districts of Boston around 1978: 13 features and the median price of a house in 1,000 $ (Harrison and Rubinfeld, 1978), as Keras'
 * `boston_housing.load_data`. The feature `B` takes it that the share of Black people says something about prices: for other purposes
 * than to repeat a lesson, {@link loadCaliforniaHousing} is the better one. @throws {@link LoadError}, {@link FormatError}
 */
export async function loadBostonHousing(options?: HousingOptions): Promise<HousingDataset> {
  const op = 'loadBostonHousing'
  const sha256 = 'f553886a1f8d56431e820c5b82552d9d95cfcb96d1e678153f8839538947dff5'
  const names = ['CRIM', 'ZN', 'INDUS', 'CHAS', 'NOX', 'RM', 'AGE', 'DIS', 'RAD', 'TAX', 'PTRATIO', 'B', 'LSTAT']
  return housing(op, optionsOf(op, options, defaults), { name: 'boston_housing.npz', sha256 }, names)
}

/**
 * 20,640 districts of California in 1990: 8 features and the median price of a house in $ (Pace and Barry, 1997), as Keras'
 * `california_housing.load_data`. @throws {@link LoadError}, {@link FormatError}
 */
export async function loadCaliforniaHousing(options?: CaliforniaHousingOptions): Promise<HousingDataset> {
  const op = 'loadCaliforniaHousing'
  const { version, ...rest } = optionsOf(op, options, { ...defaults, version: 'large' })
  if (version !== 'large' && version !== 'small')
    throw new ValueError(`${op}: version must be 'large' or 'small', got ${JSON.stringify(version)}`)
  const sha256 = '1a2e3a52e0398de6463aebe6f4a8da34fb21fbb6b934cf88c3425e766f2a1a6f'
  const names = ['MedInc', 'HouseAge', 'AveRooms', 'AveBedrms', 'Population', 'AveOccup', 'Latitude', 'Longitude']
  return housing(op, rest, { name: 'california_housing.npz', sha256 }, names, version === 'small' ? 600 : Infinity)
}

async function housing(
  op: string,
  { testSplit, seed, path, url }: HousingOptions & { testSplit: number; seed: number },
  file: KerasFile,
  featureNames: string[],
  most = Infinity,
): Promise<HousingDataset> {
  if (!(testSplit >= 0 && testSplit < 1))
    throw new ValueError(`${op}: testSplit ${testSplit}, expected a share from 0 to below 1`)
  if (!Number.isInteger(seed) || seed < 0) throw new ValueError(`${op}: seed must be an integer ≥ 0, got ${seed}`)
  const [x, y] = arraysOf(await bytesOf(op, { path, url }, file), ['x', 'y'], op)
  const width = featureNames.length
  if (x.shape.length !== 2 || x.shape[1] !== width || y.shape.length !== 1 || y.shape[0] !== x.shape[0])
    throw new FormatError(`${op}: x [${x.shape.join(', ')}] and y [${y.shape.join(', ')}], expected [n, ${width}] and [n]`)
  const [features, prices] = [toFloats(x, op), toFloats(y, op)]
  const order = randomState(seed).permutation(Math.min(most, prices.length))
  const cut = Math.trunc(order.length * (1 - testSplit))
  const set = (picked: Int32Array): [Tensor, Tensor] => {
    const rows = new Float32Array(picked.length * width)
    picked.forEach((from, to) => rows.set(features.subarray(from * width, (from + 1) * width), to * width))
    return [
      wrap(rows, [picked.length, width]),
      wrap(
        Float32Array.from(picked, (from) => prices[from]),
        [picked.length],
      ),
    ]
  }
  const [xTrain, yTrain] = set(order.subarray(0, cut))
  const [xTest, yTest] = set(order.subarray(cut))
  return { xTrain, yTrain, xTest, yTest, featureNames }
}
