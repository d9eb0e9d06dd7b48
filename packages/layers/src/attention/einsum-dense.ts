import { einsum, ValueError, type Shape, type Tensor, type Variable } from '@typegrad/tensor'
import { activate, type ActivationLike } from '../activations.ts'
import type { FirstLayerOptions } from '../core.ts'
import type { ConstraintLike } from '../constraints.ts'
import type { InitializerLike } from '../initializers.ts'
import type { RegularizerLike } from '../regularizers.ts'
import { required, type Defaults } from '../layer-config.ts'
import { Layer } from '../layer.ts'
import type { SymbolicShape } from '../symbolic.ts'

export interface EinsumDenseOptions extends FirstLayerOptions {
  /** The product of input and kernel: `'ab,bc->ac'`; `...` stands for further axes of the input. */
  readonly equation: string
  /** The lengths of the result without the batch and the axes of `...`; `null` where the input's is taken. */
  readonly outputShape: number | SymbolicShape
  readonly activation?: ActivationLike | null
  /** The letters of the result that the bias has axes for; none without it. */
  readonly biasAxes?: string | null
  /** @defaultValue `'glorotUniform'` */
  readonly kernelInitializer?: InitializerLike
  /** @defaultValue `'zeros'` */
  readonly biasInitializer?: InitializerLike
  readonly kernelRegularizer?: RegularizerLike | null
  readonly biasRegularizer?: RegularizerLike | null
  readonly kernelConstraint?: ConstraintLike | null
  readonly biasConstraint?: ConstraintLike | null
}

/** `activation(einsum(equation, x, kernel) + bias)`. */
export class EinsumDense extends Layer<EinsumDenseOptions> {
  static override readonly defaults = {
    outputShape: required,
    equation: required,
    activation: null,
    biasAxes: null,
    kernelInitializer: 'glorotUniform',
    biasInitializer: 'zeros',
    kernelRegularizer: null,
    biasRegularizer: null,
    activityRegularizer: null,
    kernelConstraint: null,
    biasConstraint: null,
  } satisfies Defaults<EinsumDenseOptions>
  static override readonly fixed = { quantization_config: null }
  kernel!: Variable
  bias?: Variable

  constructor(options: EinsumDenseOptions) {
    const { outputShape } = options
    super({ ...options, outputShape: typeof outputShape === 'number' ? [outputShape] : outputShape })
  }

  override build(inputShape: SymbolicShape): void {
    const { kernel, bias } = this.#shapes(inputShape)
    this.kernel = this.addWeight(kernel, this.weightOptions('kernel'))
    if (!bias) return
    this.bias = this.addWeight(bias, this.weightOptions('bias'))
  }

  call(x: Tensor): Tensor {
    const y = einsum(this.options.equation, x, this.kernel)
    return activate(this.bias ? y.add(this.bias) : y, this.options.activation)
  }

  override computeOutputShape(inputShape: SymbolicShape): SymbolicShape {
    return this.#shapes(inputShape).output
  }

  /** The shapes of result, kernel and bias, by the equation. */
  #shapes(inputShape: SymbolicShape): { output: SymbolicShape; kernel: Shape; bias: Shape | undefined } {
    const { equation, biasAxes } = this.options
    const given = this.options.outputShape as SymbolicShape
    const fail = (why: string): never => {
      throw new ValueError(`EinsumDense: equation '${equation}' for input [${inputShape.join(', ')}], ${why}`, { equation })
    }
    const match = /^(.+),(\w+)->(.+)$/.exec(equation.replaceAll(' ', ''))
    if (!match) return fail("expected an input, a kernel without '...' and a result, such as 'ab,bc->ac'")
    const [, left, right, result] = match
    const split = (term: string): [head: string, tail: string, open: boolean] => {
      const at = term.indexOf('...')
      return at < 0 ? [term, '', false] : [term.slice(0, at), term.slice(at + 3), true]
    }
    const [head, tail, open] = split(left)
    const further = inputShape.length - head.length - tail.length
    if (further < 0 || (!open && further > 0)) fail(`which has ${inputShape.length} axes`)
    const lengths = new Map<string, number | null>()
    head.split('').forEach((letter, i) => lengths.set(letter, inputShape[i]))
    tail.split('').forEach((letter, i) => lengths.set(letter, inputShape[inputShape.length - tail.length + i]))
    const [outHead, outTail, outOpen] = split(result)
    if (open !== outOpen) fail("'...' must be in both the input and the result, or in neither")
    // The batch, which is not in `outputShape`, is the first axis, or one of those of a leading `...`.
    const named = (outHead + outTail).split('')
    const own = open && outHead === '' ? named : named.slice(1)
    if (own.length !== given.length)
      fail(`outputShape [${given.join(', ')}], expected ${own.length} lengths, for ${own.join(', ')}`)
    own.forEach((letter, i) => {
      const length = given[i]
      if (length === null) return
      const before = lengths.get(letter)
      if (typeof before === 'number' && before !== length) fail(`outputShape has ${length} for '${letter}', the input ${before}`)
      lengths.set(letter, length)
    })
    const known = (letter: string): number => lengths.get(letter) ?? fail(`the length of '${letter}' is not known`)
    const middle = open ? inputShape.slice(head.length, inputShape.length - tail.length) : []
    const at = (letter: string): number | null =>
      lengths.has(letter) ? lengths.get(letter)! : fail(`'${letter}' of the result is unknown`)
    const output = [...outHead.split('').map(at), ...middle, ...outTail.split('').map(at)]
    const kernel = right.split('').map(known)
    if (!biasAxes) return { output, kernel, bias: undefined }
    const wrong = biasAxes.split('').filter((letter) => !named.includes(letter))
    if (wrong.length > 0) fail(`biasAxes '${biasAxes}', '${wrong.join('')}' is not in the result`)
    // The bias broadcasts: from its first axis on, those without a letter of their own have length 1.
    const letters = [...outHead.split(''), ...middle.map(() => ''), ...outTail.split('')]
    const axes = letters.map((letter) => (letter !== '' && biasAxes.includes(letter) ? known(letter) : 1))
    return { output, kernel, bias: axes.slice(letters.findIndex((letter) => letter !== '' && biasAxes.includes(letter))) }
  }
}
