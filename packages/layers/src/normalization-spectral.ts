/** A wrapper that keeps the largest singular value of a layer's kernel at 1. */
import { ValueError, type Tensor, type Variable } from '@typegrad/tensor'
import { TruncatedNormal } from './initializers.ts'
import { required, type Defaults } from './layer-config.ts'
import { Layer, type AnyLayer, type CallContext, type LayerOptions } from './layer.ts'
import type { SymbolicShape } from './symbolic.ts'
import { unit } from './unit.ts'

export interface SpectralNormalizationOptions extends LayerOptions {
  /** A layer with a `kernel` or `embeddings`. */
  readonly layer: AnyLayer
  /** Steps of the power method in each call. @defaultValue `1` */
  readonly powerIterations?: number
}

/**
 * The layer with its kernel W, as a matrix, divided by `v W uᵀ`, an estimate of its largest singular value (Miyato et al.,
 * 2018). Each call in training does so after steps of the power method `v = u Wᵀ / |u Wᵀ|`, `u = v W / |v W|`.
 */
export class SpectralNormalization extends Layer<SpectralNormalizationOptions> {
  static override readonly defaults = { layer: required, powerIterations: 1 } satisfies Defaults<SpectralNormalizationOptions>
  readonly layer: AnyLayer
  /** The layer's. */
  kernel!: Variable
  vectorU!: Variable

  constructor(options: SpectralNormalizationOptions) {
    super(options)
    const { layer, powerIterations } = this.options
    if (!(layer instanceof Layer)) throw new ValueError('SpectralNormalization: layer must be a layer')
    if (!Number.isInteger(powerIterations) || powerIterations < 1) {
      throw new ValueError(
        `SpectralNormalization: powerIterations must be a positive integer, got ${JSON.stringify(powerIterations)}`,
        {
          powerIterations,
        },
      )
    }
    this.layer = layer
    this.supportsMasking = layer.supportsMasking
  }

  override build(inputShape: SymbolicShape): void {
    this.layer.buildFor(inputShape)
    const { kernel, embeddings } = this.layer as AnyLayer & { readonly kernel?: Variable; readonly embeddings?: Variable }
    const found = kernel ?? embeddings
    if (!found) throw new ValueError(`SpectralNormalization: ${this.layer.constructor.name} has no kernel and no embeddings`)
    this.kernel = found
    const initializer = new TruncatedNormal({ stddev: 0.02 })
    this.vectorU = this.addWeight([1, found.shape.at(-1)!], { initializer, trainable: false })
  }

  call(x: Tensor, context: CallContext): Tensor {
    if (context.training) this.#normalize()
    return this.layer.apply(x, context) as Tensor
  }

  #normalize(): void {
    const { kernel } = this
    const w = kernel.stopGradient().reshape([-1, kernel.shape.at(-1)!])
    let u: Tensor = this.vectorU.stopGradient()
    let v = u
    for (let i = 0; i < this.options.powerIterations; i++) {
      v = unit(u.matmul(w.transpose()), null, 1e-7)
      u = unit(v.matmul(w), null, 1e-7)
    }
    const sigma = v.matmul(w).matmul(u.transpose())
    // A kernel of zeros stays one.
    const some = w.notEqual(0).any()
    this.vectorU.assign(some.where(u, this.vectorU))
    kernel.assign(some.where(w.div(sigma), w).reshape(kernel.shape))
  }

  override computeOutputShape(inputShape: SymbolicShape): SymbolicShape | SymbolicShape[] {
    return this.layer.computeOutputShape(inputShape)
  }
}
