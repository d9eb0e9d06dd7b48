/** Gradients of whole models: in float64 against differences, in both orders; and those in float32 against float64. */
import { checkGradients, vjp } from '@typegrad/autograd'
import { concat, stack, tensor, where, type Tensor } from '@typegrad/tensor'
import { describe, expect, test } from 'vitest'
import { numbersFrom } from '../tensor/arrays.ts'
import { onEveryBackend, plainBackends } from '../tensor/backends.ts'
import { gradientRows } from '../tensor/gradient-rows.ts'
import { product } from '../tensor/naive.ts'

const random = numbersFrom(11)
const draw = (...shape: number[]): Tensor =>
  tensor(
    Float64Array.from({ length: product(shape) }, () => random() * 1.6 - 0.8),
    { shape },
  )
const labels = tensor([2, 0, 1], { dtype: 'int32' })
const crossEntropy = (logits: Tensor): Tensor => logits.logSoftmax().takeAlongAxis(labels.expandDims(-1)).mean().neg()
const normalized = (x: Tensor, axes: number | number[]): Tensor =>
  x.sub(x.mean(axes, { keepdims: true })).div(x.variance(axes, { keepdims: true }).add(1e-3).sqrt())

const lstm = (x: Tensor, w: Tensor, u: Tensor): Tensor => {
  const units = u.shape[0]
  let [h, c] = [
    x.slice(null, 0, [0, 1]).mul(0).broadcastTo([x.shape[0], units]),
    x.slice(null, 0, [0, 1]).mul(0).broadcastTo([x.shape[0], units]),
  ]
  for (const step of x.unstack(1)) {
    const [i, f, g, o] = step.matmul(w).add(h.matmul(u)).split(4, 1)
    c = f.sigmoid().mul(c).add(i.sigmoid().mul(g.tanh()))
    h = o.sigmoid().mul(c.tanh())
  }
  return h
}
const gru = (x: Tensor, w: Tensor, u: Tensor): Tensor => {
  let h = x.slice(null, 0, [0, 1]).mul(0).broadcastTo([x.shape[0], u.shape[0]])
  for (const step of x.unstack(1)) {
    const [z, r, n] = step.matmul(w).split(3, 1)
    const [hz, hr, hn] = h.matmul(u).split(3, 1)
    const keep = z.add(hz).sigmoid()
    h = keep.mul(h).add(
      keep
        .neg()
        .add(1)
        .mul(n.add(r.add(hr).sigmoid().mul(hn)).tanh()),
    )
  }
  return h
}
const attention = (x: Tensor, q: Tensor, k: Tensor, v: Tensor): Tensor => {
  const scores = x.matmul(q).matmul(x.matmul(k).swapaxes(-1, -2)).div(Math.sqrt(q.shape[1]))
  const causal = scores.onesLike().tril().notEqual(0)
  return where(causal, scores, -Infinity).softmax().matmul(x.matmul(v))
}

/** Each gives the loss of a batch of three from its inputs and weights. */
const models: Readonly<Record<string, readonly [(...xs: Tensor[]) => Tensor, ...number[][]]>> = {
  'a perceptron': [(x, w, b) => crossEntropy(x.matmul(w).add(b)), [3, 4], [4, 3], [3]],
  'an MLP of tanh': [(x, w, v) => crossEntropy(x.matmul(w).tanh().matmul(v)), [3, 4], [4, 5], [5, 3]],
  'an MLP of GELU with layer normalization': [(x, w, v) => crossEntropy(normalized(x.matmul(w).gelu(), -1).matmul(v)), [3, 4], [4, 5], [5, 3]],
  'batch normalization': [(x, w, s) => crossEntropy(normalized(x.matmul(w), 0).mul(s)), [3, 4], [4, 3], [3]],
  'a CNN with pooling': [(x, k, w) => crossEntropy(x.conv(k, { padding: 'same' }).softplus().averagePool(2).flatten(1).matmul(w)), [3, 4, 4, 1], [3, 3, 1, 2], [8, 3]],
  'a residual block': [(x, k, l) => crossEntropy(x.add(x.conv(k, { padding: 'same' }).silu().conv(l, { padding: 'same' })).mean([1])), [3, 4, 3], [3, 3, 3], [3, 3, 3]],
  'an LSTM': [(x, w, u, v) => crossEntropy(lstm(x, w, u).matmul(v)), [3, 4, 2], [2, 12], [3, 12], [3, 3]],
  'a GRU': [(x, w, u, v) => crossEntropy(gru(x, w, u).matmul(v)), [3, 4, 2], [2, 9], [3, 9], [3, 3]],
  'causal attention': [(x, q, k, v) => crossEntropy(attention(x, q, k, v).mean(1)), [3, 4, 2], [2, 3], [2, 3], [2, 3]],
  'an embedding that is its own output': [(e) => crossEntropy(e.take(labels).tanh().matmul(e.transpose())), [3, 4]],
  'a variational autoencoder': [
    (x, w, s, v) => {
      const [mean, spread] = [x.matmul(w), x.matmul(s)]
      const code = mean.add(spread.mul(0.5).exp().mul(0.3))
      return x.sub(code.matmul(v).sigmoid()).square().mean().add(spread.exp().add(mean.square()).sub(spread).sub(1).mean())
    },
    [3, 4], [4, 2], [4, 2], [2, 4],
  ],
  'a mixture of experts': [
    (x, gate, a, b) => {
      const shares = x.matmul(gate).softmax()
      const experts = stack([x.matmul(a).relu(), x.matmul(b).tanh()], 1)
      return crossEntropy(shares.expandDims(-1).mul(experts).sum(1))
    },
    [3, 4], [4, 2], [4, 3], [4, 3],
  ],
} // prettier-ignore

onEveryBackend((backend) => {
  describe('whole models, by every input and weight', () => {
    test.for(Object.entries(models))('%s', ([, [f, ...shapes]]) => {
      const points = shapes.map((shape) => draw(...shape))
      expect(checkGradients(f, points)).toBeLessThanOrEqual(1e-6)
    })
  })

  describe('float32 gradients against float64', () => {
    const rows = [...gradientRows, ...Object.entries(models).map(([name, [f, ...shapes]]) => [name, f, ...shapes] as const)]
    test.for(rows)('%s', ([, f, ...shapes]) => {
      // Apart by more than float32's rounding, so that an order of them is the same in both.
      const points = shapes.map((shape, k) => {
        const n = product(shape)
        return tensor(
          Float64Array.from({ length: n }, (_, i) => (((i * 7 + 3 * k) % n) / n - 0.45) * 2 + 0.013 * k),
          { shape },
        )
      })
      const pull = (inputs: readonly Tensor[]): Tensor => {
        const { value, pullback } = vjp(f, ...inputs)
        return concat(pullback(value.onesLike()).map((dx) => dx.cast('float64').flatten()))
      }
      const [single, double] = [
        pull(points.map((x) => x.cast('float32'))),
        pull(points.map((x) => x.cast('float32').cast('float64'))),
      ]
      const scale = Math.max(1e-2, ...Array.from(double.toTypedArray(), Math.abs))
      const error = Math.max(0, ...Array.from(single.sub(double).toTypedArray(), Math.abs)) / scale
      expect(error).toBeLessThanOrEqual(backend.gradients.float32)
    })
  })
}, plainBackends)
