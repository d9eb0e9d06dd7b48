import type { Builder } from './builder.ts'

const simple: Readonly<Record<string, string>> = {
  relu: 'Relu',
  sigmoid: 'Sigmoid',
  tanh: 'Tanh',
  selu: 'Selu',
  softplus: 'Softplus',
  softsign: 'Softsign',
  exponential: 'Exp',
}

const made: Readonly<Record<string, (g: Builder, x: string) => string>> = {
  linear: (_, x) => x,
  softmax: (g, x) => g.add('Softmax', [x], { axis: -1 }),
  log_softmax: (g, x) => g.add('LogSoftmax', [x], { axis: -1 }),
  elu: (g, x) => g.add('Elu', [x], { alpha: { float: 1 } }),
  leaky_relu: (g, x) => g.add('LeakyRelu', [x], { alpha: { float: 0.2 } }),
  relu6: (g, x) => g.add('Clip', [x, g.number(0), g.number(6)]),
  hard_sigmoid: (g, x) => g.add('HardSigmoid', [x], { alpha: { float: 1 / 6 }, beta: { float: 0.5 } }),
  hard_silu: (g, x) => g.add('Mul', [x, made['hard_sigmoid'](g, x)]),
  silu: (g, x) => g.add('Mul', [x, g.add('Sigmoid', [x])]),
  mish: (g, x) => g.add('Mul', [x, g.add('Tanh', [g.add('Softplus', [x])])]),
  gelu: (g, x) => {
    const share = g.add('Add', [g.add('Erf', [g.add('Mul', [x, g.number(Math.SQRT1_2)])]), g.number(1)])
    return g.add('Mul', [g.add('Mul', [x, g.number(0.5)]), share])
  },
}

/** The names of the activations that ONNX can say. */
export const activationNames = [...Object.keys(simple), ...Object.keys(made)]

/** An activation of a value, by Keras' name; `undefined` where ONNX has no such thing. */
export function activate(g: Builder, name: unknown, x: string): string | undefined {
  if (name === null || name === undefined) return x
  if (typeof name !== 'string') return undefined
  if (Object.hasOwn(simple, name)) return g.add(simple[name], [x])
  return Object.hasOwn(made, name) ? made[name](g, x) : undefined
}

/** An activation as recurrent operators name it, with the numbers that it takes. */
export interface RecurrentActivation {
  readonly name: string
  readonly alpha?: number
  readonly beta?: number
}

/** The activations that recurrent operators have, by Keras' names. */
export const recurrentActivations: Readonly<Record<string, RecurrentActivation | undefined>> = {
  tanh: { name: 'Tanh' },
  sigmoid: { name: 'Sigmoid' },
  relu: { name: 'Relu' },
  softsign: { name: 'Softsign' },
  hard_sigmoid: { name: 'HardSigmoid', alpha: 1 / 6, beta: 0.5 },
}
