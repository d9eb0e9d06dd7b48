import { GradientTape } from '@typegrad/autograd'
import {
  AdditiveAttention,
  Attention,
  Embedding,
  GroupQueryAttention,
  Input,
  maskOf,
  MultiHeadAttention,
  type AnyLayer,
} from '@typegrad/layers'
import { Model } from '@typegrad/model'
import { arange, random, setSeed, tensor, zeros, type Tensor } from '@typegrad/tensor'
import { beforeEach, describe, expect, it } from 'vitest'
import { layerConformance } from './keras-case.ts'
import { testLayers } from './table.ts'

layerConformance('attention')

const [q, v, k] = [
  [2, 3],
  [4, 3],
  [4, 3],
] as const
const pair = { input: [q, v], mask: 'passed', heedsMask: true } as const
const triple = { input: [q, [4, 2], k], mask: 'passed', heedsMask: true } as const
// A bias of the keys moves all scores of a query by the same amount, which softmax does not see.
const heads = { still: ['bias'] }

testLayers([
  { name: 'Attention', make: (o) => new Attention(o), ...pair },
  { name: 'Attention by concatenation', make: (o) => new Attention({ scoreMode: 'concat', ...o }), ...triple },
  {
    name: 'Attention with scale, dropout and scores',
    make: (o) => new Attention({ useScale: true, dropout: 0.5, ...o }),
    context: { returnAttentionScores: true },
    random: true,
    ...pair,
  },
  { name: 'Attention, causal', make: (o) => new Attention(o), context: { useCausalMask: true }, ...pair, heedsMask: false },
  { name: 'AdditiveAttention', make: (o) => new AdditiveAttention(o), ...pair },
  { name: 'AdditiveAttention without scale', make: (o) => new AdditiveAttention({ useScale: false, ...o }), ...triple },
  { name: 'MultiHeadAttention', make: (o) => new MultiHeadAttention({ numHeads: 2, keyDim: 2, ...o }), ...pair, ...heads },
  {
    name: 'MultiHeadAttention with values, scores and an output shape',
    make: (o) => new MultiHeadAttention({ numHeads: 2, keyDim: 3, valueDim: 1, outputShape: [2, 1], useBias: false, ...o }),
    context: { returnAttentionScores: true, useCausalMask: true },
    ...triple,
  },
  {
    name: 'MultiHeadAttention with dropout',
    make: (o) => new MultiHeadAttention({ numHeads: 2, keyDim: 2, dropout: 0.5, seed: 3, ...o }),
    random: true,
    ...pair,
    ...heads,
  },
  {
    name: 'MultiHeadAttention over two axes',
    make: (o) => new MultiHeadAttention({ numHeads: 2, keyDim: 1, attentionAxes: [1, 2], ...o }),
    context: { returnAttentionScores: true },
    ...pair,
    input: [
      [2, 2, 3],
      [4, 3, 3],
    ],
    ...heads,
  },
  {
    name: 'MultiHeadAttention over one of two axes',
    make: (o) => new MultiHeadAttention({ numHeads: 1, keyDim: 2, attentionAxes: 2, ...o }),
    input: [
      [2, 3, 2],
      [2, 4, 2],
    ],
    mask: 'passed',
    ...heads,
  },
  {
    name: 'GroupQueryAttention',
    make: (o) => new GroupQueryAttention({ headDim: 2, numQueryHeads: 4, numKeyValueHeads: 2, ...o }),
    ...pair,
    ...heads,
  },
  {
    name: 'GroupQueryAttention, causal, with scores',
    make: (o) => new GroupQueryAttention({ headDim: 1, numQueryHeads: 2, numKeyValueHeads: 1, useBias: false, ...o }),
    context: { returnAttentionScores: true, useCausalMask: true },
    ...triple,
  },
])

beforeEach(() => setSeed(1))

const bools = (rows: boolean[][]): Tensor => tensor(rows)

