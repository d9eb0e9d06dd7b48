import { ShapeError, tensor, ValueError, type Tensor, type TensorLike } from '@typegrad/tensor'
import { wrap } from '../wrap.ts'

/** Values of shape `[samples, features]`, row by row. */
export interface Matrix {
  values: ReturnType<Tensor['toTypedArray']>
  samples: number
  features: number
}

/** The map `(x - center) / scale + low`, where each feature has its own center and scale. */
export interface Scale {
  center: Float64Array
  scale: Float64Array
  low: number
}

/** What the scalers share: a {@link Scale} learned by `fit`, applied by `transform`, undone by `inverseTransform`. */
export abstract class Scaler {
  #map: Scale | undefined

  /** Learns the scale of every feature of `x`, shape `[samples, features]`; missing values (NaN) do not count. */
  fit(x: TensorLike): this {
    const matrix = this.#matrix('fit', tensor(x))
    if (matrix.samples === 0) throw new ValueError(`${this.#name}: fit of 0 samples`)
    const { values, features } = matrix
    const odd = values.findIndex((v) => v === Infinity || v === -Infinity)
    if (odd >= 0) {
      throw new ValueError(
        `${this.#name}: sample ${Math.floor(odd / features)}, feature ${odd % features} is ${values[odd]}, expected finite numbers`,
      )
    }
    this.#map = this.learn(matrix)
    return this
  }

  /** `x` scaled; float64 stays so, other dtypes become float32. NaN stays NaN. */
  transform(x: TensorLike): Tensor {
    return this.#apply('transform', x, (v, { center, scale, low }, j) => (v - center[j]) / scale[j] + low)
  }

  /** `fit` and `transform` in one: for training data only, other data is transformed by what they taught. */
  fitTransform(x: TensorLike): Tensor {
    return this.fit(x).transform(x)
  }

  /** Undoes `transform`. */
  inverseTransform(x: TensorLike): Tensor {
    return this.#apply('inverseTransform', x, (v, { center, scale, low }, j) => (v - low) * scale[j] + center[j])
  }

  protected abstract learn(x: Matrix): Scale

  #apply(op: string, x: TensorLike, f: (v: number, map: Scale, feature: number) => number): Tensor {
    if (!this.#map) throw new ValueError(`${this.#name}: ${op} before fit; call fit with the training data first`)
    const map = this.#map
    const expected = map.scale.length
    const given = tensor(x)
    const { values, features } = this.#matrix(op, given)
    if (features !== expected)
      throw new ShapeError(`${this.#name}: ${op} of ${features} features, fit saw ${expected}`, { features, expected })
    const out = given.dtype === 'float64' ? new Float64Array(values.length) : new Float32Array(values.length)
    for (let i = 0, j = 0; i < out.length; i++) {
      out[i] = f(values[i], map, j)
      if (++j === features) j = 0
    }
    return wrap(out, given.shape)
  }

  #matrix(op: string, x: Tensor): Matrix {
    const [samples, features] = x.shape
    if (x.shape.length !== 2) {
      const hint = x.shape.length === 1 ? '; reshape([-1, 1]) if it is one feature, reshape([1, -1]) if it is one sample' : ''
      throw new ShapeError(`${this.#name}: ${op} of shape [${x.shape.join(', ')}], expected [samples, features]${hint}`, {
        shape: x.shape,
      })
    }
    return { values: x.toTypedArray(), samples, features }
  }

  get #name(): string {
    return this.constructor.name
  }
}
