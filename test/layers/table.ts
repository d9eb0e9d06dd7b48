/**
 * What every layer must do, as a table: a row says how a layer is made and called, and the walk checks the rest. Add a row for a new
 * layer: `testLayers([{ name: 'Dense', make: (o) => new Dense({ units: 3, ...o }), input: [4] }])`.
 */
import { GradientTape } from '@typegrad/autograd'
import {
  clearSession,
  deserializeLayer,
  Input,
  maskOf,
  serializeLayer,
  withMask,
  type AnyLayer,
  type LayerOptions,
} from '@typegrad/layers'
import { Model } from '@typegrad/model'
import { SGD } from '@typegrad/optim'
import { compile, isFloat, setSeed, tensor, type Tensor, unheard, ValueError, type DType, type Shape } from '@typegrad/tensor'
import { describe, expect, it } from 'vitest'

export interface LayerRow {
  readonly name: string
  /** A fresh layer, with these options besides its own. */
  make(options: LayerOptions): AnyLayer
  /** The shape of a sample of the input, or the shapes of a list of inputs. */
  readonly input: Shape | readonly Shape[]
  /** Whole numbers below this in place of floats. */
  readonly integers?: number
  /** Further arguments of the call. */
  readonly context?: Readonly<Record<string, unknown>>
  /** What becomes of a mask of the steps: passed on, ended here, or (made of the values) new. @defaultValue `'ended'` */
  readonly mask?: 'passed' | 'ended' | 'made'
  /** The steps that a mask leaves out do not change the results of the others. @defaultValue `false` */
  readonly heedsMask?: boolean
  /** The layer draws in training, so that its results there differ. @defaultValue `false` */
  readonly random?: boolean
  /** The result in training is another one. @defaultValue `random` */
  readonly trains?: boolean
  /** Why the gradient is not compared with differences. */
  readonly noGradient?: string
  /** Why samples are not independent of each other. */
  readonly mixes?: string
  /** Weights that the step of training need not change: their names. */
  readonly still?: readonly string[]
  /** The dtype of the results. @defaultValue the layer's */
  readonly outputDType?: DType
}

const isList = (row: LayerRow): boolean => Array.isArray(row.input[0])
const samples = (row: LayerRow): readonly Shape[] => (isList(row) ? row.input : [row.input]) as readonly Shape[]

/** Uneven numbers in about ±1, none of them twice, or whole numbers. */
function inputsOf(row: LayerRow, batch: number, dtype: DType = 'float32', salt = 0): Tensor[] {
  return samples(row).map((sample, n) => {
    const shape = [batch, ...sample]
    const size = shape.reduce((a, b) => a * b, 1)
    const at = (i: number): number => (((i + 7 * n + salt + 1) * 0.6180339887498949) % 1) * 2 - 1
    const { integers } = row
    return integers === undefined
      ? tensor(
          Float64Array.from({ length: size }, (_, i) => at(i)),
          { shape, dtype },
        )
      : tensor(
          Int32Array.from({ length: size }, (_, i) => (i * 5 + salt) % integers),
          { shape },
        )
  })
}

const call = (row: LayerRow, layer: AnyLayer, inputs: readonly Tensor[], context: object = {}): Tensor[] =>
  [layer.apply(isList(row) ? inputs : inputs[0], { ...row.context, ...context }) as Tensor | Tensor[]].flat()

/** A built layer whose weights are uneven numbers, so that zeros hide nothing. */
function built(row: LayerRow, options: LayerOptions = {}): AnyLayer {
  setSeed(7)
  const layer = row.make(options)
  const shapes = samples(row).map((sample) => [null, ...sample])
  layer.buildFor(isList(row) ? shapes : shapes[0])
  layer.weights.forEach((weight, n) => {
    if (!weight.trainable) return
    const values = Float64Array.from({ length: weight.size }, (_, i) => (((i + 3 * n + 1) * 0.7548776662466927) % 1) * 1.2 - 0.5)
    weight.assign(tensor(values, { shape: weight.shape, dtype: weight.dtype }))
  })
  return layer
}

const expectClose = (a: Tensor, b: Tensor, tolerance = 1e-5): void => {
  expect(a.shape).toEqual(b.shape)
  const expected = b.toTypedArray()
  a.toTypedArray().forEach((value, i) => {
    const off = Math.abs(value - expected[i])
    if (!(off <= tolerance * Math.max(1, Math.abs(expected[i])))) expect(value, `element ${i}`).toBe(expected[i])
  })
}

