import { batches, confusionMatrix, kFold, parseCsv, timeseriesDatasetFromArray, trainTestSplit, Table } from '@typegrad/data'
import { arange, setSeed, ShapeError, tensor, ValueError, type Tensor } from '@typegrad/tensor'
import fc from 'fast-check'
import { describe, expect, expectTypeOf, test } from 'vitest'

const numbers = (t: Tensor): number[] => Array.from(t.toTypedArray())
const ascending = (values: number[]): number[] => values.toSorted((a, b) => a - b)
const upTo = (n: number): number[] => Array.from({ length: n }, (_, i) => i)

describe('trainTestSplit', () => {
  test('a partition, the same for every array', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 2, max: 60 }),
        fc.double({ min: 0.01, max: 0.9, noNaN: true }),
        fc.nat(),
        fc.boolean(),
        (n, testSize, seed, shuffle) => {
          fc.pre(Math.ceil(testSize * n) < n)
          const x = arange(n * 2).reshape([n, 2])
          const [xTrain, xTest, yTrain, yTest] = trainTestSplit(x, upTo(n), { testSize, seed, shuffle })
          expect(yTest.shape).toEqual([Math.ceil(testSize * n)])
          expect(ascending([...numbers(yTrain), ...numbers(yTest)])).toEqual(upTo(n))
          expect(numbers(xTrain)).toEqual(numbers(yTrain).flatMap((y) => [2 * y, 2 * y + 1]))
          expect(numbers(xTest)).toEqual(numbers(yTest).flatMap((y) => [2 * y, 2 * y + 1]))
        },
      ),
    )
  })

  test('defaults: a quarter, rounded up, shuffled', () => {
    const [train, test] = trainTestSplit(arange(150), { seed: 1 })
    expect([train.shape, test.shape]).toEqual([[112], [38]])
    expect(numbers(test)).not.toEqual(ascending(numbers(test)))
    expectTypeOf(trainTestSplit([1, 2], [3, 4])).toEqualTypeOf<[Tensor, Tensor, Tensor, Tensor]>()
  })

  test('the seed decides', () => {
    const split = (seed?: number): number[] => numbers(trainTestSplit(arange(50), seed === undefined ? {} : { seed })[1])
    expect(split(3)).toEqual(split(3))
    expect(split(3)).not.toEqual(split(4))
    setSeed(9)
    const [a, b] = [split(), split()]
    setSeed(9)
    expect([split(), split()]).toEqual([a, b])
    expect(a).not.toEqual(b)
  })

  test('without shuffling the end is the test set', () => {
    expect(trainTestSplit([1, 2, 3, 4], { testSize: 1, shuffle: false }).map(numbers)).toEqual([[1, 2, 3], [4]])
  })

  test('tables, columns, any number of arrays', () => {
    const table = parseCsv('a,b,y\n1,2,0\n3,4,1\n5,6,0\n7,8,1')
    const parts = trainTestSplit(table.drop('y'), table.column('y'), [true, false, true, false], {
      testSize: 0.5,
      seed: 0,
    })
    expect(parts.map((t) => t.shape)).toEqual([[2, 2], [2, 2], [2], [2], [2], [2]])
    expect(parts[4].dtype).toBe('bool')
  })

  test('stratify keeps the proportions', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 4, max: 30 }), { minLength: 2, maxLength: 5 }),
        fc.double({ min: 0.2, max: 0.8, noNaN: true }),
        fc.nat(),
        (sizes, testSize, seed) => {
          const labels = sizes.flatMap((size, k) => Array.from({ length: size }, () => `class ${k}`))
          const count = Math.ceil(testSize * labels.length)
          fc.pre(count >= sizes.length && labels.length - count >= sizes.length)
          const [train, held] = trainTestSplit(upTo(labels.length), { testSize, seed, stratify: labels })
          expect(held.shape).toEqual([count])
          expect(ascending([...numbers(train), ...numbers(held)])).toEqual(upTo(labels.length))
          sizes.forEach((size, k) => {
            const members = numbers(held).filter((i) => labels[i] === `class ${k}`).length
            expect(Math.abs(members - (size * count) / labels.length)).toBeLessThan(1)
          })
        },
      ),
    )
    const y = tensor(Int32Array.from({ length: 100 }, (_, i) => Number(i % 10 === 0)))
    const [, , yTrain, yTest] = trainTestSplit(arange(100), y, { testSize: 0.2, stratify: y, seed: 5 })
    expect([yTrain.sum().item(), yTest.sum().item()]).toEqual([8, 2])
    expect(numbers(yTrain)).not.toEqual(ascending(numbers(yTrain)))
    expect(numbers(yTest)).not.toEqual(ascending(numbers(yTest)))
  })

  test('what cannot be split', () => {
    const x = arange(10)
    expect(() => trainTestSplit(x, arange(9))).toThrow(
      'trainTestSplit: arrays of 10, 9 samples, expected the same number in each',
    )
    expect(() => trainTestSplit(x, arange(9))).toThrow(ShapeError)
    expect(() => trainTestSplit(tensor(3))).toThrow(ShapeError)
    for (const testSize of [0, -0.1, 1.5, NaN])
      expect(() => trainTestSplit(x, { testSize })).toThrow('expected a share in (0, 1) or a number of samples')
    for (const testSize of [10, 11, 0.95])
      expect(() => trainTestSplit(x, { testSize })).toThrow('leaves no training samples of 10')
    expect(() => trainTestSplit(x, { stratify: [0, 0, 0, 0, 0, 0, 0, 0, 0, 1] })).toThrow(
      'trainTestSplit: label 1 has one sample, stratify needs two of each',
    )
    expect(() => trainTestSplit(x, { stratify: [0] })).toThrow('stratify has 1 labels for 10 samples')
    expect(() => trainTestSplit(x, { stratify: upTo(10).map((i) => i >> 1), testSize: 2 })).toThrow(
      'stratify needs one for each of 5 labels',
    )
    expect(() => trainTestSplit(x, { stratify: upTo(10), shuffle: false })).toThrow(ValueError)
    expect(() => trainTestSplit()).toThrow(ValueError)
  })
})

