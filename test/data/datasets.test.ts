import { loadBreastCancer, loadDiabetes, loadDigits, loadIris, loadWine } from '@typegrad/data'
import { describe, expect, test } from 'vitest'

describe('embedded data sets', () => {
  // Shapes, class counts and first rows as in scikit-learn's documentation.
  test.each([
    ['iris', loadIris, [150, 4], [50, 50, 50], [5.1, 3.5, 1.4, 0.2]],
    ['wine', loadWine, [178, 13], [59, 71, 48], [14.23, 1.71, 2.43, 15.6]],
    ['breast cancer', loadBreastCancer, [569, 30], [212, 357], [17.99, 10.38, 122.8, 1001]],
    ['digits', loadDigits, [1797, 64], [178, 182, 177, 183, 181, 182, 181, 179, 174, 180], [0, 0, 5, 13, 9, 1, 0, 0]],
  ])('%s', async (_, load, shape, counts, first) => {
    const { x, y, featureNames, targetNames, table, description } = await load()
    expect([x.shape, x.dtype, y.shape, y.dtype]).toEqual([shape, 'float32', [shape[0]], 'int32'])
    const labels = Array.from(y.toTypedArray())
    expect(targetNames.map((_, k) => labels.filter((label) => label === k).length)).toEqual(counts)
    expect(Array.from(x.toTypedArray().slice(0, first.length))).toEqual(first.map(Math.fround))
    expect(featureNames).toHaveLength(shape[1])
    expect(table.columns.slice(0, -1)).toEqual(featureNames)
    expect(table.shape).toEqual([shape[0], shape[1] + 1])
    expect(description).not.toBe('')
    expect(x.toTypedArray().every(Number.isFinite)).toBe(true)
  })

  test('diabetes', async () => {
    const { x, y, featureNames } = await loadDiabetes()
    expect([x.shape, y.shape, y.dtype]).toEqual([[442, 10], [442], 'float32'])
    expect(Array.from(y.toTypedArray().slice(0, 3))).toEqual([151, 75, 141])
    expect(featureNames).toEqual(['age', 'sex', 'bmi', 'bp', 's1', 's2', 's3', 's4', 's5', 's6'])
    expect(y.mean().item()).toBeCloseTo(152.1335, 3)
  })

  test('names of classes', async () => {
    expect((await loadIris()).targetNames).toEqual(['setosa', 'versicolor', 'virginica'])
    const cancer = await loadBreastCancer()
    expect(cancer.targetNames[cancer.y.toTypedArray()[0]]).toBe('malignant')
    expect(cancer.table.column('diagnosis').values[0]).toBe('malignant')
  })

  test('digits are images', async () => {
    const { images, y } = await loadDigits()
    expect(images.shape).toEqual([1797, 8, 8])
    expect(y.toTypedArray()[0]).toBe(0)
    // The first image of scikit-learn's documentation.
    expect(images.slice(0).toArray()).toEqual([
      [0, 0, 5, 13, 9, 1, 0, 0],
      [0, 0, 13, 15, 10, 15, 5, 0],
      [0, 3, 15, 2, 0, 11, 8, 0],
      [0, 4, 12, 0, 0, 8, 8, 0],
      [0, 5, 8, 0, 0, 9, 8, 0],
      [0, 4, 11, 0, 1, 12, 7, 0],
      [0, 2, 14, 5, 10, 12, 0, 0],
      [0, 0, 6, 13, 10, 0, 0, 0],
    ])
    expect(images.max().item()).toBe(16)
  })
})
