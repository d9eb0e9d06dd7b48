/** What users read when something does not fit: `<op>: <what was given>, <what is wrong>`, with the operands in `details`. */
import {
  arange,
  BackendError,
  compile,
  concat,
  DTypeError,
  eye,
  fromNdarray,
  full,
  IndexError,
  linspace,
  meshgrid,
  parse,
  random,
  setBackend,
  ShapeError,
  stack,
  tensor,
  TraceError,
  TypegradError,
  update,
  updateKernel,
  ValueError,
  Variable,
  where,
  zeros,
} from '@typegrad/tensor'
import ndarray from 'ndarray'
import { describe, expect, test } from 'vitest'

type ErrorClass = new (message: string) => TypegradError
type Row = readonly [message: string, error: ErrorClass, call: () => unknown]

const x = zeros([2, 3])
const labels = zeros([2], { dtype: 'int32' })
const w = new Variable(x, { name: 'w' })
/** What a user of plain JavaScript may give. */
const given = (value: unknown): any => value

const tables: Readonly<Record<string, readonly Row[]>> = {
  creation: [
    ['tensor: ragged arrays, element [1] has length 1, expected length 2 as in shape [2, 2]', ShapeError, () => tensor([[1, 2], [3]])],
    ['tensor: ragged arrays, element [1] is 3, expected length 2 as in shape [2, 2]', ShapeError, () => tensor([[1, 2], 3])],
    ['tensor: ragged arrays, element [1] is an array, expected a number as in shape [2]', ShapeError, () => tensor([1, [2]])],
    ['tensor: element [0] is the string "a", expected a number', DTypeError, () => tensor(given(['a']))],
    ['tensor: element [0] is an object of class Tensor, expected a number; stack joins tensors', DTypeError, () => tensor(given([tensor(1)]))],
    ['tensor: element [1, 0] is null, expected a number', DTypeError, () => tensor(given([[1], [null]]))],
    ['tensor: cannot make a tensor of undefined; give numbers, nested arrays, a typed array, an ndarray or a tensor', DTypeError, () => tensor(given(undefined))],
    ['tensor: cannot make a tensor of an object of class Map; give numbers, nested arrays, a typed array, an ndarray or a tensor', DTypeError, () => tensor(given(new Map()))],
    ['tensor: no dtype stands for a BigInt64Array; convert it to a Float32Array first', DTypeError, () => tensor(given(new BigInt64Array(2)))],
    ['tensor: no dtype stands for a BigInt64Array; convert it to a Float32Array first', DTypeError, () => tensor(given(new BigInt64Array(2)), { dtype: 'int32' })],
    ['tensor: unknown dtype "float16", expected one of bool, uint8, int32, float32, float64', DTypeError, () => tensor([1], { dtype: given('float16') })],
    ['tensor: 3 values for shape [2, 2], which has 4', ShapeError, () => tensor([1, 2, 3], { shape: [2, 2] })],
    ['tensor: 3 values for shape [2, 2], which has 4', ShapeError, () => tensor(Float32Array.of(1, 2, 3), { shape: [2, 2] })],
    ['zeros: shape [-1] holds -1, every length must be an integer ≥ 0', ShapeError, () => zeros([-1])],
    ['full: shape [1.5] holds 1.5, every length must be an integer ≥ 0', ShapeError, () => full([1.5], 1)],
    ['zeros: shape must be an array of integers, as [3], got 3', ShapeError, () => zeros(given(3))],
    ['zeros: unknown dtype "f4", expected one of bool, uint8, int32, float32, float64', DTypeError, () => zeros([1], { dtype: given('f4') })],
    ['eye: shape [-1, -1] holds -1, every length must be an integer ≥ 0', ShapeError, () => eye(-1)],
    ['arange: start 0, stop 3, step 0, expected finite numbers and a step that is not 0', ValueError, () => arange(0, 3, 0)],
    ['arange: start 0, stop Infinity, step 1, expected finite numbers and a step that is not 0', ValueError, () => arange(Infinity)],
    ['arange: takes an object of options, { dtype }, got the string "1"', ValueError, () => arange(0, given('1'))],
    ['linspace: count -1, expected an integer ≥ 0', ValueError, () => linspace(0, 1, -1)],
    ['linspace: dtype int32, expected float32 or float64', ValueError, () => linspace(0, 1, 3, { dtype: 'int32' })],
    ['fromNdarray: data of type uint16, expected a Float32Array, Float64Array, Int32Array or Uint8Array', DTypeError, () => fromNdarray(ndarray(given(new Uint16Array(4)), [2, 2]))],
  ], // prettier-ignore
  'arrays that nobody can hold': [
    ['zeros: shape [65536, 65536] has more than 2147483647 elements', ShapeError, () => zeros([65536, 65536])],
    [
      'zeros: shape [2097152, 2097152, 2097152] has more than 2147483647 elements',
      ShapeError,
      () => zeros([2 ** 21, 2 ** 21, 2 ** 21]),
    ],
    ['zeros: shape [4294967296, 4294967296] has more than 2147483647 elements', ShapeError, () => zeros([2 ** 32, 2 ** 32])],
    [
      'broadcastTo: shape [65536, 65536] has more than 2147483647 elements',
      ShapeError,
      () => tensor(1).broadcastTo([65536, 65536]),
    ],
    ['the result [65536, 65536] has more than 2147483647 elements', ShapeError, () => zeros([65536, 1]).add(zeros([65536]))],
    [
      'the result [65536, 65536] has more than 2147483647 elements',
      ShapeError,
      () => zeros([65536, 0]).matmul(zeros([0, 65536])),
    ],
  ],
  broadcasting: [
    ['add: shapes [3, 2] and [4] do not broadcast: 2 and 4 at axis 1', ShapeError, () => zeros([3, 2]).add(zeros([4]))],
    [
      'mul: shapes [2, 1, 3] and [5, 4, 3] do not broadcast: 2 and 5 at axis 0',
      ShapeError,
      () => zeros([2, 1, 3]).mul(zeros([5, 4, 3])),
    ],
    ['sub: shapes [0] and [2] do not broadcast: 0 and 2 at axis 0', ShapeError, () => zeros([0]).sub(zeros([2]))],
    ['where: shapes [2] and [3] and [] do not broadcast: 2 and 3 at axis 0', ShapeError, () => where(zeros([2]), zeros([3]), 0)],
    ['broadcastTo: [2, 3] to [3, 3], 2 at axis 0 is neither 3 nor 1', ShapeError, () => x.broadcastTo([3, 3])],
    ['broadcastTo: [2, 3] to [3], the rank cannot shrink', ShapeError, () => x.broadcastTo([3])],
    [
      'broadcastTo: shape [-1, 3] holds -1, every length must be an integer ≥ 0',
      ShapeError,
      () => zeros([1, 3]).broadcastTo([-1, 3]),
    ],
  ],
  matmul: [
    ['matmul: [32, 784] x [128, 10], inner sizes 784 and 128 differ', ShapeError, () => zeros([32, 784]).matmul(zeros([128, 10]))],
    ['matmul: [3] x [2], inner sizes 3 and 2 differ', ShapeError, () => zeros([3]).matmul(zeros([2]))],
    ['matmul: [] x [2], operands need at least one axis: use mul for scalars', ShapeError, () => tensor(1).matmul(zeros([2]))],
    ['matmul: [2, 3, 4] x [5, 4, 6], batch axes: shapes [2] and [5] do not broadcast: 2 and 5 at axis 0', ShapeError, () => zeros([2, 3, 4]).matmul(zeros([5, 4, 6]))],
  ], // prettier-ignore
  axes: [
    ['sum: axis 2 is out of range for rank 2', ShapeError, () => x.sum(2)],
    ['mean: axis 0.5 must be an integer', ShapeError, () => x.mean(0.5)],
    ['max: axis 0 is given twice', ShapeError, () => x.max([0, -2])],
    ['max: shape [0, 2] has no elements along axis 0', ShapeError, () => zeros([0, 2]).max(0)],
    ['argmin: shape [3, 0] has no elements along axis 1', ShapeError, () => zeros([3, 0]).argmin(1)],
    ['argmax: shape [3, 0] has no elements', ShapeError, () => zeros([3, 0]).argmax()],
    ['softmax: axis -1 is out of range for rank 0', ShapeError, () => tensor(1).softmax()],
    ['logsumexp: axis 2 is out of range for rank 2', ShapeError, () => x.logsumexp(2)],
    ['variance: axis 3 is out of range for rank 2', ShapeError, () => x.variance(3)],
    ['cumsum: axis 2 is out of range for rank 2', ShapeError, () => x.cumsum(2)],
    ['sort: axis -3 is out of range for rank 2', ShapeError, () => x.sort(-3)],
    ['flip: axis 2 is out of range for rank 2', ShapeError, () => x.flip(2)],
    ['flatten: axis 3 is out of range for rank 2', ShapeError, () => x.flatten(3)],
    ['transpose: order [0] for shape [2, 3], every axis must be named once', ShapeError, () => x.transpose([0])],
    ['transpose: axis 0 is given twice', ShapeError, () => x.transpose([0, 0])],
    ['moveaxis: axis 2 is out of range for rank 2', ShapeError, () => x.moveaxis(0, 2)],
    ['swapaxes: axis -3 is out of range for rank 2', ShapeError, () => x.swapaxes(-3, 0)],
    ['expandDims: axis 4 is out of range for rank 3', ShapeError, () => x.expandDims(4)],
    ['squeeze: axis 0 of shape [2, 3] has length 2, expected 1', ShapeError, () => x.squeeze(0)],
  ],
  'reshape, joining and cutting': [
    ['reshape: [2, 3] to [4, 2], sizes 6 and 8 differ', ShapeError, () => x.reshape([4, 2])],
    ['reshape: [2, 3] to [4, -1], 6 elements do not divide by 4', ShapeError, () => x.reshape([4, -1])],
    ['reshape: [2, 3] to [0, -1], 6 elements do not divide by 0', ShapeError, () => x.reshape([0, -1])],
    ['reshape: [2, 3] to [-1, -1], only one length can be -1', ShapeError, () => x.reshape([-1, -1])],
    ['reshape: [2, 3] to [-2, -3], -2 is no length', ShapeError, () => x.reshape([-2, -3])],
    ['reshape: shape must be an array of integers, as [6], got 6', ShapeError, () => x.reshape(given(6))],
    ['concat: no tensors are given', ValueError, () => concat([])],
    ['concat: the tensors must be given as an array, as in concat([a, b])', ValueError, () => concat(given(x))],
    ['stack: the tensors must be given as an array, as in stack([a, b])', ValueError, () => stack(given(3))],
    ['meshgrid: shape [], expected vectors', ShapeError, () => meshgrid([[1, 2], 3])],
    ['std: axis 2 is out of range for rank 2', ShapeError, () => x.std(2)],
    ['median: axis 2 is out of range for rank 2', ShapeError, () => x.median(2)],
    ['sum: axis the string "a" must be an integer', ShapeError, () => x.sum(given('a'))],
    ['add: 1 operands, expected 2: a, b', ValueError, () => given(x).add()],
    ['clip: 1 operands, expected 3: x, low, high', ValueError, () => given(x).clip()],
    ['uniform: low 3, high 1, expected low ≤ high', ValueError, () => random.uniform([2], { low: 3, high: 1 })],
    ['compile: 3 is given, expected a function of tensors', TraceError, () => compile(given(3))],
    ['concat: shapes [2, 3] and [2, 4] differ outside axis 0', ShapeError, () => concat([x, zeros([2, 4])])],
    ['concat: shapes [2, 3] and [2] differ outside axis 0', ShapeError, () => concat([x, zeros([2])])],
    ['concat: axis 0 is out of range for rank 0', ShapeError, () => concat([1, 2])],
    ['stack: no tensors are given', ValueError, () => stack([])],
    ['stack: shapes [2, 3] and [2] differ', ShapeError, () => stack([x, zeros([2])])],
    ['stack: axis 3 is out of range for rank 3', ShapeError, () => stack([x], 3)],
    ['split: axis 1 of shape [2, 3] cannot be cut into 2 parts', ShapeError, () => x.split(2, 1)],
    ['split: axis 1 of shape [2, 3] cannot be cut into [1,1] parts', ShapeError, () => x.split([1, 1], 1)],
    ['split: axis 0 of shape [2, 3] cannot be cut into -1 parts', ShapeError, () => x.split(-1)],
    ['pad: widths [[1,1]] for shape [2, 3], expected a pair of integers ≥ 0 per axis', ValueError, () => x.pad([[1, 1]])],
    ['pad: widths -1 for shape [2, 3], expected a pair of integers ≥ 0 per axis', ValueError, () => x.pad(-1)],
    ['tile: repeats [1.5], expected integers ≥ 0', ValueError, () => x.tile([1.5])],
  ],
  indices: [
    ['slice: position 2 is outside axis 0 of shape [2, 3]', IndexError, () => x.slice(2)],
    ['slice: position -3 is outside axis 0 of shape [2, 3]', IndexError, () => x.slice(-3)],
    ['slice: 3 ranges for shape [2, 3], expected at most 2', ShapeError, () => x.slice(0, 0, 0)],
    ['slice: step is 0, expected a positive or negative integer', ValueError, () => x.slice([0, 2, 0])],
    ['slice: 0.5 is not an integer', ValueError, () => x.slice([0.5])],
    ['take: index 2 (element 0 of the indices) is outside axis 0 of length 2', IndexError, () => x.take([2])],
    ['take: index -4 (element 1 of the indices) is outside axis 1 of length 3', IndexError, () => x.take([0, -4], 1)],
    ['take: index 2147483648 (element 0 of the indices) is outside axis 0 of length 2', IndexError, () => x.take([2 ** 31])],
    ['take: index 0.5 (element 0 of the indices) is not an integer', ValueError, () => x.take([0.5])],
    ["take: indices are float32, expected integers: use cast('int32')", DTypeError, () => x.take(zeros([1]))],
    ["take: indices are bool, expected integers: use cast('int32')", DTypeError, () => x.take(tensor([true]))],
    ['take: axis 2 is out of range for rank 2', ShapeError, () => x.take([0], 2)],
    ['takeAlongAxis: index 3 (element 1 of the indices) is outside axis 1 of length 3', IndexError, () => x.takeAlongAxis([[0, 3], [0, 0]])],
    ['takeAlongAxis: indices [1] for [2, 3], lengths may differ at axis 1 only', ShapeError, () => x.takeAlongAxis([0])],
    ['oneHot: depth -1, expected an integer ≥ 0', ValueError, () => labels.oneHot(-1)],
    ['topk: k is 4 for shape [2, 3], expected an integer from 0 to 3', ValueError, () => x.topk(4)],
  ], // prettier-ignore
  'values and variables': [
    ['item: shape [2, 3] has 6 elements, expected 1', ShapeError, () => x.item()],
    ['cast: unknown dtype "f4", expected one of bool, uint8, int32, float32, float64', DTypeError, () => x.cast(given('f4'))],
    ["assign: variable 'w' is [2, 3] float32, the value is [3] float32", ShapeError, () => w.assign(zeros([3]))],
    ["assign: variable 'w' is [2, 3] float32, the value is [2, 3] int32", DTypeError, () => w.assign(x.cast('int32'))],
    ['update: g has shape [3], the variable [2, 3]', ShapeError, () => update(updateKernel(['w'], ['g'], { w: 'w - g' }), { w }, { g: zeros([3]) })],
    ['update: g is read, but not given', ValueError, () => update(updateKernel(['w'], ['g'], { w: 'w - g' }), { w }, {})],
    ['updateKernel: v is no variable, those are w', ValueError, () => updateKernel(['w'], ['g'], { v: 'w - g' })],
  ], // prettier-ignore
  formulas: [
    ['formula: "1 +" breaks off at 3', TypegradError, () => parse('1 +')],
    ['formula: "(1" lacks \')\' at 2', TypegradError, () => parse('(1')],
    ['formula: "a ? b" lacks \':\' at 5', TypegradError, () => parse('a ? b')],
    ['formula: cannot read "1 $ 2" at 1', TypegradError, () => parse('1 $ 2')],
    ['formula: "a b" goes on after 1', TypegradError, () => parse('a b')],
    ["formula: w reads 'h', known are w, g", TypegradError, () => updateKernel(['w'], ['g'], { w: 'w - h' })],
    ['formula: max takes 2 arguments, got 1', TypegradError, () => updateKernel(['w'], ['g'], { w: 'max(w)' })],
  ],
}

