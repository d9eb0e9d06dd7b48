import { GradientTape } from '@typegrad/autograd'
import { Dense, Embedding, Flatten, Input, maskOf } from '@typegrad/layers'
import { Sequential } from '@typegrad/model'
import { IndexError, setSeed, tensor, ValueError } from '@typegrad/tensor'
import { beforeEach, describe, expect, it } from 'vitest'

beforeEach(() => setSeed(1))

describe('Embedding', () => {
  const made = (): Embedding => {
    const layer = new Embedding({ inputDim: 3, outputDim: 2 })
    layer.buildFor([null, 2])
    layer.setWeights([
      tensor([
        [1, 2],
        [3, 4],
        [5, 6],
      ]),
    ])
    return layer
  }

  it('looks up a vector for every index, however the indices are given', () => {
    const expected = [
      [
        [5, 6],
        [1, 2],
      ],
    ]
    expect(
      made()
        .apply([[2, 0]])
        .toArray(),
    ).toEqual(expected)
    expect(
      made()
        .apply(tensor([[2, 0]], { dtype: 'int32' }))
        .toArray(),
    ).toEqual(expected)
    expect(
      made()
        .apply(tensor([[2, 0]], { dtype: 'float64' }))
        .toArray(),
    ).toEqual(expected)
    expect(
      made()
        .apply(tensor(2, { dtype: 'int32' }))
        .toArray(),
    ).toEqual([5, 6])
  })

  it('adds the gradients of an index that comes twice', () => {
    const layer = made()
    const tape = new GradientTape()
    const loss = tape.run(() =>
      layer
        .apply([[1, 1, 2]])
        .mul([[[1], [10], [100]]])
        .sum(),
    )
    expect(tape.gradient(loss, [layer.embeddings])[0]!.toArray()).toEqual([
      [0, 0],
      [11, 11],
      [100, 100],
    ])
  })

  it('begins uniform in ±0.05', () => {
    const layer = new Embedding({ inputDim: 100, outputDim: 20 })
    layer.apply([0])
    expect(layer.embeddings.abs().max().item()).toBeLessThanOrEqual(0.05)
    expect(layer.embeddings.abs().max().item()).toBeGreaterThan(0.045)
  })

  it('refuses indices that it has no vector for', () => {
    expect(() => made().apply([[3]])).toThrow(IndexError)
    expect(() => made().apply([[3]])).toThrow(/index 3 .* is outside axis 0 of length 3 \(in layer 'embedding/)
    // Elsewhere -1 is the last one; here it would be a mistake.
    expect(() => made().apply([[-1]])).toThrow(ValueError)
    expect(() => new Embedding({ inputDim: 0, outputDim: 1 })).toThrow(/inputDim must be a positive integer, got 0/)
    expect(() => new Embedding({ inputDim: 3 } as unknown as { inputDim: 3; outputDim: 1 })).toThrow(
      'Embedding: outputDim must be given',
    )
  })

  it('masks index 0 if it is told to', () => {
    const layer = new Embedding({ inputDim: 4, outputDim: 2, maskZero: true })
    expect(maskOf(layer.apply([[1, 0, 3]]))!.toArray()).toEqual([[true, false, true]])
    expect(maskOf(made().apply([[1, 0]]))).toBeUndefined()
  })

  it('is the first layer of a model: inputDim is the number of indices, not the shape of a sample', () => {
    for (const model of [
      new Sequential([new Embedding({ inputDim: 7, outputDim: 2 }), new Flatten(), new Dense({ units: 1 })]),
      new Sequential([new Embedding({ inputDim: 7, outputDim: 2, inputShape: [3] }), new Flatten(), new Dense({ units: 1 })]),
      new Sequential([
        Input({ shape: [3], dtype: 'int32' }),
        new Embedding({ inputDim: 7, outputDim: 2 }),
        new Flatten(),
        new Dense({ units: 1 }),
      ]),
    ]) {
      expect(model.apply([[6, 5, 4]]).shape).toEqual([1, 1])
      expect(model.weights.map((w) => w.shape)).toEqual([[7, 2], [6, 1], [1]])
    }
  })
})