const differs = (a: Tensor, b: Tensor): boolean => {
  const other = b.toTypedArray()
  return a.toTypedArray().some((value, i) => Math.abs(value - other[i]) > 1e-6)
}

/** `Σ results · uneven numbers`. */
const weighted = (results: readonly Tensor[]): Tensor =>
  results
    .filter((y) => isFloat(y.dtype))
    .map((y, n) => {
      const factors = Float64Array.from({ length: y.size }, (_, i) => 0.5 + (((i + n) * 0.618033988749895) % 1))
      return y.mul(tensor(factors, { shape: y.shape, dtype: y.dtype })).sum()
    })
    .reduce((a, b) => a.add(b))

/** A mask of x's steps that leaves out the last one of the first sample, and the last two of the others. */
const stepsMask = (x: Tensor): Tensor => {
  const [batch, steps] = x.shape
  const rows = Array.from({ length: batch }, (_, b) => Array.from({ length: steps }, (__, t) => t < steps - (b === 0 ? 1 : 2)))
  return tensor(rows)
}

const whatBecame = (mask: Tensor | undefined, given: Tensor): 'passed' | 'ended' | 'made' => {
  if (!mask) return 'ended'
  return mask.toString() === given.toString() ? 'passed' : 'made'
}

/** How many elements of each tensor are moved one by one. */
const few = 6

/**
 * Compares the gradients of all inputs and weights with 4-point differences in float64: along an uneven direction through all
 * elements of a tensor, and along some of its elements alone. Returns the worst relative error.
 */
export function checkLayerGradients(row: LayerRow, tolerance = 1e-6): number {
  const layer = built(row, { dtype: 'float64' })
  const inputs = inputsOf(row, 2, 'float64')
  const watched = inputs.filter((x) => isFloat(x.dtype))
  const weights = layer.trainableWeights
  const tape = new GradientTape()
  watched.forEach((x) => tape.watch(x))
  const value = (xs: readonly Tensor[]): Tensor => weighted(call(row, layer, xs))
  const target = tape.run(() => value(inputs))
  const grads = tape.gradient(target, [...watched, ...weights])
  const step = 1e-4
  let worst = 0
  const compare = (what: string, point: Tensor, grad: Tensor | undefined, at: (moved: Tensor) => number): void => {
    const flat = point.toTypedArray()
    const analytic = grad?.toTypedArray() ?? new Float64Array(flat.length)
    const directions = Array.from({ length: Math.min(few, flat.length) }, (_, n) => {
      const only = Math.floor(((n + 0.5) * flat.length) / Math.min(few, flat.length))
      return { name: `element ${only}`, of: (i: number) => (i === only ? 1 : 0) }
    })
    for (const { name, of } of [
      { name: 'all elements', of: (i: number) => 0.3 + ((i * 0.7548776662466927) % 1) },
      ...directions,
    ]) {
      const moved = (by: number): number =>
        at(
          tensor(
            Float64Array.from(flat, (v, i) => v + by * of(i)),
            { shape: point.shape },
          ),
        )
      const numeric = (8 * (moved(step) - moved(-step)) - (moved(2 * step) - moved(-2 * step))) / (12 * step)
      const expected = Array.from(analytic).reduce((sum, dx, i) => sum + dx * of(i), 0)
      const error = Math.abs(numeric - expected) / Math.max(1, Math.abs(numeric))
      worst = Math.max(worst, error)
      if (!(error <= tolerance)) throw new Error(`${what}, ${name}: the gradient is ${expected}, differences give ${numeric}`)
    }
  }
  unheard(() => {
    watched.forEach((x, n) => {
      compare(`input ${n}`, x, grads[n], (moved) => value(inputs.map((one) => (one === x ? moved : one))).item())
    })
    weights.forEach((weight, n) => {
      const before = weight.value
      compare(`weight ${weight.name}`, before, grads[watched.length + n], (moved) => {
        weight.assign(moved)
        return value(inputs).item()
      })
      weight.assign(before)
    })
  })
  return worst
}

