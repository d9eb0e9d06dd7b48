/** Dtypes: how they combine, what numbers become beside them, and that integers are exact. */
import { linspace, arange, eye, full, ones, tensor, where, zeros, type DType, type Tensor } from '@typegrad/tensor'
import { describe, expect, test } from 'vitest'
import { allDTypes, read } from './arrays.ts'
import { onEveryBackend } from './backends.ts'

const of = (dtype: DType, values: number[] = [1, 0]): Tensor => tensor(values, { dtype })

describe('two tensors', () => {
  // By row and column: bool, uint8, int32, float32, float64.
  const types: readonly DType[] = ['bool', 'uint8', 'int32', 'float32', 'float64']
  const table: Readonly<Record<string, readonly (readonly DType[])[]>> = {
    add: [
      ['int32', 'uint8', 'int32', 'float32', 'float64'],
      ['uint8', 'uint8', 'int32', 'float32', 'float64'],
      ['int32', 'int32', 'int32', 'float32', 'float64'],
      ['float32', 'float32', 'float32', 'float32', 'float64'],
      ['float64', 'float64', 'float64', 'float64', 'float64'],
    ],
    div: [
      ['float32', 'float32', 'float32', 'float32', 'float64'],
      ['float32', 'float32', 'float32', 'float32', 'float64'],
      ['float32', 'float32', 'float32', 'float32', 'float64'],
      ['float32', 'float32', 'float32', 'float32', 'float64'],
      ['float64', 'float64', 'float64', 'float64', 'float64'],
    ],
    maximum: [
      ['bool', 'uint8', 'int32', 'float32', 'float64'],
      ['uint8', 'uint8', 'int32', 'float32', 'float64'],
      ['int32', 'int32', 'int32', 'float32', 'float64'],
      ['float32', 'float32', 'float32', 'float32', 'float64'],
      ['float64', 'float64', 'float64', 'float64', 'float64'],
    ],
    less: types.map(() => types.map(() => 'bool')),
  }

  test.each(Object.entries(table))('%s', (name, rows) => {
    const got = types.map((a) => types.map((b) => of(a)[name as 'add'](of(b)).dtype))
    expect(got).toEqual(rows)
  })

  test('where: the condition does not count', () => {
    expect(where(of('float64'), of('uint8'), of('bool')).dtype).toBe('uint8')
  })
})

describe('a number beside a tensor', () => {
  test.each<[DType, number, DType]>([
    ['float32', 2, 'float32'],
    ['float32', 0.1, 'float32'],
    ['float32', 2 ** 40, 'float32'],
    ['float64', 0.1, 'float64'],
    ['int32', 2, 'int32'],
    ['int32', -2, 'int32'],
    ['int32', 0.5, 'float32'],
    ['int32', Infinity, 'float32'],
    ['int32', 2 ** 31, 'float64'],
    ['uint8', 255, 'uint8'],
    ['uint8', 256, 'int32'],
    ['uint8', -1, 'int32'],
    ['uint8', 0.5, 'float32'],
    ['bool', 1, 'int32'],
    ['bool', 0.5, 'float32'],
  ])('%s + %d is %s', (dtype, value, result) => {
    expect(of(dtype).add(value).dtype).toBe(result)
  })

  test('a truth value takes the dtype of the tensor', () => {
    expect(of('int32').equal(true).toArray()).toEqual([true, false])
    expect(of('float32').add(true).toArray()).toEqual([2, 1])
  })

  test('arrays of numbers are float32, and float64 beside float64', () => {
    expect(of('int32').add([0.5, 0.5]).dtype).toBe('float32')
    expect(of('float64', [0, 0]).add([0.1, 0.2]).toArray()).toEqual([0.1, 0.2])
    expect(of('float64', [1, 1]).matmul([0.1, 0.2]).item()).toBe(0.1 + 0.2)
  })

  test('numbers alone make float32', () => {
    expect(where(tensor([true, false]), 1, 0).dtype).toBe('float32')
  })
})

