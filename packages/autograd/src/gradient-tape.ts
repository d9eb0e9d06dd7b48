import {
  formatShape,
  GradientError,
  onesLike,
  optionsOf,
  sameShape,
  ShapeError,
  unheard,
  ValueError,
  zerosLike,
  type Tensor,
} from '@typegrad/tensor'
import { Tape } from './tape.ts'

interface TapeOptions<U extends 'none' | 'zero' = 'none' | 'zero'> {
  /** What each element of the target counts; 1 if not given. */
  readonly outputGradients?: Tensor
  /** What the sources get that the target does not depend on: nothing, or zeros. @defaultValue `'none'` */
  readonly unconnectedGradients: U
}

const defaults = { outputGradients: undefined, unconnectedGradients: 'none' } as const

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

  /**
   * The gradients of `Σ target` (or `Σ target · outputGradients`) by source; `undefined` where it does not depend on one, or zeros with
   * `{ unconnectedGradients: 'zero' }`.
   */
  gradient(target: Tensor, sources: readonly Tensor[], options: TapeOptions<'zero'>): Tensor[]
  gradient(target: Tensor, source: Tensor, options: TapeOptions<'zero'>): Tensor
  gradient(target: Tensor, sources: readonly Tensor[], options?: Partial<TapeOptions>): (Tensor | undefined)[]
  gradient(target: Tensor, source: Tensor, options?: Partial<TapeOptions>): Tensor | undefined
  gradient(
    target: Tensor,
    sources: Tensor | readonly Tensor[],
    options?: Partial<TapeOptions>,
  ): Tensor | undefined | (Tensor | undefined)[] {
    const { outputGradients, unconnectedGradients } = optionsOf<Partial<TapeOptions>, typeof defaults>(
      'gradient',
      options,
      defaults,
    )
    if (unconnectedGradients !== 'none' && unconnectedGradients !== 'zero')
      throw new ValueError(`gradient: unconnectedGradients '${String(unconnectedGradients)}', expected 'none' or 'zero'`)
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
    const found = this.#tape.backward(target, seed, list)
    const grads = unconnectedGradients === 'zero' ? found.map((grad, i) => grad ?? unheard(() => zerosLike(list[i]))) : found
    return 'dtype' in sources ? grads[0] : grads
  }
}