/** The tests of all rows. */
export function testLayers(rows: readonly LayerRow[]): void {
  describe.each(rows)('$name', (row) => {
    const { random = false, trains = random, outputDType } = row

    it('has the shape that is inferred, for a known batch and an unknown one', () => {
      const layer = built(row)
      const inputs = inputsOf(row, 3)
      const shapesOf = (batch: number | null): (number | null)[][] => {
        const shapes = samples(row).map((sample) => [batch, ...sample])
        const inferred = layer.computeOutputShape(isList(row) ? shapes : shapes[0], row.context)
        return (Array.isArray(inferred[0]) ? inferred : [inferred]) as (number | null)[][]
      }
      const given = call(row, layer, inputs).map((y) => y.shape)
      expect(given).toEqual(shapesOf(3))
      expect(given.map(([, ...rest]) => rest)).toEqual(shapesOf(null).map(([, ...rest]) => rest))
      expect(shapesOf(null).every(([batch]) => batch === null)).toBe(true)
    })

    it('computes in its dtype', () => {
      for (const dtype of ['float32', 'float64'] as const) {
        const layer = built(row, { dtype })
        for (const weight of layer.weights) expect(isFloat(weight.dtype) ? weight.dtype : dtype).toBe(dtype)
        for (const given of ['float32', 'float64'] as const)
          expect(call(row, layer, inputsOf(row, 2, given))[0].dtype).toBe(outputDType ?? dtype)
      }
    })

    it('goes through a config and back', () => {
      clearSession()
      const layer = built(row)
      const written = JSON.parse(JSON.stringify(serializeLayer(layer))) as ReturnType<typeof serializeLayer>
      const copy = deserializeLayer(written) as AnyLayer
      const shapes = samples(row).map((sample) => [null, ...sample])
      copy.buildFor(isList(row) ? shapes : shapes[0])
      expect(JSON.parse(JSON.stringify(serializeLayer(copy)))).toEqual(written)
      copy.setWeights(layer.getWeights())
      const inputs = inputsOf(row, 2)
      call(row, layer, inputs).forEach((y, i) => expectClose(call(row, copy, inputs)[i], y))
    })

    it('refuses options that it does not have', () => {
      expect(() => row.make({ unheardOf: 1 } as LayerOptions)).toThrow(ValueError)
      expect(() => row.make({ unheardOf: 1 } as LayerOptions)).toThrow(/unknown option unheardOf, known are/)
    })

    it('learns: a step of training changes all weights', () => {
      const layer = built(row)
      const weights = layer.trainableWeights
      const before = weights.map((weight) => weight.value)
      const tape = new GradientTape()
      const loss = tape.run(() => weighted(call(row, layer, inputsOf(row, 3), { training: true })))
      if (weights.length > 0) new SGD({ learningRate: 0.1 }).apply(tape.gradient(loss, weights), weights)
      const unchanged = weights.filter((weight, i) => !differs(weight.value, before[i])).map((weight) => weight.name)
      expect(unchanged).toEqual(row.still ?? [])
      layer.trainable = false
      expect(layer.trainableWeights).toEqual([])
    })

    it(`${trains ? 'does something else' : 'does the same'} in training`, () => {
      const layer = built(row)
      const inputs = inputsOf(row, 4)
      const values = layer.getWeights()
      const rest = call(row, layer, inputs)[0]
      const trained = call(row, layer, inputs, { training: true })[0]
      layer.setWeights(values)
      expect(differs(trained, rest)).toBe(trains)
      // Inference is not random.
      expectClose(call(row, layer, inputs)[0], rest, 0)
    })

    it('takes a batch of one sample, and of none', () => {
      const layer = built(row)
      const inputs = inputsOf(row, 3)
      const all = call(row, layer, inputs)
      if (row.mixes === undefined) {
        const one = call(
          row,
          layer,
          inputs.map((x) => x.slice([1, 2])),
        )
        one.forEach((y, i) => expectClose(y, all[i].slice([1, 2])))
      }
      const none = call(row, layer, inputsOf(row, 0))
      expect(none.map((y) => y.shape)).toEqual(all.map((y) => [0, ...y.shape.slice(1)]))
      const tape = new GradientTape()
      const loss = tape.run(() => weighted(call(row, layer, inputsOf(row, 0), { training: true })))
      const elements = tape
        .gradient(loss, layer.trainableWeights)
        .flatMap((grad) => (grad ? Array.from(grad.toTypedArray()) : []))
      expect(elements.filter((value) => !Number.isFinite(value))).toEqual([])
    })

    it('says the dtype of its results', () => {
      const layer = built(row)
      const numbers = row.integers === undefined ? 2 : row.integers
      for (const inputs of [inputsOf(row, 2), inputsOf({ ...row, integers: numbers }, 2)]) {
        const [y] = call(row, layer, inputs)
        const [given, said] = [y.dtype, layer.computeOutputDType(inputs.map((x) => x.dtype))]
        expect([inputs[0].dtype, said]).toEqual([inputs[0].dtype, given])
      }
    })

    it('gives the same compiled as op by op', () => {
      for (const training of random ? [false] : [false, true]) {
        const layer = built(row)
        const inputs = inputsOf(row, 3)
        const weights = layer.trainableWeights
        const before = layer.getWeights()
        const step = (xs: readonly Tensor[]): Tensor[] => {
          let outputs: Tensor[] = []
          const tape = new GradientTape()
          const loss = tape.run(() => {
            outputs = call(row, layer, xs, { training })
            return weighted(outputs)
          })
          const grads = weights.length > 0 ? tape.gradient(loss, weights) : []
          return [...outputs, ...grads.filter((grad) => grad !== undefined)]
        }
        const expected = [...step(inputs), ...layer.getWeights()]
        const compiled = compile(step)
        for (let again = 0; again < 2; again++) {
          layer.setWeights(before)
          const got = [...compiled(inputs), ...layer.getWeights()]
          expect(got).toHaveLength(expected.length)
          got.forEach((y, i) => expectClose(y, expected[i], 1e-4))
        }
      }
    })

    it('is a node of a functional model', () => {
      const layer = built(row)
      const nodes = samples(row).map((sample) =>
        Input({ shape: sample, dtype: row.integers === undefined ? 'float32' : 'int32' }),
      )
      const linked = layer.apply(isList(row) ? nodes : nodes[0], row.context)
      const model = new Model({ inputs: nodes, outputs: Array.isArray(linked) ? linked : [linked] })
      const inputs = inputsOf(row, 3)
      const values = model.apply(inputs) as Tensor[]
      call(row, layer, inputs).forEach((y, i) => expectClose(values[i], y, 0))
      expect([linked].flat().map(({ shape: [, ...rest] }) => rest)).toEqual(values.map(({ shape: [, ...rest] }) => rest))
    })
  })

  describe.each(rows.filter((row) => row.noGradient === undefined))('$name', (row) => {
    it('has the gradients that differences give', () => {
      expect(checkLayerGradients(row)).toBeLessThan(1e-6)
    })
  })

  describe.each(rows.filter((row) => samples(row).every((sample) => sample.length > 0)))('$name', (row) => {
    const { mask = 'ended' } = row

    it(`a mask is ${mask}`, () => {
      const layer = built(row)
      const inputs = inputsOf(row, 2)
      const masks = inputs.map((x) => stepsMask(x))
      const [y] = call(
        row,
        layer,
        inputs.map((x, i) => withMask(x, masks[i])),
      )
      expect(whatBecame(maskOf(y), masks[0])).toBe(mask)
      // It does not stick to the caller's tensors.
      expect(inputs.map((x) => maskOf(x))).toEqual(inputs.map(() => undefined))
      const [given] = call(row, layer, inputs, { mask: isList(row) ? masks : masks[0] })
      expect(maskOf(given)?.toArray()).toEqual(maskOf(y)?.toArray())
      expectClose(given, y, 0)
    })
  })

  describe.each(rows.filter(({ heedsMask }) => heedsMask))('$name', (row) => {
    it('does not look at steps that a mask leaves out', () => {
      const layer = built(row)
      const inputs = inputsOf(row, 2)
      const masked = inputs.map((x) => withMask(x, stepsMask(x)))
      const changed = masked.map((x) => {
        const mask = maskOf(x)!
        const kept = mask.reshape([...mask.shape, ...x.shape.slice(2).map(() => 1)])
        return withMask(kept.where(x, 123.5), mask)
      })
      const steps = inputs[0].shape[1]
      const [y, other] = [masked, changed].map((xs) => call(row, layer, xs)[0])
      const seen = (z: Tensor): Tensor => (z.rank > 2 && z.shape[1] === steps ? z.slice(null, [0, steps - 2]) : z)
      expectClose(seen(other), seen(y))
    })
  })
}
