import {
  Dense,
  deserializeLayer,
  Flatten,
  Identity,
  Input,
  Lambda,
  maskOf,
  Permute,
  RepeatVector,
  Reshape,
  serializeLayer,
} from '@typegrad/layers'
import { arange, tensor, zeros, type Tensor } from '@typegrad/tensor'
import { describe, expect, it } from 'vitest'
import { layerConformance } from './keras-case.ts'
import { testLayers } from './table.ts'

layerConformance('reshaping')

describe('reshaping', () => {
  const x = arange(24).reshape([2, 3, 4])

  it('Flatten brings channels that come first to the end', () => {
    expect(new Flatten({ dataFormat: 'channelsFirst' }).apply(x).toArray()).toEqual(x.moveaxis(1, -1).reshape([2, 12]).toArray())
    expect(new Flatten().computeOutputShape([null, 3, null])).toEqual([null, null])
    expect(new Flatten().computeOutputShape([null])).toEqual([null, 1])
    expect(new Flatten().apply(zeros([0, 3, 4])).shape).toEqual([0, 12])
  })

  it('Reshape finds one length', () => {
    expect(new Reshape({ targetShape: [-1, 6] }).apply(x).shape).toEqual([2, 2, 6])
    expect(new Reshape({ targetShape: [-1, 6] }).computeOutputShape([null, null, 4])).toEqual([null, null, 6])
    expect(new Reshape({ targetShape: [6, -1] }).apply(zeros([0, 3, 4])).shape).toEqual([0, 6, 2])
    expect(() => new Reshape({ targetShape: [5, -1] }).apply(x)).toThrow('Reshape: samples [3, 4] do not fit targetShape [5, -1]')
    expect(() => new Reshape({ targetShape: [-1, -1] })).toThrow('at most one of them -1, got [-1,-1]')
  })

  it('Permute and RepeatVector check what they are called on', () => {
    expect(new Permute({ dims: [2, 1] }).computeOutputShape([null, null, 4])).toEqual([null, 4, null])
    expect(() => new Permute({ dims: [1, 3] })).toThrow('Permute: dims must name the axes 1, 2, … once each, got [1,3]')
    expect(() => new Permute({ dims: [2, 1] }).apply(zeros([2, 3]))).toThrow('Permute: dims [2, 1] for input [2, 3]')
    expect(() => new RepeatVector({ n: 0 })).toThrow('RepeatVector: n must be a positive integer, got 0')
    expect(() => new RepeatVector({ n: 2 }).apply(x)).toThrow('RepeatVector: input [2, 3, 4], expected [batch, features]')
    expect(new RepeatVector({ n: 2 }).computeOutputShape([null, null])).toEqual([null, 2, null])
  })

  it('Identity is x itself, with its mask', () => {
    expect(new Identity().apply(x)).toBe(x)
    const mask = [[true, false, true], [true, true, true]] // prettier-ignore
    expect(maskOf(new Identity().apply(x, { mask }))!.toArray()).toEqual(mask)
    expect(new Identity().apply(tensor([1, 2], { dtype: 'int32' })).dtype).toBe('int32')
  })
})

describe('Lambda', () => {
  it('does what its function does', () => {
    const layer = new Lambda({ function: (x: Tensor, { training }) => (training ? x.mul(0) : x.square()) })
    expect(layer.apply([[2, 3]]).toArray()).toEqual([[4, 9]])
    expect(layer.apply([[2, 3]], { training: true }).toArray()).toEqual([[0, 0]])
    expect(new Lambda({ function: ([a, b]: Tensor[]) => a.sub(b) }).apply([tensor([5]), tensor([2])]).toArray()).toEqual([3])
  })

  it('finds the shape of its result, or is told', () => {
    const shape = (options: ConstructorParameters<typeof Lambda>[0], ...input: (number | null)[]): unknown =>
      new Lambda(options).computeOutputShape(input)
    expect(shape({ function: (x: Tensor) => x.sum(-1) }, null, null, 4)).toEqual([null, null])
    expect(shape({ function: (x: Tensor) => x.reshape([x.shape[0], -1, 2]) }, null, 4)).toEqual([null, 2, 2])
    expect(shape({ function: (x: Tensor) => x, outputShape: [7] }, null, 4)).toEqual([null, 7])
    expect(shape({ function: (x: Tensor) => x, outputShape: ([n]) => [n, 1] }, null, 4)).toEqual([null, 1])
    const y = new Dense({ units: 2 }).apply(new Lambda({ function: (x: Tensor) => x.flip(-1) }).apply(Input({ shape: [3] })))
    expect(y.shape).toEqual([null, 2])
  })

  it('ends masks, unless it says otherwise', () => {
    const mask = [[true, false]]
    const double = (x: Tensor): Tensor => x.mul(2)
    expect(maskOf(new Lambda({ function: double }).apply([[1, 2]], { mask }))).toBeUndefined()
    const kept = new Lambda({ function: double, mask: (_, given) => given }).apply([[1, 2]], { mask })
    expect(maskOf(kept)!.toArray()).toEqual(mask)
  })

  it('is neither written nor read', () => {
    const layer = new Lambda({ function: (x: Tensor) => x, name: 'mine' })
    expect(() => serializeLayer(layer)).toThrow(
      "getConfig: option function of layer 'mine' is a function, which a config cannot hold, for a function is code",
    )
    expect(() => deserializeLayer({ class_name: 'Lambda', config: { name: 'l', function: 'alert()' } })).toThrow(
      'Lambda: function must be a function',
    )
    expect(() => new Lambda({} as ConstructorParameters<typeof Lambda>[0])).toThrow('Lambda: function must be given')
  })
})

testLayers([
  { name: 'Flatten', make: (o) => new Flatten(o), input: [3, 4] },
  { name: 'Flatten of channels first', make: (o) => new Flatten({ dataFormat: 'channelsFirst', ...o }), input: [3, 4] },
  { name: 'Reshape', make: (o) => new Reshape({ targetShape: [2, -1], ...o }), input: [3, 4] },
  { name: 'Permute', make: (o) => new Permute({ dims: [2, 1], ...o }), input: [3, 4] },
  { name: 'RepeatVector', make: (o) => new RepeatVector({ n: 2, ...o }), input: [4] },
  { name: 'Identity', make: (o) => new Identity(o), input: [3, 4], mask: 'passed' },
])