describe('creation', () => {
  test.each<[string, () => Tensor, DType]>([
    ['numbers', () => tensor([1, 2]), 'float32'],
    ['truth values', () => tensor([[true], [false]]), 'bool'],
    ['a Float64Array', () => tensor(Float64Array.of(1)), 'float64'],
    ['rows that are typed arrays', () => tensor([Int32Array.of(1, 2), Int32Array.of(3, 4)]), 'int32'],
    ['a Uint8ClampedArray', () => tensor(Uint8ClampedArray.of(1) as unknown as Uint8Array), 'uint8'],
    ['no elements', () => tensor([]), 'float32'],
    ['zeros', () => zeros([1]), 'float32'],
    ['full of a truth value', () => full([2], true), 'bool'],
    ['ones', () => ones([2], { dtype: 'int32' }), 'int32'],
    ['eye', () => eye(2, 3, { dtype: 'float64' }), 'float64'],
    ['arange', () => arange(3, { dtype: 'uint8' }), 'uint8'],
    ['onesLike', () => of('int32').onesLike(), 'int32'],
    ['zerosLike', () => of('bool').zerosLike(), 'bool'],
  ])('%s', (_, make, dtype) => {
    expect(make().dtype).toBe(dtype)
  })

  test('values', () => {
    expect(eye(2, 3).toArray()).toEqual([[1, 0, 0], [0, 1, 0]]) // prettier-ignore
    expect(eye(2).toArray()).toEqual([[1, 0], [0, 1]]) // prettier-ignore
    expect(arange(1, 7, 2).toArray()).toEqual([1, 3, 5])
    expect(arange(3, 0, -1).toArray()).toEqual([3, 2, 1])
    expect(arange(-1).toArray()).toEqual([])
    expect(linspace(0, 1, 5).toArray()).toEqual([0, 0.25, 0.5, 0.75, 1])
    expect(linspace(3, 9, 1).toArray()).toEqual([3])
    expect(linspace(0, 1, 0).shape).toEqual([0])
    expect(full([2, 2], 7).toArray()).toEqual([[7, 7], [7, 7]]) // prettier-ignore
    expect(tensor([1, 2, 3, 4], { shape: [2, 2] }).toArray()).toEqual([[1, 2], [3, 4]]) // prettier-ignore
    expect(tensor([0, 0.5, -3, NaN], { dtype: 'bool' }).toArray()).toEqual([false, true, true, true])
    expect(tensor([1.9, -1.9, 300, NaN], { dtype: 'uint8' }).toArray()).toEqual([1, 255, 44, 0])
  })

  test('what a tensor is made of is copied', () => {
    const data = Float32Array.of(1, 2)
    const t = tensor(data)
    data[0] = 9
    expect(t.toArray()).toEqual([1, 2])
  })

  test('anything with toTensor() is a tensor', () => {
    const table = { toTensor: () => tensor([1, 2]) }
    expect(tensor(table).toArray()).toEqual([1, 2])
    expect(tensor([1, 1]).add(table).toArray()).toEqual([2, 3])
  })
})

onEveryBackend((backend) => {
  const big = 2 ** 24 + 1
  const int = (...values: number[]): Tensor => tensor(values, { dtype: 'int32' })

  describe('int32 is exact where float32 is not', () => {
    test.each<[string, () => Tensor, number[]]>([
      ['add', () => int(big, -big).add(int(2, -2)), [big + 2, -big - 2]],
      ['sub', () => int(2147483647).sub(1), [2147483646]],
      ['mul', () => int(46341, -65537).mul(int(46340, 65535)), [2147441940, 1]],
      ['sum', () => int(big, big, 1).sum(), [2 * big + 1]],
      ['sum, modulo 2^32', () => int(2147483647, 1).sum(), [-2147483648]],
      ['max', () => int(big - 1, big).max(), [big]],
      ['argmax', () => int(big - 1, big, big - 1).argmax(), [1]],
      ['equal', () => int(big).equal(int(big - 1)), [0]],
      ['less', () => int(2147483646).less(int(2147483647)), [1]],
      ['take', () => int(big, -2147483648).take([1, 0]), [-2147483648, big]],
      ['sort', () => int(big, big - 1).sort(), [big - 1, big]],
      ['where', () => where(tensor([true]), int(2147483647), int(0)), [2147483647]],
      ['matmul', () => int(big, 1).matmul(int(1, 1)), [big + 1]],
      ['cumsum', () => int(big, 1, 1).cumsum(), [big, big + 1, big + 2]],
      ['comparison with a number outside of int32', () => int(2147483647, -1).less(2 ** 31), [1, 1]],
    ])('%s', async (_, make, values) => {
      expect((await read(make())).values).toEqual(values)
    })
  })

  test.each(allDTypes.filter((dtype) => backend.dtypes.includes(dtype)))('%s comes back as it went in', async (dtype) => {
    const largest = {
      bool: [1, 0],
      uint8: [255, 0],
      int32: [2147483647, -2147483648],
      float32: [Math.fround(1 / 3), 2 ** -149],
      float64: [1 / 3, 5e-324],
    }
    expect((await read(tensor(largest[dtype], { dtype }).reshape([2, 1]).flip())).values).toEqual(largest[dtype].toReversed())
  })
})