function thrown(call: () => unknown): TypegradError {
  try {
    call()
  } catch (error) {
    if (error instanceof TypegradError) return error
    throw error
  }
  throw new Error('nothing was thrown')
}

describe.each(Object.entries(tables))('%s', (_, rows) => {
  test.each(rows)('%s', (message, error, call) => {
    expect(thrown(call)).toMatchObject({ name: error.name, message })
  })
})

test('an unknown function names the known ones', () => {
  expect(() => updateKernel(['w'], [], { w: 'foo(w)' })).toThrow(/^formula: unknown function 'foo', known are .* tanh /)
})

test('an unknown backend names the known ones', () => {
  expect(() => setBackend('tpu')).toThrow(BackendError)
  expect(() => setBackend('tpu')).toThrow(/^setBackend: unknown backend 'tpu', known are .*cpu/)
})

test('details hold the operands, and the name is that of the class', () => {
  const details = (call: () => unknown): unknown => {
    const { name, details: own } = thrown(call)
    return { name, ...own }
  }
  expect(details(() => zeros([3, 2]).add(zeros([4])))).toEqual({ name: 'ShapeError', shapes: [[3, 2], [4]], axis: 1 }) // prettier-ignore
  expect(details(() => zeros([2, 3]).matmul(zeros([4, 5])))).toEqual({ name: 'ShapeError', a: [2, 3], b: [4, 5] })
  expect(details(() => x.sum(2))).toEqual({ name: 'ShapeError', axis: 2, rank: 2 })
  expect(details(() => x.reshape([5]))).toEqual({ name: 'ShapeError', shape: [2, 3], target: [5] })
  expect(details(() => x.take([7]))).toEqual({ name: 'IndexError', index: 7, length: 2 })
  expect(details(() => x.topk(9))).toEqual({ name: 'ValueError', k: 9, length: 3 })
  expect(details(() => x.cast(given('f4')))).toEqual({ name: 'DTypeError', dtype: 'f4' })
})

test('a failed op leaves everything usable', () => {
  expect(() => x.add(zeros([4]))).toThrow(ShapeError)
  expect(x.add(1).sum().item()).toBe(6)
})
