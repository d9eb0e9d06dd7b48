/** Layers that move elements: Flatten, Reshape. */
import { formatShape, ShapeError, type Tensor } from '@typegrad/tensor'
import type { FirstLayerOptions } from './core.ts'
import { Layer } from './layer.ts'
import type { SymbolicShape } from './symbolic.ts'

/** All axes of a sample as one. */
export class Flatten extends Layer<FirstLayerOptions> {
  call(x: Tensor): Tensor {
    return x.reshape([x.shape[0], x.shape.slice(1).reduce((a, b) => a * b, 1)])
  }

  override computeOutputShape([batch, ...sample]: SymbolicShape): SymbolicShape {
    return [batch, sample.includes(null) ? null : sample.reduce<number>((a, b) => a * b!, 1)]
  }
}

/** Every sample under another shape, one length of which may be -1. */
export class Reshape extends Layer<FirstLayerOptions & { readonly targetShape: readonly number[] }> {
  call(x: Tensor): Tensor {
    return x.reshape(this.computeOutputShape(x.shape) as readonly number[])
  }

  override computeOutputShape([batch, ...sample]: SymbolicShape): SymbolicShape {
    const { targetShape } = this.options
    const known = targetShape.filter((length) => length !== -1).reduce((a, b) => a * b, 1)
    if (sample.includes(null)) return [batch, ...targetShape.map((length) => (length === -1 ? null : length))]
    const size = sample.reduce<number>((a, b) => a * b!, 1)
    const result = targetShape.map((length) => (length === -1 ? size / known : length))
    if (result.reduce((a, b) => a * b, 1) !== size || !result.every(Number.isInteger)) {
      throw new ShapeError(`Reshape: samples ${formatShape(sample)} do not fit targetShape ${formatShape(targetShape)}`, {
        sample,
        targetShape,
      })
    }
    return [batch, ...result]
  }
}
