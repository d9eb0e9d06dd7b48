/**
 * Tensors print as NumPy arrays do. The texts are `str(array)` of NumPy 2.4.6 for the same numbers, with True and False
 * in lower case.
 */
import { arange, ones, tensor, Variable, zeros, type Tensor } from '@typegrad/tensor'
import { inspect } from 'node:util'
import { describe, expect, test } from 'vitest'

const goldens: readonly (readonly [name: string, make: () => Tensor, text: string])[] = [
  ['whole numbers keep their point', () => tensor([1, 2, 3]), '[1. 2. 3.]'],
  [
    'columns are aligned at the point',
    () =>
      tensor([
        [1.5, -22.25],
        [333, 0],
      ]),
    `[[  1.5  -22.25]
 [333.     0.  ]]`,
  ],
  [
    'float32: the fewest digits that are read back',
    () => tensor([0.1, 1 / 3, 123.456]),
    '[1.0000000e-01 3.3333334e-01 1.2345600e+02]',
  ],
  [
    'float64: at most 8 decimals',
    () => tensor([0.1, 1 / 3, Math.PI], { dtype: 'float64' }),
    '[0.1        0.33333333 3.14159265]',
  ],
  [
    'halves of the last decimal go to the even digit',
    () => tensor([0.001953125, 0.005859375], { dtype: 'float64' }),
    '[0.00195312 0.00585938]',
  ],
  [
    'int32',
    () =>
      tensor(
        [
          [1, -20],
          [300, 4],
        ],
        { dtype: 'int32' },
      ),
    `[[  1 -20]
 [300   4]]`,
  ],
  ['uint8', () => tensor([0, 7, 255], { dtype: 'uint8' }), '[  0   7 255]'],
  [
    'bool',
    () =>
      tensor([
        [true, false],
        [false, true],
      ]),
    `[[ true false]
 [false  true]]`,
  ],
  ['NaN and infinities', () => tensor([1, NaN, Infinity, -Infinity]), '[  1.  nan  inf -inf]'],
  ['only NaN and infinities', () => tensor([NaN, -Infinity]), '[ nan -inf]'],
  ['negative zero', () => tensor([0, -0, 1]), '[ 0. -0.  1.]'],
  ['small numbers have exponents', () => tensor([1e-5, 1]), '[1.e-05 1.e+00]'],
  [
    'numbers far apart have exponents',
    () => tensor([1, -1000.5, 2e-1], { dtype: 'float64' }),
    '[ 1.0000e+00 -1.0005e+03  2.0000e-01]',
  ],
  ['large float32 have exponents', () => tensor([1e6, 999999]), '[1.00000e+06 9.99999e+05]'],
  ['float64 have exponents from 1e8 on', () => tensor([1e8, 5e7], { dtype: 'float64' }), '[1.e+08 5.e+07]'],
  ['float64 just below 1e8', () => tensor([99999999, 5e7], { dtype: 'float64' }), '[99999999. 50000000.]'],
  ['exponents of three digits', () => tensor([1e-300, -0, NaN], { dtype: 'float64' }), '[ 1.e-300 -0.e+000      nan]'],
  ['exponents without decimals', () => tensor([1e10, -2e-10], { dtype: 'float64' }), '[ 1.e+10 -2.e-10]'],
  ['a number of rank 0', () => tensor(5), '5.0'],
  ['a float32 of rank 0 has all of its digits', () => tensor(0.1 + 0.2), '0.3'],
  ['a float64 of rank 0 has all of its digits', () => tensor(0.1 + 0.2, { dtype: 'float64' }), '0.30000000000000004'],
  ['a large number of rank 0', () => tensor(1234567), '1.234567e+06'],
  ['a small number of rank 0', () => tensor(1.5e-7, { dtype: 'float64' }), '1.5e-07'],
  ['true of rank 0', () => tensor(true), 'true'],
  ['an integer of rank 0', () => tensor(-7, { dtype: 'int32' }), '-7'],
  ['no elements', () => zeros([0]), '[]'],
  ['no elements, several axes', () => zeros([2, 0, 3]), '[]'],
  [
    'three axes: an empty line between blocks',
    () => arange(8).reshape([2, 2, 2]),
    `[[[0. 1.]
  [2. 3.]]

 [[4. 5.]
  [6. 7.]]]`,
  ],
  [
    'four axes: two empty lines',
    () => arange(4).reshape([2, 1, 2, 1]),
    `[[[[0.]
   [1.]]]


 [[[2.]
   [3.]]]]`,
  ],
  [
    'long lines are wrapped',
    () => arange(30).mul(1.5),
    `[ 0.   1.5  3.   4.5  6.   7.5  9.  10.5 12.  13.5 15.  16.5 18.  19.5
 21.  22.5 24.  25.5 27.  28.5 30.  31.5 33.  34.5 36.  37.5 39.  40.5
 42.  43.5]`,
  ],
  [
    'a matrix with long lines',
    () => arange(40).reshape([2, 20]),
    `[[ 0.  1.  2.  3.  4.  5.  6.  7.  8.  9. 10. 11. 12. 13. 14. 15. 16. 17.
  18. 19.]
 [20. 21. 22. 23. 24. 25. 26. 27. 28. 29. 30. 31. 32. 33. 34. 35. 36. 37.
  38. 39.]]`,
  ],
  ['more than 1000 elements are summarised', () => arange(1001), '[   0.    1.    2. ...  998.  999. 1000.]'],
  [
    'a large matrix is summarised along both axes',
    () => arange(10000).reshape([100, 100]),
    `[[0.000e+00 1.000e+00 2.000e+00 ... 9.700e+01 9.800e+01 9.900e+01]
 [1.000e+02 1.010e+02 1.020e+02 ... 1.970e+02 1.980e+02 1.990e+02]
 [2.000e+02 2.010e+02 2.020e+02 ... 2.970e+02 2.980e+02 2.990e+02]
 ...
 [9.700e+03 9.701e+03 9.702e+03 ... 9.797e+03 9.798e+03 9.799e+03]
 [9.800e+03 9.801e+03 9.802e+03 ... 9.897e+03 9.898e+03 9.899e+03]
 [9.900e+03 9.901e+03 9.902e+03 ... 9.997e+03 9.998e+03 9.999e+03]]`,
  ],
  [
    'short axes of a large array are shown in full',
    () => arange(2400, { dtype: 'int32' }).reshape([2, 400, 3]),
    `[[[   0    1    2]
  [   3    4    5]
  [   6    7    8]
  ...
  [1191 1192 1193]
  [1194 1195 1196]
  [1197 1198 1199]]

 [[1200 1201 1202]
  [1203 1204 1205]
  [1206 1207 1208]
  ...
  [2391 2392 2393]
  [2394 2395 2396]
  [2397 2398 2399]]]`,
  ],
  [
    'what is summarised away does not count for the format',
    () => arange(3000).sub(1500).square().mul(1e-3),
    '[2250.     2247.0012 2244.0042 ... 2241.009  2244.0042 2247.0012]',
  ],
  [
    'a transpose',
    () =>
      tensor([
        [1, 2],
        [3, 4],
      ]).transpose(),
    `[[1. 3.]
 [2. 4.]]`,
  ],
]

