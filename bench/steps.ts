import type * as tfl from '@tensorflow/tfjs-layers'
import { Rows, type Sequential } from '@typegrad/model'
import { arange, type SparseTensor, type Tensor } from '@typegrad/tensor'
import type { Entry } from './case.ts'
import { tfjs } from './peers/tfjs.ts'

/** A training step as a contestant: the losses of the first two are compared. */
export async function compared(run: () => unknown, loss: () => number | Promise<number>, tolerance?: number): Promise<Entry> {
  const result = [await loss(), await loss()]
  return { run, result, ...(tolerance !== undefined && { tolerance }) }
}

/** The step as `fit` takes it of rows of arrays, compiled; or op by op, as in a loop of one's own. */
export async function ourStep(model: Sequential, x: Tensor | SparseTensor, y: Tensor, jit = true): Promise<Entry> {
  const data = { x: [x], y: [y], sampleWeight: [] }
  const rows = new Rows(data, arange(y.shape[0], { dtype: 'int32' }))
  await model.steps.begin()
  const run = (): void => (jit ? model.steps.train(rows) : model.trainStep(data))
  return compared(run, () => {
    model.resetMetrics()
    run()
    return model.logs()['loss']
  })
}

/** The step of TensorFlow.js' model of the same layers, from the same weights. */
export async function tfjsStep(
  make: (layers: typeof tfl) => tfl.Sequential,
  model: Sequential,
  x: Tensor,
  y: Tensor,
): Promise<Entry> {
  const tf = await tfjs()
  const theirs = make(await import('@tensorflow/tfjs-layers'))
  const array = (t: Tensor) => tf.tensor(t.toTypedArray(), [...t.shape])
  theirs.layers.forEach((layer, i) => layer.setWeights(model.layers[i].getWeights().map(array)))
  const [tx, ty] = [array(x), array(y)]
  const run = () => theirs.trainOnBatch(tx, ty) as Promise<number>
  // Its Adam adds epsilon elsewhere.
  return compared(run, run, 2e-3)
}
