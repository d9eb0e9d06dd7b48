import { eye, formatShape, full, ShapeError, tensor, zeros, type NestedArray, type Shape, type Tensor } from '@typegrad/tensor'
import { Configured, type Defaults } from '@typegrad/tensor/config'

/** Makes the first value of a weight. */
export interface Initializer {
  call(shape: Shape): Tensor
}

/** Every element 0. */
export class Zeros extends Configured<object> implements Initializer {
  constructor(options: object = {}) {
    super(options)
  }

  call(shape: Shape): Tensor {
    return zeros(shape)
  }
}

/** Every element 1. */
export class Ones extends Zeros {
  override call(shape: Shape): Tensor {
    return full(shape, 1)
  }
}

export interface ConstantOptions {
  /** A number for every element, or an array that broadcasts to the weight. @defaultValue `0` */
  readonly value?: number | NestedArray
}

/** Every element `value`. */
export class Constant extends Configured<ConstantOptions> implements Initializer {
  static override readonly defaults = { value: 0 } satisfies Defaults<ConstantOptions>

  constructor(options: ConstantOptions = {}) {
    super(options)
  }

  call(shape: Shape): Tensor {
    const { value } = this.options
    return typeof value === 'number' ? full(shape, value) : tensor(value).broadcastTo(shape)
  }
}

export interface IdentityOptions {
  /** What stands on the diagonal. @defaultValue `1` */
  readonly gain?: number
}

/** `gain` on the diagonal of a matrix, 0 elsewhere. */
export class Identity extends Configured<IdentityOptions> implements Initializer {
  static override readonly defaults = { gain: 1 } satisfies Defaults<IdentityOptions>
  static override readonly unwritten = ['gain']

  constructor(options: IdentityOptions = {}) {
    super(options)
  }

  call(shape: Shape): Tensor {
    if (shape.length !== 2) throw new ShapeError(`Identity: shape ${formatShape(shape)}, expected a matrix`, { shape })
    return eye(shape[0], shape[1]).mul(this.options.gain)
  }
}
