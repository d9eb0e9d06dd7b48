import { optionsOf, required, tensor, ValueError, type TensorLike } from '@typegrad/tensor'
import { batchDefaults, inBatches, type Batches, type BatchesOptions } from './batches.ts'
import { toSamples } from './samples.ts'

export interface TimeseriesOptions extends Omit<BatchesOptions, 'dropRemainder'> {
  /** Steps of a sequence. */
  sequenceLength: number
  /** Steps from the start of one sequence to that of the next. @defaultValue 1 */
  sequenceStride?: number
  /** Steps from one entry of a sequence to the next. @defaultValue 1 */
  samplingRate?: number
  /** Sequences of a batch. @defaultValue 128 */
  batchSize?: number
  /** Steps before this one are left out. @defaultValue 0 */
  startIndex?: number
  /** So are this one and those after it. @defaultValue the number of steps */
  endIndex?: number
}

/**
 * Windows that slide over a series `[steps, …]`, in batches `[x, y]` of shapes `[batch, sequenceLength, …]` and `[batch, …]`, or `[x]`
 * without targets; as `keras.utils.timeseries_dataset_from_array`. The target of the window that starts at step i is `targets[i]`: to
 * forecast the next step give `series.slice([sequenceLength, null])`. `fit` and `evaluate` take the result.
 */
export function timeseriesDatasetFromArray(data: TensorLike, targets: TensorLike | null, options: TimeseriesOptions): Batches {
  const { sequenceLength, sequenceStride, samplingRate, startIndex, endIndex, ...rest } = optionsOf(op, options, defaults)
  for (const [name, value] of Object.entries({ sequenceLength, sequenceStride, samplingRate }))
    if (!Number.isInteger(value) || value < 1) throw new ValueError(`${op}: ${name} must be a positive integer, got ${value}`)
  const { tensors, samples } = toSamples([data], op)
  const end = endIndex ?? samples
  if (![startIndex, end].every(Number.isInteger) || startIndex < 0 || startIndex >= end || end > samples)
    throw new ValueError(`${op}: startIndex ${startIndex} and endIndex ${end}, expected 0 ≤ startIndex < endIndex ≤ ${samples}`)
  const series = tensors[0].slice([startIndex, end])
  const wanted = targets === null ? undefined : toSamples([targets], op).tensors[0]
  const reach = (sequenceLength - 1) * samplingRate
  const windows = Math.min(end - startIndex - reach, wanted?.shape[0] ?? Infinity)
  if (windows < 1)
    throw new ValueError(
      `${op}: a sequence of ${sequenceLength} steps, ${samplingRate} apart, does not fit into ${end - startIndex} steps`,
    )
  const count = Math.ceil(windows / sequenceStride)
  return inBatches(op, count, { ...rest, dropRemainder: false }, (picked) => {
    const starts = Int32Array.from(picked, (i) => i * sequenceStride)
    const steps = Int32Array.from({ length: starts.length * sequenceLength }, (_, i) => {
      const [window, step] = [Math.floor(i / sequenceLength), i % sequenceLength]
      return starts[window] + step * samplingRate
    })
    const x = series.take(tensor(steps, { shape: [starts.length, sequenceLength] }), 0)
    return wanted ? [x, wanted.take(tensor(starts), 0)] : [x]
  })
}

const op = 'timeseriesDatasetFromArray'

const { dropRemainder: _, ...ofBatches } = batchDefaults
const defaults = {
  ...ofBatches,
  batchSize: 128,
  sequenceLength: required,
  sequenceStride: 1,
  samplingRate: 1,
  startIndex: 0,
  endIndex: undefined,
} as const
