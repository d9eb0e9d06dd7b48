/** Recurrent layers. */
import type { AnyLayer } from '@typegrad/layers'
import { concat, zeros, type Tensor } from '@typegrad/tensor'
import { recurrentName } from '../activations.ts'
import type { Builder } from '../builder.ts'
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

/** A sequence in one direction: all outputs `[steps, 1, batch, units]`, and the last. */
function runRecurrent(g: Builder, kind: string, layer: AnyLayer, x: string, direction: 'forward' | 'reverse'): [string, string] {
  const { op, gates, names } = recurrent[kind]
  const config = layer.getConfig()
  const activations = names.map((name) => recurrentName(config[name]))
  need(!activations.includes(undefined), `activations ${names.map((name) => String(config[name])).join(', ')}`)
  need(!config['stateful'], 'states that are kept from batch to batch')
  const { cell } = layer as unknown as { cell: AnyLayer }
  const [kernel, recurrentKernel, bias] = ['kernel', 'recurrentKernel', 'bias'].map((name) => weight(cell, name))
  const units = config['units'] as number
  const none = zeros([gates.length * units])
  const [input, state] = !bias ? [none, none] : bias.rank === 2 ? [bias.slice(0), bias.slice(1)] : [bias, none]
  const biases = concat([gated(input, gates), gated(state, gates)]).expandDims(0)
  const matrices = [kernel!, recurrentKernel!].map((matrix) => g.constant(gated(matrix, gates).transpose().expandDims(0)))
  const time = g.add('Transpose', [x], { perm: [1, 0, 2] })
  const attributes = {
    hidden_size: units,
    direction,
    ...(op === 'GRU' ? { linear_before_reset: config['reset_after'] ? 1 : 0 } : {}),
  }
  need(activations.join() === defaults[op], `activations other than ${defaults[op]}`)
  const [all, last] = g.several(op, [time, ...matrices, g.constant(biases)], 2, attributes)
  return [all, last]
}

const defaults: Readonly<Record<string, string>> = { LSTM: 'Sigmoid,Tanh,Tanh', GRU: 'Sigmoid,Tanh', RNN: 'Tanh' }

const squeezed = (g: Builder, x: string, axis: number): string => g.add('Squeeze', [x, g.integers([axis])])

/** `[batch, steps, units]` of all outputs. */
const batchFirst = (g: Builder, all: string): string => g.add('Transpose', [squeezed(g, all, 1)], { perm: [1, 0, 2] })

const rnn =
  (kind: string): Converter =>
  (g, inputs, layer, { config }) => {
    need(inputs.length === 1, 'states that are given')
    need(!config['return_state'], 'return_state')
    const [all, last] = runRecurrent(g, kind, layer, inputs[0], config['go_backwards'] ? 'reverse' : 'forward')
    if (!config['return_sequences']) return squeezed(g, last, 0)
    // Keras gives the outputs in the order of the steps taken, ONNX in that of the input.
    return config['go_backwards'] ? backwards(g, batchFirst(g, all), 1) : batchFirst(g, all)
  }

const bidirectional: Converter = (g, [x], layer, { config }) => {
  const { forwardLayer, backwardLayer } = layer as unknown as { forwardLayer: AnyLayer; backwardLayer: AnyLayer }
  const sides = [forwardLayer, backwardLayer].map((side, i) => {
    const options = side.getConfig()
    const kind = (config[i === 0 ? 'layer' : 'backward_layer'] as { class_name: string }).class_name
    need(Object.hasOwn(recurrent, kind), `a layer of class ${kind} within`)
    need(!options['return_state'], 'return_state')
    need(options['go_backwards'] === (i === 1), 'a first layer that goes backwards')
    const [all, last] = runRecurrent(g, kind, side, x, i === 0 ? 'forward' : 'reverse')
    return options['return_sequences'] ? batchFirst(g, all) : squeezed(g, last, 0)
  })
  const mode = config['merge_mode']
  const merge: Readonly<Record<string, () => string>> = {
    concat: () => g.add('Concat', sides, { axis: -1 }),
    sum: () => g.add('Add', sides),
    mul: () => g.add('Mul', sides),
    ave: () => g.add('Mean', sides),
  }
  need(typeof mode === 'string' && Object.hasOwn(merge, mode), `merge_mode ${String(mode)}`)
  return merge[mode as string]()
}

export const recurrence: Converters = {
  LSTM: rnn('LSTM'),
  GRU: rnn('GRU'),
  SimpleRNN: rnn('SimpleRNN'),
  Bidirectional: bidirectional,
}