describe('batches', () => {
  test('every sample once an epoch, in step', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 40 }),
        fc.integer({ min: 1, max: 12 }),
        fc.boolean(),
        fc.boolean(),
        fc.nat(),
        (n, batchSize, shuffle, dropRemainder, seed) => {
          const epochs = batches([arange(n * 3).reshape([n, 3]), upTo(n)], { batchSize, shuffle, dropRemainder, seed })
          for (let epoch = 0; epoch < 2; epoch++) {
            const seen: number[] = []
            let count = 0
            for (const [x, y] of epochs) {
              expect(numbers(x)).toEqual(numbers(y).flatMap((v) => [3 * v, 3 * v + 1, 3 * v + 2]))
              seen.push(...numbers(y))
              expect(y.shape[0]).toBe(++count < epochs.length || dropRemainder || n % batchSize === 0 ? batchSize : n % batchSize)
            }
            expect(count).toBe(epochs.length)
            const kept = dropRemainder ? n - (n % batchSize) : n
            expect(new Set(seen).size).toBe(kept)
            expect(seen).toHaveLength(kept)
            expect(shuffle || seen.every((v, i) => v === i)).toBe(true)
          }
        },
      ),
    )
  })

  test('each epoch has its own order, given by the seed', () => {
    const order = (loader: Iterable<Tensor[]>): number[] => [...loader].flatMap(([x]) => numbers(x))
    const [a, b] = [1, 1].map((seed) => batches([arange(64)], { shuffle: true, seed }))
    const [first, second] = [order(a), order(a)]
    expect(first).not.toEqual(second)
    expect([order(b), order(b)]).toEqual([first, second])
    for (const [x] of a) {
      expect(x.shape).toEqual([32])
      break
    }
    expect(ascending(order(a))).toEqual(upTo(64))
  })

  test('what cannot be batched', () => {
    expect(() => batches([])).toThrow(ValueError)
    expect(() => batches([arange(3), arange(4)])).toThrow(ShapeError)
    expect(() => batches([arange(3)], { batchSize: 0 })).toThrow('batches: batchSize must be a positive integer, got 0')
    expect([...batches([new Table({ a: [] }).toTensor()])]).toEqual([])
  })
})

describe('kFold', () => {
  const folds = (...args: Parameters<typeof kFold>): number[][] => kFold(...args).map(([, test]) => numbers(test))

  test('each sample is tested once and trained on in the other folds', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 2, max: 60 }),
        fc.integer({ min: 2, max: 60 }),
        fc.boolean(),
        fc.nat(),
        (n, k, shuffle, seed) => {
          fc.pre(k <= n)
          const made = kFold(n, { nSplits: k, shuffle, seed })
          expect(made).toHaveLength(k)
          expect(ascending(made.flatMap(([, test]) => numbers(test)))).toEqual(upTo(n))
          for (const [train, test] of made) {
            expect(ascending([...numbers(train), ...numbers(test)])).toEqual(upTo(n))
            expect([Math.floor(n / k), Math.ceil(n / k)]).toContain(test.size)
          }
        },
      ),
    )
  })

  test('stratified: folds and their shares of each label differ by one at most', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 8, maxLength: 60 }), fc.boolean(), (y, shuffle) => {
        const count = (label: number): number => y.filter((one) => one === label).length
        const k = 3
        fc.pre([0, 1, 2, 3].some((label) => count(label) >= k))
        const made = folds(y, { nSplits: k, shuffle, stratify: y })
        expect(ascending(made.flat())).toEqual(upTo(y.length))
        for (const test of made) {
          expect([Math.floor(y.length / k), Math.ceil(y.length / k)]).toContain(test.length)
          for (const label of [0, 1, 2, 3])
            expect([Math.floor(count(label) / k), Math.ceil(count(label) / k)]).toContain(
              test.filter((i) => y[i] === label).length,
            )
        }
      }),
    )
  })

  // The examples in scikit-learn's documentation of KFold and StratifiedKFold, and one whose labels do not ascend.
  test("scikit-learn's folds", () => {
    expect(folds(4, { nSplits: 2 })).toEqual([
      [0, 1],
      [2, 3],
    ])
    expect(folds(5, { nSplits: 3 })).toEqual([[0, 1], [2, 3], [4]])
    expect(
      folds(
        [
          [1, 2],
          [3, 4],
          [1, 2],
          [3, 4],
        ],
        { nSplits: 2, stratify: [0, 0, 1, 1] },
      ),
    ).toEqual([
      [0, 2],
      [1, 3],
    ])
    expect(folds(5, { nSplits: 2, stratify: ['b', 'a', 'b', 'a', 'b'] })).toEqual([
      [0, 1, 2],
      [3, 4],
    ])
  })

  test('the seed decides; what cannot be is said', () => {
    const made = (seed: number): number[][] => folds(40, { shuffle: true, seed })
    expect(made(1)).toEqual(made(1))
    expect(made(1)).not.toEqual(made(2))
    expect(() => kFold(3)).toThrow('kFold: nSplits 5 of 3 samples, expected an integer from 2 to the number of samples')
    expect(() => kFold(4, { nSplits: 3, stratify: [0, 0, 1, 1] })).toThrow(
      'kFold: no label has more than 2 samples, too few for 3 folds',
    )
    expect(() => kFold(4, { nSplits: 2, stratify: [0, 1] })).toThrow('kFold: stratify has 2 labels for 4 samples')
  })
})

