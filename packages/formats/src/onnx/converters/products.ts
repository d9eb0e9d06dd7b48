/** Products of matrices: dense layers, attention, and products of two inputs. */
import type { AnyLayer } from '@typegrad/layers'
import { normalizeAxis, type Shape } from '@typegrad/tensor'
import type { Builder } from '../builder.ts'
import { act, letters, need, plus, range, weight, type Converter, type Converters } from './converter.ts'

const multiHead: Converter = (g, [query, value, key = value], layer, { config, shape }) => {
  need(shape.length === 3, 'inputs that are no sequences of vectors')
  need(['null', '1', '[1]'].includes(JSON.stringify(config['attention_axes'])), 'attention_axes')
  const project = (x: string, name: string): string => {
    const dense = (layer as unknown as Record<string, AnyLayer>)[name]
    return plus(
      g,
      g.add('Einsum', [x, g.constant(weight(dense, 'kernel')!)], { equation: 'abc,cde->abde' }),
      weight(dense, 'bias'),
    )
  }
  const [q, k, v] = [project(query, 'queryDense'), project(key, 'keyDense'), project(value, 'valueDense')]
  const scaled = g.add('Mul', [q, g.number(1 / Math.sqrt(config['key_dim'] as number))])
  const scores = g.add('Softmax', [g.add('Einsum', [scaled, k], { equation: 'btnh,bsnh->bnts' })], { axis: -1 })
  const mixed = g.add('Einsum', [scores, v], { equation: 'bnts,bsnh->btnh' })
  const { outputDense } = layer as unknown as { outputDense: AnyLayer }
  const kernel = weight(outputDense, 'kernel')!
  need(kernel.rank === 3, 'output_shape of several axes')
  return plus(g, g.add('Einsum', [mixed, g.constant(kernel)], { equation: 'btnh,nhd->btd' }), weight(outputDense, 'bias'))
}

/** Query heads that share a head of key and value are an axis of their own, g: heads are [v, g], not u. */
const groupQuery: Converter = (g, [query, value, key = value], layer, { config }) => {
  const [headDim, heads, shared] = ['head_dim', 'num_query_heads', 'num_key_value_heads'].map((name) => config[name] as number)
  const project = (
    x: string,
    name: string,
    equation: string,
    kernelShape: (kernel: Shape) => Shape,
    biasShape: Shape,
  ): string => {
    const dense = (layer as unknown as Record<string, AnyLayer>)[name]
    const kernel = weight(dense, 'kernel')!
    const y = g.add('Einsum', [x, g.constant(kernel.reshape(kernelShape(kernel.shape)))], { equation })
    return plus(g, y, weight(dense, 'bias')?.reshape(biasShape))
  }
  const split = [shared, heads / shared, headDim]
  const q = project(query, 'queryDense', 'bqm,mvgh->bqvgh', ([m]) => [m, ...split], split)
  const k = project(key, 'keyDense', 'bkm,mvh->bkvh', (shape) => shape, [shared, headDim])
  const v = project(value, 'valueDense', 'bkm,mvh->bkvh', (shape) => shape, [shared, headDim])
  const scaled = g.add('Mul', [q, g.number(1 / Math.sqrt(headDim))])
  const scores = g.add('Softmax', [g.add('Einsum', [scaled, k], { equation: 'bqvgh,bkvh->bvgqk' })], { axis: -1 })
  const mixed = g.add('Einsum', [scores, v], { equation: 'bvgqk,bkvh->bqvgh' })
  return project(mixed, 'outputDense', 'bqvgh,vghm->bqm', (shape) => [...split, shape.at(-1)!], [-1])
}

type Score = (g: Builder, query: string, key: string, layer: AnyLayer, rank: number) => string

/** A value times a weight, if the layer has it. */
const times = (g: Builder, x: string, layer: AnyLayer, name: string): string => {
  const factor = weight(layer, name)
  return factor ? g.add('Mul', [x, g.constant(factor)]) : x
}

/** All queries plus all keys, `[...batch, queries, keys, dim]`. */
const sums = (g: Builder, query: string, key: string): string =>
  g.add('Add', [g.add('Unsqueeze', [query, g.integers([-2])]), g.add('Unsqueeze', [key, g.integers([-3])])])

const summed = (g: Builder, x: string): string => g.add('ReduceSum', [x, g.integers([-1])], { keepdims: 0 })

const dot: Score = (g, query, key, layer, rank) => {
  const turned = g.add('Transpose', [key], { perm: [...range(rank - 2), rank - 1, rank - 2] })
  return times(g, g.add('MatMul', [query, turned]), layer, 'scale')
}

const concatenated: Score = (g, query, key, layer) => {
  const hidden = g.add('Tanh', [times(g, sums(g, query, key), layer, 'scale')])
  return times(g, summed(g, hidden), layer, 'concatScoreWeight')
}

const additive: Score = (g, query, key, layer) => summed(g, times(g, g.add('Tanh', [sums(g, query, key)]), layer, 'scale'))

const attention =
  (scoreOf: (mode: unknown) => Score): Converter =>
  (g, [query, value, key = value], layer, { config, shape }) => {
    const scores = scoreOf(config['score_mode'])(g, query, key, layer, shape.length)
    return g.add('MatMul', [g.add('Softmax', [scores], { axis: -1 }), value])
  }

const dotProduct: Converter = (g, inputs, _, { config, shapes }) => {
  const given = config['axes'] as number | readonly number[]
  const axes = shapes.map(({ length }, i) => normalizeAxis(typeof given === 'number' ? given : given[i], length, 'Dot'))
  const sides = inputs.map((x, i) => {
    if (!config['normalize']) return x
    const norm = g.add('ReduceL2', [x], { axes: [axes[i]], keepdims: 1 })
    return g.add('Div', [x, g.add('Max', [norm, g.number(1e-7)])])
  })
  // The batch is a, what is summed over is z.
  const [left, right] = shapes.map(({ length }, i) => {
    const free = letters(length, 1 + 10 * i)
    return range(length).map((axis) => (axis === 0 ? 'a' : axis === axes[i] ? 'z' : free[axis]))
  })
  const free = [...left, ...right].filter((letter) => letter !== 'a' && letter !== 'z').join('')
  const y = g.add('Einsum', sides, { equation: `${left.join('')},${right.join('')}->a${free}` })
  return free === '' ? g.add('Unsqueeze', [y, g.integers([1])]) : y
}

const einsumDense: Converter = (g, [x], layer, call) => {
  const equation = (call.config['equation'] as string).replaceAll(' ', '')
  const y = g.add('Einsum', [x, g.constant(weight(layer, 'kernel')!)], { equation })
  return act(g, call, plus(g, y, weight(layer, 'bias')))
}

export const products: Converters = {
  Dense: (g, [x], layer, call) =>
    act(g, call, plus(g, g.add('MatMul', [x, g.constant(weight(layer, 'kernel')!)]), weight(layer, 'bias'))),
  EinsumDense: einsumDense,
  Dot: dotProduct,
  Attention: attention((mode) => (mode === 'concat' ? concatenated : dot)),
  AdditiveAttention: attention(() => additive),
  MultiHeadAttention: multiHead,
  GroupQueryAttention: groupQuery,
}
