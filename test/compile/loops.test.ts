/** Recurrent layers in compiled functions: one loop in the program, whatever the number of steps, with the results of step by step. */
import { valueAndGrad } from '@typegrad/autograd'
import {
  Bidirectional,
  GRU,
  LSTM,
  LSTMCell,
  RNN,
  RNNCell,
  SimpleRNN,
  SimpleRNNCell,
  type AnyLayer,
  type CellContext,
} from '@typegrad/layers'
import { compile, currentBackend, random, setDeterministic, setSeed, setThreads, tensor, type Tensor } from '@typegrad/tensor'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'

const hasPrograms = currentBackend().program !== undefined

beforeEach(() => setSeed(4))
afterEach(() => {
  setDeterministic(false)
  setThreads()
})

/** A cell of somebody else: its output is not its state, and a step sums over features. */
class Leaky extends RNNCell {
  readonly stateSize = 3

  call(x: Tensor, { states: [h] }: CellContext): Tensor[] {
    const next = h
      .mul(0.5)
      .add(x.softmax())
      .add(x.mean(-1, { keepdims: true }))
    return [next.square(), next]
  }
}

/** A cell that draws at every step. */
class Noisy extends RNNCell {
  readonly stateSize = 3

  call(x: Tensor, { states: [h] }: CellContext): Tensor[] {
    const next = h
      .mul(0.5)
      .add(x)
      .mul(random.uniform([...h.shape]))
    return [next, next]
  }
}

const layers: Record<string, () => AnyLayer> = {
  SimpleRNN: () => new SimpleRNN({ units: 3 }),
  'SimpleRNN, all steps backwards': () => new SimpleRNN({ units: 3, returnSequences: true, goBackwards: true }),
  LSTM: () => new LSTM({ units: 4 }),
  'LSTM, all steps, zeros for the mask': () => new LSTM({ units: 4, returnSequences: true, zeroOutputForMask: true }),
  GRU: () => new GRU({ units: 3 }),
  'GRU, reset before, backwards': () => new GRU({ units: 3, resetAfter: false, goBackwards: true }),
  'two directions': () => new Bidirectional({ layer: new GRU({ units: 2, returnSequences: true }) }),
  'stacked cells': () => new RNN({ cell: [new LSTMCell({ units: 2 }), new SimpleRNNCell({ units: 3 })] }),
  'a cell of its own': () => new RNN({ cell: new Leaky({}), returnSequences: true }),
}

/** The value and all gradients of a layer's output, squared. */
const stepOf =
  (layer: AnyLayer) =>
  (x: Tensor, mask?: Tensor): Tensor[] => {
    const loss = (input: Tensor): Tensor => {
      const y = layer.apply(input, { training: true, ...(mask ? { mask } : {}) }) as Tensor | Tensor[]
      return (Array.isArray(y) ? y : [y]).map((one) => one.square().sum()).reduce((a, b) => a.add(b))
    }
    const input = valueAndGrad(loss)(x)
    return [input.value, ...input.grads, ...valueAndGrad(() => loss(x), layer.trainableWeights).grads]
  }

function expectClose(got: readonly Tensor[], expected: readonly Tensor[]): void {
  expected.forEach((tensorOf, i) => {
    const [a, b] = [got[i].toTypedArray(), tensorOf.toTypedArray()]
    const size = Math.max(1e-30, ...b.map(Math.abs))
    expect(Math.max(...a.map((value, k) => Math.abs(value - b[k]))) / size).toBeLessThan(1e-6)
  })
}

const loopsIn = (text: string): number => text.match(/\d+ × /g)?.length ?? 0

