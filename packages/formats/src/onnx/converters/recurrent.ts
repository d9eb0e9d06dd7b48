/** Recurrent layers. */
import type { AnyLayer, LayerConfig } from '@typegrad/layers'
import { concat, zeros, type Tensor } from '@typegrad/tensor'
import { recurrentActivations, type RecurrentActivation } from '../activations.ts'
import type { Builder } from '../builder.ts'
import type { Attribute } from '../proto.ts'
import { backwards, need, weight, type Converter, type Converters } from './converter.ts'

/** How recurrent layers of ONNX have their weights: gates in another order, rows and columns exchanged, both biases in one. */
const recurrent: Readonly<Record<string, { op: string; gates: readonly number[]; names: readonly string[] }>> = {
  LSTM: { op: 'LSTM', gates: [0, 3, 1, 2], names: ['recurrent_activation', 'activation', 'activation'] },
  GRU: { op: 'GRU', gates: [0, 1, 2], names: ['recurrent_activation', 'activation'] },
  SimpleRNN: { op: 'RNN', gates: [0], names: ['activation'] },
}

function gated(matrix: Tensor, gates: readonly number[]): Tensor {
  const parts = matrix.split(gates.length, -1)
  return concat(
    gates.map((gate) => parts[gate]),
    -1,
  )
}

/** A sequence in one direction: all outputs `[batch, steps, units]` in the order of the steps taken, and the last states. */
function runRecurrent(g: Builder, kind: string, layer: AnyLayer, x: string): { all: string; states: string[] } {
  const { op, gates, names } = recurrent[kind]
  const { cell } = layer as unknown as { cell: AnyLayer }
  const config = { ...cell.getConfig(), ...layer.getConfig() }
  const reverse = config['go_backwards'] as boolean
  const activations = names.map((name) => recurrentActivations[String(config[name])])
  need(!activations.includes(undefined), `activations ${names.map((name) => String(config[name])).join(', ')}`)
  need(!config['stateful'], 'states that are kept from batch to batch')
  const [kernel, recurrentKernel, bias] = ['kernel', 'recurrentKernel', 'bias'].map((name) => weight(cell, name))
  const units = config['units'] as number
  const none = zeros([gates.length * units])
  const [input, state] = !bias ? [none, none] : bias.rank === 2 ? [bias.slice(0), bias.slice(1)] : [bias, none]
  const biases = concat([gated(input, gates), gated(state, gates)]).expandDims(0)
  const matrices = [kernel!, recurrentKernel!].map((matrix) => g.constant(gated(matrix, gates).transpose().expandDims(0)))
  const time = g.add('Transpose', [x], { perm: [1, 0, 2] })
  const attributes = {
    hidden_size: units,
    direction: reverse ? 'reverse' : 'forward',
    activations: activations.map((one) => one!.name),
    ...numbersOf(activations.map((one) => one!)),
    ...(op === 'GRU' ? { linear_before_reset: config['reset_after'] ? 1 : 0 } : {}),
  }
  const results = g.several(op, [time, ...matrices, g.constant(biases)], op === 'LSTM' ? 3 : 2, attributes)
  const states = results.slice(1).map((state) => squeezed(g, state, 0))
  const all = g.add('Transpose', [squeezed(g, results[0], 1)], { perm: [1, 0, 2] })
  // ONNX gives all outputs in the order of the input.
  return { all: reverse ? backwards(g, all, 1) : all, states }
}

/** The attributes for activations that have numbers: of ONNX' lists each takes the next. */
function numbersOf(activations: readonly RecurrentActivation[]): Record<string, Attribute> {
  const lists = ['alpha', 'beta'].map((key) => activations.flatMap((one) => one[key as 'alpha' | 'beta'] ?? []))
  return lists[0].length === 0 ? {} : { activation_alpha: { floats: lists[0] }, activation_beta: { floats: lists[1] } }
}

const squeezed = (g: Builder, x: string, axis: number): string => g.add('Squeeze', [x, g.integers([axis])])

const rnn =
  (kindOf: (config: LayerConfig) => string): Converter =>
  (g, inputs, layer, { config }) => {
    need(inputs.length === 1, 'states that are given')
    const kind = kindOf(config)
    need(Object.hasOwn(recurrent, kind), `a cell of class ${kind}`)
    const { all, states } = runRecurrent(g, kind, layer, inputs[0])
    const y = config['return_sequences'] ? all : states[0]
    return config['return_state'] ? [y, ...states] : y
  }

const bidirectional: Converter = (g, inputs, layer, { config }) => {
  need(inputs.length === 1, 'states that are given')
  const { forwardLayer, backwardLayer } = layer as unknown as { forwardLayer: AnyLayer; backwardLayer: AnyLayer }
  const { return_sequences: sequences, return_state: withStates } = forwardLayer.getConfig()
  const runs = [forwardLayer, backwardLayer].map((side, i) => {
    const kind = (config[i === 0 ? 'layer' : 'backward_layer'] as { class_name: string }).class_name
    need(Object.hasOwn(recurrent, kind), `a layer of class ${kind} within`)
    return runRecurrent(g, kind, side, inputs[0])
  })
  // The second in the order of the first.
  const sides = runs.map(({ all, states }, i) => (!sequences ? states[0] : i === 0 ? all : backwards(g, all, 1)))
  const mode = config['merge_mode']
  const merge: Readonly<Record<string, () => string | string[]>> = {
    concat: () => g.add('Concat', sides, { axis: -1 }),
    sum: () => g.add('Add', sides),
    mul: () => g.add('Mul', sides),
    ave: () => g.add('Mean', sides),
    null: () => sides,
  }
  const y = merge[String(mode)]()
  return withStates ? [y, ...runs.map(({ states }) => states)].flat(2) : y
}

export const recurrence: Converters = {
  LSTM: rnn(() => 'LSTM'),
  GRU: rnn(() => 'GRU'),
  SimpleRNN: rnn(() => 'SimpleRNN'),
  RNN: rnn(({ cell }) => (cell as { class_name: string }).class_name.replace(/Cell$/, '')),
  Bidirectional: bidirectional,
}
