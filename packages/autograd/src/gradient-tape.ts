import { formatShape, GradientError, onesLike, optionsOf, sameShape, ShapeError, unheard, type Tensor } from '@typegrad/tensor'
import { Tape } from './tape.ts'

/**
 * Records what runs inside of {@link run}, to take gradients afterwards, as Keras' `with tf.GradientTape() as tape`.
 * Trainable variables are watched by themselves.
 *
 * ```ts
 * const tape = new GradientTape()
 * const cost = tape.run(() => loss.call(y, model.apply(x, { training: true })))
 * const grads = tape.gradient(cost, model.trainableWeights)
 * ```
 */
export class GradientTape {
  readonly #tape: Tape
  readonly #persistent: boolean
  #used = false

  /** A `persistent` tape gives gradients more than once; `watchAccessedVariables: false` watches only what it is told to. */
  constructor(options?: { persistent?: boolean; watchAccessedVariables?: boolean }) {
    const defaults = { persistent: false, watchAccessedVariables: true }
    const { persistent, watchAccessedVariables } = optionsOf('GradientTape', options, defaults)
    this.#tape = new Tape({ watchVariables: watchAccessedVariables })
    this.#persistent = persistent
  }

  /** Watches a tensor from here on. */
  watch(x: Tensor): void {
    this.#tape.watch(x)
  }

  /** Runs `f` and records it. */
  run<T>(f: () => T): T {
    return this.#tape.run(f)
  }

  /** The gradients of `Σ target` (or `Σ target · outputGradients`) by source; `undefined` where it does not depend on one. */
  gradient(target: Tensor, sources: readonly Tensor[], options?: { outputGradients?: Tensor }): (Tensor | undefined)[]
  gradient(target: Tensor, source: Tensor, options?: { outputGradients?: Tensor }): Tensor | undefined
  gradient(
    target: Tensor,
    sources: Tensor | readonly Tensor[],
    options?: { outputGradients?: Tensor },
  ): Tensor | undefined | (Tensor | undefined)[] {
    const { outputGradients } = optionsOf('gradient', options, { outputGradients: undefined })
    if (this.#used && !this.#persistent) {
      throw new GradientError(
        'GradientTape: gradient() was called already; make the tape with { persistent: true } to call it again',
      )
    }
    this.#used = true
    if (outputGradients && !sameShape(outputGradients.shape, target.shape)) {
      throw new ShapeError(
        `GradientTape: outputGradients have shape ${formatShape(outputGradients.shape)}, the target has ${formatShape(target.shape)}`,
        { outputGradients: outputGradients.shape, target: target.shape },
      )
    }
    const seed = outputGradients ?? unheard(() => onesLike(target))
    const list = 'dtype' in sources ? [sources] : sources
    const grads = this.#tape.backward(target, seed, list)
    return 'dtype' in sources ? grads[0] : grads
  }
}