describe('timeseriesDatasetFromArray', () => {
  const rows = (...args: Parameters<typeof timeseriesDatasetFromArray>): unknown[] =>
    [...timeseriesDatasetFromArray(...args)].map((batch) => batch.map((t) => t.toArray() as unknown))

  // Example 1 of Keras' documentation, and the forecast of the next step.
  test('windows slide, steps apart, and begin after one another', () => {
    const first = rows(arange(100), null, { sequenceLength: 10, samplingRate: 2, sequenceStride: 3, batchSize: 2 })
    expect(first[0]).toEqual([
      [
        [0, 2, 4, 6, 8, 10, 12, 14, 16, 18],
        [3, 5, 7, 9, 11, 13, 15, 17, 19, 21],
      ],
    ])
    expect(first.flat(2).at(-1)).toEqual([81, 83, 85, 87, 89, 91, 93, 95, 97, 99])
    const series = arange(6)
    expect(rows(series, series.slice([2, null]), { sequenceLength: 2, batchSize: 3 })).toEqual([
      [
        [
          [0, 1],
          [1, 2],
          [2, 3],
        ],
        [2, 3, 4],
      ],
      [[[3, 4]], [5]],
    ])
    expect(rows(arange(10), null, { sequenceLength: 2, startIndex: 3, endIndex: 6 })).toEqual([
      [
        [
          [3, 4],
          [4, 5],
        ],
      ],
    ])
  })

  test('shuffled, each window comes once an epoch, with its target and all features', () => {
    const made = timeseriesDatasetFromArray(arange(40).reshape([20, 2]), arange(20), {
      sequenceLength: 3,
      shuffle: true,
      seed: 1,
      batchSize: 5,
    })
    expect(made.length).toBe(4)
    const epochs = [0, 1].map(() => [...made])
    for (const batches of epochs) {
      for (const [x, y] of batches) {
        expect(x.shape).toEqual([y.size, 3, 2])
        expect(numbers(x.slice(null, 0, 0))).toEqual(numbers(y.mul(2)))
      }
      expect(ascending(batches.flatMap(([, y]) => numbers(y)))).toEqual(upTo(18))
    }
    expect(numbers(epochs[0][0][1])).not.toEqual(numbers(epochs[1][0][1]))
  })

  test('what cannot be is said', () => {
    expect(() => rows(arange(3), null, { sequenceLength: 4 })).toThrow(
      'a sequence of 4 steps, 1 apart, does not fit into 3 steps',
    )
    expect(() => rows(arange(3), null, { sequenceLength: 0 })).toThrow('sequenceLength must be a positive integer, got 0')
    expect(() => rows(arange(3), null, { sequenceLength: 1, endIndex: 4 })).toThrow('startIndex 0 and endIndex 4, expected')
  })
})

test('confusionMatrix counts pairs of labels', () => {
  // The examples in scikit-learn's documentation.
  expect(confusionMatrix([2, 0, 2, 2, 0, 1], tensor([0, 0, 2, 2, 0, 2])).toArray()).toEqual([
    [2, 0, 0],
    [0, 0, 1],
    [1, 0, 2],
  ])
  const [truth, predicted] = [
    ['cat', 'ant', 'cat', 'cat', 'ant', 'bird'],
    ['ant', 'ant', 'cat', 'cat', 'ant', 'cat'],
  ]
  expect(confusionMatrix(truth, predicted, { labels: ['ant', 'bird', 'cat'] }).toArray()).toEqual([
    [2, 0, 0],
    [0, 0, 1],
    [1, 0, 2],
  ])
  expect(() => confusionMatrix([1], [1, 2])).toThrow('confusionMatrix: 1 true and 2 predicted labels, expected the same number')
})