test.each(goldens)('%s', (_, make, text) => {
  expect(make().toString()).toBe(text)
})

test('as JSON and to the operators of JavaScript', () => {
  const x = tensor([
    [1, 2],
    [3, 4],
  ])
  expect(JSON.stringify({ x: x.transpose(), loss: tensor(0.5), no: tensor([NaN]), yes: x.greater(3) })).toBe(
    '{"x":[[1,3],[2,4]],"loss":0.5,"no":[null],"yes":[[false,false],[false,true]]}',
  )
  const [loss, many]: any[] = [tensor([[0.5]]), x]
  expect([loss + 1, loss > 0.2, +loss, `${loss}`, 'loss: ' + loss]).toEqual([1.5, true, 0.5, '[[0.5]]', 'loss: 0.5'])
  expect(`${many}`).toBe('[[1. 2.]\n [3. 4.]]')
  expect(() => many > 2).toThrow('tensor: shape [2, 2] is no number for an operator of JavaScript')
})

describe('util.inspect', () => {
  test('names the kind, shape and dtype', () => {
    expect(inspect(tensor([1, 2]))).toBe('Tensor [2] float32\n[1. 2.]')
    expect(inspect(new Variable(ones([1], { dtype: 'float64' })))).toBe('Variable [1] float64\n[1.]')
  })
})