describe.runIf(hasPrograms)('a recurrence', () => {
  test.each(Object.keys(layers))('is one loop with the same results: %s', (name) => {
    const layer = layers[name]()
    const [batch, steps] = [3, 5]
    const x = random.normal([batch, steps, 3])
    const mask = tensor([1, 1, 0, 1, 0, 1, 1, 1, 1, 1, 0, 0, 1, 1, 0], { dtype: 'bool' }).reshape([batch, steps])
    layer.apply(x)
    const eager = stepOf(layer)
    for (const threads of name === 'LSTM' ? [1, 2] : [2]) {
      setThreads(threads)
      for (const given of [[x], [x, mask]] as [Tensor, Tensor?][]) {
        const compiled = compile(stepOf(layer))
        expectClose(compiled(...given), eager(...given))
        expect(loopsIn(compiled.explain())).toBeGreaterThan(0)
      }
    }
  })

  test('begins with the states that it is given, and gives the last ones', () => {
    const layer = new LSTM({ units: 2, returnState: true })
    const x = random.normal([2, 4, 3])
    layer.apply(x)
    const f = (a: Tensor, h: Tensor, c: Tensor): Tensor[] =>
      valueAndGrad((...given) => {
        const [y, ...states] = layer.apply(given[0], { initialState: given.slice(1) }) as Tensor[]
        return states.reduce((sum, state) => sum.add(state.exp().sum()), y.sum())
      })(a, h, c).grads
    const given = [x, random.normal([2, 2]), random.normal([2, 2])] as const
    expectClose(compile(f)(...given), f(...given))
  })

  test('is no longer for more steps', () => {
    const layer = new GRU({ units: 3 })
    layer.apply(random.normal([2, 3, 3]))
    const linesFor = (steps: number): number => {
      const x = random.normal([2, steps, 3])
      const compiled = compile(stepOf(layer))
      expectClose(compiled(x), stepOf(layer)(x))
      return compiled.explain().split('\n').length
    }
    expect(linesFor(200)).toBe(linesFor(3))
  })

  test('has threads share no more beside its steps than what is worth waking them for', () => {
    const layer = new LSTM({ units: 32 })
    layer.apply(random.normal([1, 1, 16]))
    const callsFor = (steps: number): number[] => {
      const x = random.normal([32, steps, 16])
      return [1, 2].map((threads) => {
        setThreads(threads)
        const compiled = compile(stepOf(layer))
        compiled(x)
        return Number(/(\d+) calls a run/.exec(compiled.explain())![1])
      })
    }
    const [alone, shared] = callsFor(8)
    expect(shared).toBe(alone)
    const [one, two] = callsFor(96)
    expect(two).toBeGreaterThan(one)
  })

  /** The program of a layer that draws, which draws what the layer does op by op. */
  const drawing = (layer: AnyLayer): string => {
    const x = random.normal([2, 5, 3])
    layer.apply(x)
    const f = stepOf(layer)
    const g = compile(f)
    const [wanted, got] = [f, g].map((run) => {
      setSeed(9)
      return run(x)
    })
    expectClose(got, wanted)
    return g.explain()
  }

  test.each<[string, AnyLayer]>([
    ['LSTM', new LSTM({ units: 3, dropout: 0.3, recurrentDropout: 0.4 })],
    ['GRU', new GRU({ units: 3, resetAfter: false, recurrentDropout: 0.4 })],
    ['SimpleRNN', new SimpleRNN({ units: 3, recurrentDropout: 1 })],
    [
      'stacked',
      new RNN({
        cell: [
          new LSTMCell({ units: 2, recurrentDropout: 0.5 }),
          new SimpleRNNCell({ units: 3, dropout: 0.3, recurrentDropout: 0.5 }),
        ],
      }),
    ],
  ])('draws what it draws step by step, once for all steps: %s', (_, layer) => {
    expect(drawing(layer)).toContain('5 × ')
  })

  test('a cell that draws at every step is written out', () => {
    expect(drawing(new RNN({ cell: new Noisy({}) }))).not.toContain('5 × ')
  })

  test('has gradients of gradients', () => {
    const layer = new SimpleRNN({ units: 2 })
    const x = random.normal([2, 4, 3])
    layer.apply(x)
    const slope = (a: Tensor): Tensor => valueAndGrad((b) => (layer.apply(b) as Tensor).square().sum())(a).grads[0]
    const f = (a: Tensor): Tensor => valueAndGrad((b) => slope(b).square().sum())(a).grads[0]
    expectClose([compile(f)(x)], [f(x)])
  })

  test('gives the bits of step by step where determinism is asked for', () => {
    setDeterministic(true)
    const layer = new LSTM({ units: 5, returnSequences: true })
    const x = random.normal([2, 6, 3])
    layer.apply(x)
    const [got, expected] = [compile(stepOf(layer))(x), stepOf(layer)(x)]
    expect(got.map((y) => [...y.toTypedArray()])).toEqual(expected.map((y) => [...y.toTypedArray()]))
  })
})
