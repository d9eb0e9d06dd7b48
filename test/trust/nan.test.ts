/** The policy for NaN, which `npm run trust` writes down: on every backend, at the length of a few elements and of many. */
import { grad } from '@typegrad/autograd'
import { tensor, where, type Tensor } from '@typegrad/tensor'
import { expect, test } from 'vitest'
import { onEveryBackend } from '../tensor/backends.ts'

const nan = Number.NaN
const policy: readonly (readonly [name: string, f: (x: Tensor) => Tensor, ofOneNanTwo: readonly number[]])[] = [
  ['sum', (x) => x.sum(), [nan]],
  ['mean', (x) => x.mean(), [nan]],
  ['prod', (x) => x.prod(), [nan]],
  ['norm', (x) => x.norm(), [nan]],
  ['max', (x) => x.max(), [nan]],
  ['min', (x) => x.min(), [nan]],
  ['argmax', (x) => x.argmax(), [1]],
  ['argmin', (x) => x.argmin(), [1]],
  ['median', (x) => x.median(), [nan]],
  ['sort', (x) => x.sort(), [1, 2, nan]],
  ['sort, descending', (x) => x.sort(0, { descending: true }), [nan, 2, 1]],
  ['topk', (x) => x.topk(2).values, [nan, 2]],
  ['unique', (x) => x.repeat(2, 0).unique().values, [1, 2, nan]],
  ['cummax', (x) => x.cummax(0), [1, nan, nan]],
  ['relu', (x) => x.relu(), [1, nan, 2]],
  ['clip', (x) => x.clip(0, 1), [1, nan, 1]],
  ['maximum', (x) => x.maximum(0), [1, nan, 2]],
  ['minimum', (x) => tensor(0).minimum(x), [0, nan, 0]],
  ['sign', (x) => x.sign(), [1, nan, 1]],
  ['softmax', (x) => x.softmax(), [nan, nan, nan]],
  ['maxPool', (x) => x.reshape([1, 3, 1]).maxPool(2, { padding: 'same' }), [nan, 2]],
  ['less', (x) => x.less(5), [1, 0, 1]],
  ['equal', (x) => x.equal(x), [1, 0, 1]],
  ['notEqual', (x) => x.notEqual(x), [0, 1, 0]],
  ['any', (x) => x.sub(x).any(), [1]],
  ['cast to int32', (x) => x.cast('int32'), [1, 0, 2]],
  ['cast to uint8', (x) => x.cast('uint8'), [1, 0, 2]],
  ['cast to bool', (x) => x.cast('bool'), [1, 1, 1]],
  ['where', (x) => where(x.equal(x), x, 0), [1, 0, 2]],
]

onEveryBackend(() => {
  test.each(policy)('%s', (_, f, wanted) => {
    for (const dtype of ['float32', 'float64'] as const)
      expect(Array.from(f(tensor([1, nan, 2], { dtype })).toTypedArray(), Number)).toEqual(wanted)
  })

  test('wherever it stands in 1 to 70 elements, the extremes are NaN', () => {
    for (const n of [1, 4, 5, 16, 33, 70])
      for (let at = 0; at < n; at++) {
        const x = tensor(Float32Array.from({ length: n }, (_, i) => (i === at ? nan : i % 7)))
        expect([x.max().item(), x.min().item(), x.argmax().item(), x.argmin().item()]).toEqual([nan, nan, at, at])
      }
  })

  test('the side of where that is not taken reaches no gradient', () => {
    const slope = grad((x) => where(x.greater(0), x.maximum(1e-9).sqrt(), x).sum())
    expect(slope(tensor([-1, 4])).toArray()).toEqual([1, 0.25])
    expect(grad((x) => where(x.greater(0), x, nan).sum())(tensor([1, -1])).toArray()).toEqual([1, 0])
  })
})
