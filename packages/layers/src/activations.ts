import { lookup, unary, ValueError, type SnakeCase, type Tensor } from '@typegrad/tensor'

type Unary = keyof typeof unary

/** Activations that are not a row of the op table. */
const others = {
  linear: (x: Tensor): Tensor => x,
  softmax: (x: Tensor): Tensor => x.softmax(),
  logSoftmax: (x: Tensor): Tensor => x.logSoftmax(),
  /** The first half of the last axis times the sigmoid of the second. */
  glu(x: Tensor): Tensor {
    const half = x.shape.at(-1)! / 2
    if (!Number.isInteger(half)) throw new ValueError(`glu: the last axis has length ${x.shape.at(-1)}, expected an even one`)
    const [a, b] = x.split(2, -1)
    return a.mul(b.sigmoid())
  },
}

/** Keras' other names. */
const aliases = { swish: 'silu', hardSwish: 'hardSilu', exponential: 'exp', leakyrelu: 'leakyRelu' } as const

type Camel = Unary | keyof typeof others | keyof typeof aliases
export type ActivationName = Camel | SnakeCase<Camel>
export type ActivationLike = ActivationName | ((x: Tensor) => Tensor)

const table: Readonly<Record<string, (x: Tensor) => Tensor>> = {
  ...Object.fromEntries((Object.keys(unary) as Unary[]).map((name) => [name, (x: Tensor): Tensor => x[name]()])),
  ...others,
}

/** The function that an activation's name stands for: any op of one tensor, or softmax and its kind. */
export function resolveActivation(activation: ActivationLike | null | undefined): (x: Tensor) => Tensor {
  if (activation === undefined || activation === null) return others.linear
  return typeof activation === 'function' ? activation : lookup('activation', activation, table, aliases)
}

/** `activation(x)`. */
export const activate = (x: Tensor, activation: ActivationLike | null | undefined): Tensor => resolveActivation(activation)(x)
