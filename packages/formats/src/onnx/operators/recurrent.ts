/** LSTM, GRU and RNN: sequences `[steps, batch, inputs]`, gates one below the other in the weights of each direction. */
import { concat, scalar, stack, where, zeros, type Tensor } from '@typegrad/tensor'
import { operator, range, Unsupported, type Attributes, type Operator, type Run } from './operator.ts'

type Activation = (x: Tensor) => Tensor

/** By their names in attributes, in small letters: spellings differ there. */
const activations: Readonly<Record<string, (alpha: number | undefined, beta: number | undefined) => Activation>> = {
  relu: () => (x) => x.relu(),
  tanh: () => (x) => x.tanh(),
  sigmoid: () => (x) => x.sigmoid(),
  softsign: () => (x) => x.softsign(),
  softplus: () => (x) => x.softplus(),
  affine:
    (alpha = 1, beta = 0) =>
    (x) =>
      x.mul(alpha).add(beta),
  leakyrelu:
    (alpha = 0.01) =>
    (x) =>
      x.leakyRelu({ negativeSlope: alpha }),
  thresholdedrelu:
    (alpha = 1) =>
    (x) =>
      x.threshold({ threshold: alpha }),
  scaledtanh:
    (alpha = 1, beta = 1) =>
    (x) =>
      x.mul(beta).tanh().mul(alpha),
  hardsigmoid:
    (alpha = 0.2, beta = 0.5) =>
    (x) =>
      x.mul(alpha).add(beta).clip(0, 1),
  elu:
    (alpha = 1) =>
    (x) =>
      x.elu({ alpha }),
}

/** What one step makes of its input (the gates' share of it) and of the state: the output first. */
type Step = (x: Tensor, state: readonly Tensor[]) => readonly Tensor[]

/** The weights of one direction, `[inputs, gates · units]` and so on; the biases are those of input and state. */
interface Weights {
  readonly recurrent: Tensor
  readonly bias: readonly [Tensor, Tensor]
  /** How the state looks into the gates of an LSTM. */
  readonly peepholes: Tensor | undefined
}

interface Kind {
  readonly gates: number
  /** How many tensors the state has. */
  readonly states: number
  readonly activations: readonly string[]
  /** Reads what other kinds have not, and gives the step for the weights of a direction. */
  readonly make: (a: Attributes) => (weights: Weights, f: readonly Activation[]) => Step
}

/** Columns as the gates have them. */
const gatesOf = (x: Tensor, n: number): Tensor[] => x.split(n, -1)

const kinds: Readonly<Record<'RNN' | 'GRU' | 'LSTM', Kind>> = {
  RNN: {
    gates: 1,
    states: 1,
    activations: ['Tanh'],
    make:
      () =>
      ({ recurrent, bias: [, ofState] }, [f]) =>
      (x, [h]) => [f(x.add(h.matmul(recurrent)).add(ofState))],
  },
  GRU: {
    gates: 3,
    states: 1,
    activations: ['Sigmoid', 'Tanh'],
    make: (a) => {
      const resetAfter = a.flag('linear_before_reset')
      return ({ recurrent, bias: [, ofState] }, [f, g]) => {
        const units = recurrent.shape[0]
        const gates = gatesOf(recurrent, 3)
        const [forGates, forState] = [concat(gates.slice(0, 2), -1), gates[2]]
        const [gateBias, stateBias] = ofState.split([2 * units, units])
        return (x, [h]) => {
          const [z0, r0, h0] = gatesOf(x, 3)
          const [z, r] = gatesOf(f(concat([z0, r0], -1).add(h.matmul(forGates)).add(gateBias)), 2)
          const remembered = resetAfter ? r.mul(h.matmul(forState).add(stateBias)) : r.mul(h).matmul(forState).add(stateBias)
          const made = g(h0.add(remembered))
          return [made.add(z.mul(h.sub(made)))]
        }
      }
    },
  },
  LSTM: {
    gates: 4,
    states: 2,
    activations: ['Sigmoid', 'Tanh', 'Tanh'],
    make: (a) => {
      const coupled = a.flag('input_forget')
      return ({ recurrent, bias: [, ofState], peepholes }, [f, g, last]) => {
        const looks = peepholes ? peepholes.split(3) : []
        const seen = (gate: Tensor, i: number, c: Tensor): Tensor => (looks[i] ? gate.add(c.mul(looks[i])) : gate)
        return (x, [h, c]) => {
          const [i0, o0, f0, c0] = gatesOf(x.add(h.matmul(recurrent)).add(ofState), 4)
          const input = f(seen(i0, 0, c))
          const forget = coupled ? scalar(1, x.dtype).sub(input) : f(seen(f0, 2, c))
          const cell = forget.mul(c).add(input.mul(g(c0)))
          return [f(seen(o0, 1, cell)).mul(last(cell)), cell]
        }
      }
    },
  },
}