describe('masks of attention', () => {
  const layers: readonly (readonly [string, () => AnyLayer])[] = [
    ['Attention', () => new Attention({ useScale: true })],
    ['AdditiveAttention', () => new AdditiveAttention()],
    ['MultiHeadAttention', () => new MultiHeadAttention({ numHeads: 2, keyDim: 2 })],
    ['GroupQueryAttention', () => new GroupQueryAttention({ headDim: 2, numQueryHeads: 2, numKeyValueHeads: 1 })],
  ]

  it.each(layers)('%s gives 0 weights, and finite gradients, where nothing is left to attend to', (_, make) => {
    const layer = make()
    const query = random.normal([2, 3, 4])
    const value = random.normal([2, 5, 4])
    const mask = [
      undefined,
      bools([
        [false, false, false, false, false],
        [true, true, false, true, true],
      ]),
    ]
    const tape = new GradientTape()
    tape.watch(query)
    tape.watch(value)
    const [y, scores] = tape.run(() => layer.apply([query, value], { mask, returnAttentionScores: true }) as Tensor[])
    expect(scores.slice(0).abs().max().item()).toBe(0)
    expect(scores.slice(1).sum(-1).sub(1).abs().max().item()).toBeLessThan(1e-6)
    const target = tape.run(() => y.square().sum())
    for (const grad of tape.gradient(target, [query, value, ...layer.trainableWeights]))
      expect(grad!.isfinite().all().item()).toBe(1)
  })

  it.each(layers)('%s: what lies under a mask does not reach the gradient', (_, make) => {
    const layer = make()
    const query = random.normal([1, 2, 3])
    const mask = [undefined, bools([[true, true, false]])]
    const run = (hidden: number): Tensor[] => {
      const value = tensor([
        [
          [0.1, 0.2, 0.3],
          [0.5, -0.1, 0.4],
          [hidden, -hidden, hidden],
        ],
      ])
      const tape = new GradientTape()
      tape.watch(query)
      const loss = tape.run(() => (layer.apply([query, value], { mask }) as Tensor).square().sum())
      return tape.gradient(loss, [query, ...layer.trainableWeights]) as Tensor[]
    }
    const huge = run(1e15)
    run(1).forEach((grad, i) => expect(huge[i].toArray()).toEqual(grad.toArray()))
  })

  it('causal is the lower triangle as an attentionMask', () => {
    const layer = new MultiHeadAttention({ numHeads: 2, keyDim: 2 })
    const x = random.normal([2, 4, 3])
    const lower = arange(4).reshape([4, 1]).greaterEqual(arange(4))
    const causal = layer.apply([x, x], { useCausalMask: true })
    for (const attentionMask of [lower, lower.expandDims(0), lower.broadcastTo([2, 2, 4, 4])])
      expect(layer.apply([x, x], { attentionMask }).toArray()).toEqual(causal.toArray())
    // The first step sees itself alone.
    const alone = layer.apply([x.slice(null, [0, 1]), x.slice(null, [0, 1])])
    expect(causal.slice(null, [0, 1]).sub(alone).abs().max().item()).toBeLessThan(1e-6)
  })

  it('of an Embedding reach attention through a functional model, and go on from it', () => {
    const embedding = new Embedding({ inputDim: 9, outputDim: 4, maskZero: true })
    const attention = new MultiHeadAttention({ numHeads: 2, keyDim: 2 })
    const ids = Input({ shape: [4], dtype: 'int32' })
    const x = embedding.apply(ids)
    const model = new Model({ inputs: ids, outputs: attention.apply([x, x], { useCausalMask: true }) })
    const short = tensor([[3, 5]])
    const padded = tensor([[3, 5, 0, 0]])
    const y = model.apply(padded) as Tensor
    const expected = attention.apply([embedding.apply(short), embedding.apply(short)], { useCausalMask: true })
    expect(y.slice(null, [0, 2]).sub(expected).abs().max().item()).toBeLessThan(1e-6)
    expect(maskOf(y)!.toArray()).toEqual([[true, true, false, false]])
  })

  it('may be given as arrays, one for each input', () => {
    const layer = new Attention()
    const x = random.normal([1, 2, 3])
    const y = layer.apply([x, x], { mask: [[[true, false]], null] })
    expect(y.slice(0, 1).toArray()).toEqual([0, 0, 0])
    expect(maskOf(y)!.toArray()).toEqual([[true, false]])
  })
})

describe('attention refuses', () => {
  it.each<[string, () => unknown, RegExp]>([
    ['one input', () => new Attention().apply(zeros([1, 2, 3])), /expected a list: \[query, value\]/],
    ['one input of heads', () => new MultiHeadAttention({ numHeads: 1, keyDim: 1 }).apply(zeros([1, 2, 3])), /expected a list/],
    ['an unknown score', () => new Attention({ scoreMode: 'cosine' as 'dot' }), /scoreMode must be 'dot' or 'concat'/],
    [
      'keys of another length',
      () => new MultiHeadAttention({ numHeads: 1, keyDim: 1 }).apply([zeros([1, 2, 3]), zeros([1, 4, 3]), zeros([1, 5, 3])]),
      /must agree/,
    ],
    ['no heads', () => new MultiHeadAttention({ numHeads: 0, keyDim: 1 }), /numHeads must be a positive integer/],
    [
      'groups that do not divide',
      () => new GroupQueryAttention({ headDim: 1, numQueryHeads: 3, numKeyValueHeads: 2 }),
      /multiple/,
    ],
    ['dropout above 1', () => new MultiHeadAttention({ numHeads: 1, keyDim: 1, dropout: 1.5 }), /dropout must lie in/],
    [
      'what Keras has and we have not',
      () => MultiHeadAttention.fromConfig({ num_heads: 1, key_dim: 1, use_gate: true }),
      /use_gate true is not supported/,
    ],
  ])('%s', (_, f, message) => {
    expect(f).toThrow(message)
  })
})