/** The activations of all directions, one list for each. */
function activationsOf(a: Attributes, kind: Kind, directions: number): Activation[][] {
  const given = a.texts('activations')
  const [alpha, beta] = [a.numbers('activation_alpha') ?? [], a.numbers('activation_beta') ?? []]
  const names = given ?? range(directions).flatMap(() => kind.activations)
  a.need(names.length === directions * kind.activations.length, `${names.length} activations`)
  // The lists of parameters hold those of activations that have some, in order.
  const [withAlpha, withBeta] = [
    /^(leakyrelu|thresholdedrelu|scaledtanh|hardsigmoid|elu|affine)$/,
    /^(scaledtanh|hardsigmoid|affine)$/,
  ]
  let [i, j] = [0, 0]
  const made = names.map((name) => {
    const key = name.toLowerCase()
    if (!Object.hasOwn(activations, key)) throw new Unsupported(`the activation '${name}'`)
    return activations[key](withAlpha.test(key) ? alpha[i++] : undefined, withBeta.test(key) ? beta[j++] : undefined)
  })
  return range(directions).map((d) => made.slice(d * kind.activations.length, (d + 1) * kind.activations.length))
}

const recurrent = (name: keyof typeof kinds): Operator =>
  operator(3, name === 'LSTM' ? 8 : 6, (a): Run => {
    const kind = kinds[name]
    const units = a.number('hidden_size')
    const direction = a.oneOf('direction', ['forward', 'reverse', 'bidirectional'], 'forward')
    const directions = direction === 'bidirectional' ? 2 : 1
    const chosen = activationsOf(a, kind, directions)
    const [clip, batchFirst] = [a.number('clip'), a.flag('layout')]
    a.need(clip === undefined, 'clip')
    const make = kind.make(a)
    range(kind.states + 1).forEach((output) => a.wants(output))
    return ([given, input, recurrentWeights, bias, lengths, h0, c0, peepholes]: readonly (Tensor | undefined)[]) => {
      const x = batchFirst ? given!.swapaxes(0, 1) : given!
      const [steps, batch] = x.shape
      const width = units ?? recurrentWeights!.shape[2]
      const start = [h0, c0].slice(0, kind.states).map((state) => (state && batchFirst ? state.swapaxes(0, 1) : state))
      const results = range(directions).map((d) => {
        const side = (w: Tensor | undefined): Tensor | undefined => w?.slice(d)
        const both = side(bias)?.split(2)
        const none = zeros([kind.gates * width], { dtype: x.dtype })
        const [ofInput, ofState] = both ?? [none, none]
        const weights: Weights = {
          recurrent: side(recurrentWeights)!.transpose(),
          bias: [ofInput, ofState],
          peepholes: side(peepholes),
        }
        const step = make(weights, chosen[d])
        const shares = x.matmul(side(input)!.transpose()).add(ofInput)
        let state: readonly Tensor[] = start.map((one) => side(one) ?? zeros([batch, width], { dtype: x.dtype }))
        // After the end of a sequence its state stays, and its outputs are 0.
        const ends = lengths?.cast('int32').expandDims(1)
        const backwards = direction === 'reverse' || d === 1
        const outputs: Tensor[] = []
        for (let t = 0; t < steps; t++) {
          const at = backwards ? steps - 1 - t : t
          const [before, after] = [state, step(shares.slice(at), state)]
          const goesOn = ends?.greater(at)
          state = goesOn ? after.map((value, i) => where(goesOn, value, before[i])) : after
          outputs[at] = goesOn ? where(goesOn, after[0], scalar(0, x.dtype)) : after[0]
        }
        return { all: steps === 0 ? zeros([0, batch, width], { dtype: x.dtype }) : stack(outputs), state }
      })
      const all = stack(
        results.map((result) => result.all),
        1,
      )
      const last = range(kind.states).map((i) => stack(results.map((result) => result.state[i])))
      if (!batchFirst) return [all, ...last]
      return [all.transpose([2, 0, 1, 3]), ...last.map((state) => state.swapaxes(0, 1))]
    }
  })

export const recurrence: Readonly<Record<string, Operator>> = {
  RNN: recurrent('RNN'),
  GRU: recurrent('GRU'),
  LSTM: recurrent('LSTM'),
}
