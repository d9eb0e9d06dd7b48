/** Every differentiable op that is no row of the elementwise table, as functions of tensors of given shapes. */
import {
  concat,
  einsum,
  elementwise,
  fft,
  linalg,
  linearScan,
  meshgrid,
  resize,
  scatter,
  stack,
  tensor,
  where,
  type Tensor,
} from '@typegrad/tensor'

export type GradientRow = readonly [name: string, f: (...xs: Tensor[]) => Tensor, ...shapes: number[][]]

const condition = tensor([[true, false, true]])
const mask = tensor([[true, false, true], [false, false, true]]) // prettier-ignore
const places = tensor([[2], [0], [2]], { dtype: 'int32' }) // prettier-ignore
/** A symmetric positive definite matrix made of any. */
const gate = elementwise('gate', ['x', 'gate'], 'x / (1 + exp(-gate))')
const cube = elementwise('cube', ['x'], 'x * x * x', { x: 'dy * 3 * x * x' })
const definite = (a: Tensor): Tensor => a.matmul(a.swapaxes(-1, -2)).add(linalgEye(a.shape.at(-1)!).mul(2))
const linalgEye = (n: number): Tensor => tensor(Float64Array.from({ length: n }, () => 1)).diag()
/** A matrix with a large diagonal, far from singular. */
const regular = (a: Tensor): Tensor => a.mul(0.3).add(linalgEye(a.shape.at(-1)!).mul(2))
/** A symmetric matrix with eigenvalues far apart. */
const spread = (a: Tensor): Tensor => {
  const n = a.shape.at(-1)!
  return a
    .add(a.swapaxes(-1, -2))
    .mul(0.1)
    .add(tensor(Float64Array.from({ length: n }, (_, i) => 2 * i + 1)).diag())
}
/** A matrix with singular values far apart. */
const stretched = (a: Tensor): Tensor => {
  const [m, n] = a.shape.slice(-2)
  const axis = tensor(Float64Array.from({ length: Math.min(m, n) }, (_, i) => 2 * i + 2)).diag()
  return a.mul(0.1).add(axis.pad([[0, m - Math.min(m, n)], [0, n - Math.min(m, n)]])) // prettier-ignore
}
/** Both parts of a complex result, unevenly weighted. */
const parts = ([real, imaginary]: readonly Tensor[]): Tensor => stack([real, imaginary.mul(2)])

export const gradientRows: readonly GradientRow[] = [
  ['matmul', (a, b) => a.matmul(b), [2, 3], [3, 2]],
  ['elementwise, derived', (a, b) => gate(a, b), [2, 3], [3]],
  ['elementwise, given', (a) => cube(a), [2, 3]],
  ['matmul with a bias', (a, b, bias) => a.matmul(b, { bias }), [2, 3], [3, 2], [2]],
  ['matmul of a batch with a bias', (a, b, bias) => a.matmul(b, { bias }), [2, 2, 3], [3, 2], [2]],
  ['matmul with a bias for each row', (a, b, bias) => a.matmul(b, { bias }), [2, 3], [3, 2], [2, 1]],
  ['matmul of vectors', (a, b) => a.matmul(b), [3], [3]],
  ['matmul of a vector and a matrix', (a, b) => a.matmul(b), [3], [3, 2]],
  ['matmul of a matrix and a vector', (a, b) => a.matmul(b), [2, 3], [3]],
  ['matmul, the batch of a broadcast', (a, b) => a.matmul(b), [2, 2], [3, 2, 2]],
  ['matmul, the batch of b broadcast', (a, b) => a.matmul(b), [3, 1, 2], [2, 2]],
  ['matmul, both batches broadcast', (a, b) => a.matmul(b), [2, 1, 1, 2], [3, 2, 1]],
  ['matmul of a batch and a vector', (a, b) => a.matmul(b), [2, 2, 2], [2]],
  ['matmul of a tensor with its own transpose', (a) => a.matmul(a.transpose()), [2, 3]],
  ['softmax', (x) => x.softmax(), [2, 3]],
  ['softmax along the first axis', (x) => x.softmax(0), [3, 2]],
  ['logSoftmax', (x) => x.logSoftmax(), [2, 3]],
  ['logSoftmax along the first axis', (x) => x.logSoftmax(0), [3, 2]],
  ['logsumexp', (x) => x.logsumexp(1), [2, 3]],
  ['concat', (a, b) => concat([a, b, a], 1), [2, 1], [2, 2]],
  ['stack', (a, b) => stack([a, b], -1), [2], [2]],
  ['split', (x) => x.split([1, 2], 1)[1], [2, 3]],
  ['pad', (x) => x.pad([[1, 0], [2, 1]], 3), [1, 2]], // prettier-ignore
  ['tile', (x) => x.tile([2, 1, 3]), [2, 2]],
  ['slice with steps', (x) => x.slice([null, null, -2], [1, 3]), [3, 3]],
  ['slice at a position', (x) => x.slice(-1, null, 0), [2, 2, 2]],
  ['an empty slice', (x) => x.slice([1, 1]), [2, 2]],
  ['flip', (x) => x.flip(0), [3, 2]],
  ['take, the same slice several times', (x) => x.take([2, 0, 2, -1], 0), [3, 2]],
  ['take of a matrix of indices along the last axis', (x) => x.take(tensor([[0, 1], [1, 1]], { dtype: 'int32' }), -1), [2, 2]], // prettier-ignore
  ['takeAlongAxis', (x) => x.takeAlongAxis(tensor([[1, 1], [0, 2]], { dtype: 'int32' })), [2, 3]], // prettier-ignore
  ['sort', (x) => x.sort(0, { descending: true }), [4, 2]],
  ['topk', (x) => x.topk(2).values, [2, 4]],
  ['cumsum', (x) => x.cumsum(1), [2, 3]],
  ['cumsum, exclusive, from the end', (x) => x.cumsum(0, { exclusive: true, reverse: true }), [3, 2]],
  ['cumprod', (x) => x.cumprod(1), [2, 4]],
  ['cumprod, exclusive', (x) => x.cumprod(0, { exclusive: true }), [4]],
  ['cumprod, from the end', (x) => x.cumprod(0, { reverse: true }), [4]],
  ['cumprod, exclusive, from the end', (x) => x.cumprod(0, { exclusive: true, reverse: true }), [3]],
  ['where', (a, b) => where(condition, a, b), [2, 3], [3]],
  ['clip between tensors', (x, low, high) => x.clip(low.sub(3), high.add(3)), [2], [2], [1]],
  ['reshape of a transpose', (x) => x.transpose().reshape([-1]), [2, 3]],
  ['transpose', (x) => x.transpose([2, 0, 1]), [1, 2, 3]],
  ['moveaxis and swapaxes', (x) => x.moveaxis(0, 2).swapaxes(0, 1), [1, 2, 3]],
  ['broadcastTo', (x) => x.broadcastTo([2, 3, 2]), [3, 1]],
  ['squeeze and expandDims', (x) => x.squeeze(1).expandDims(0), [2, 1, 2]],
  ['variance', (x) => x.variance(0, { ddof: 1 }), [3, 2]],
  ['std', (x) => x.std(), [2, 2]],
  ['norm', (x) => x.norm(1), [2, 3]],
  ['a polynomial of everything', (x) => x.square().mul(x.exp()).sum(0, { keepdims: true }).sub(x).div(x.norm()), [2, 2]],
  ['norm over all axes', (x) => x.norm(), [2, 3]],
  ['einsum, a matrix product', (a, b) => einsum('ij,jk->ki', a, b), [2, 3], [3, 2]],
  ['einsum, a diagonal and a sum', (a) => einsum('iij->j', a), [2, 2, 3]],
  ['einsum of three with dots', (a, b, c) => einsum('...ij,jk,k->i...', a, b, c), [2, 2, 3], [3, 2], [2]],
  ['einsum, lengths 1 broadcast', (a, b) => einsum('ij,ij->i', a, b), [2, 1], [2, 3]],
  ['einsum, an outer product', (a, b) => einsum('i,j', a, b), [2], [3]],
  ['tensordot', (a, b) => a.tensordot(b, [[0, 2], [1, 0]]), [2, 2, 3], [3, 2, 2]],
  ['dot', (a, b) => a.dot(b), [2, 3], [2, 3, 2]],
  ['outer', (a, b) => a.outer(b), [2], [3]],
  ['kron', (a, b) => a.kron(b), [2, 2], [1, 3]],
  ['roll', (x) => x.roll([1, -1], [0, 1]), [2, 3]],
  ['roll of all', (x) => x.roll(4), [2, 3]],
  ['repeat', (x) => x.repeat(2, 1), [2, 2]],
  ['repeat of each', (x) => x.repeat([0, 2, 3], 0), [3, 2]],
  ['unstack', (x) => { const [a, , b] = x.unstack(1); return a.mul(b) }, [2, 3]],
  ['chunk', (x) => { const [a, b] = x.chunk(2, 1); return a.sum(1).mul(b.sum(1)) }, [2, 5]],
  ['diagonal', (x) => x.diagonal(-1), [3, 4]],
  ['diagonal of two axes', (x) => x.diagonal(0, 0, 2), [3, 2, 3]],
  ['diag', (x) => x.diag(1), [2, 3]],
  ['trace', (x) => x.trace(), [2, 3, 3]],
  ['tril', (x) => x.tril(), [3, 3]],
  ['triu', (x) => x.triu(1), [2, 3, 3]],
  ['meshgrid', (a, b) => { const [x, y] = meshgrid([a, b]); return x.mul(y) }, [2], [3]],
  ['pad, edge', (x) => x.pad([[1, 2], [0, 1]], 'edge'), [2, 2]],
  ['pad, reflect', (x) => x.pad([[1, 2], [4, 3]], 'reflect'), [3, 2]],
  ['pad, symmetric', (x) => x.pad(3, 'symmetric'), [3]],
  ['pad, wrap', (x) => x.pad(4, 'wrap'), [3]],
  ['gatherNd', (x) => x.gatherNd(tensor([[1, 2], [0, 0], [1, 2]], { dtype: 'int32' })), [2, 3, 2]],
  ['scatterUpdate', (x, u) => x.scatterUpdate(places, u), [4, 2], [3, 2]],
  ['scatterUpdate, add', (x, u) => x.scatterUpdate(places, u, { reduction: 'add' }), [4, 2], [3, 2]],
  ['scatterUpdate, max', (x, u) => x.scatterUpdate(places, u, { reduction: 'max' }), [4, 2], [3, 2]],
  ['scatterUpdate, min', (x, u) => x.scatterUpdate(places, u, { reduction: 'min' }), [4, 2], [3, 2]],
  ['scatter', (u) => scatter(places, u, [4, 2]), [3, 2]],
  ['booleanMask', (x) => x.booleanMask(mask), [2, 3, 2]],
  ['unique', (x) => x.unique().values, [2, 3]],
  ['bincount of weights', (w) => tensor([1, 0, 3, 1], { dtype: 'int32' }).bincount({ weights: w, minlength: 5 }), [4]],
  ['histogram of weights', (w) => tensor([0.1, 0.9, 0.5, 0.2]).histogram({ bins: 2, weights: w }).counts, [4]],
  ['linearScan', (b, a) => linearScan(b, a, 1), [2, 3], [2, 3]],
  ['linearScan from the end', (b, a) => linearScan(b, a, 0, { reverse: true }), [3, 2], [3, 2]],
  ['cummax', (x) => x.cummax(1), [2, 4]],
  ['cummin', (x) => x.cummin(0), [4, 2]],
  ['logcumsumexp', (x) => x.mul(3).logcumsumexp(1), [2, 4]],
  ['diff', (x) => x.diff(2, 0), [4, 2]],
  ['median', (x) => x.median(1), [2, 4]],
  ['quantile', (x) => x.quantile([0.1, 0.7], [0, 1]), [2, 3, 2]],
  ['resize, nearest', (x) => resize(x, [3, 5], { interpolation: 'nearest' }), [1, 2, 3, 1]],
  ['resize, bilinear', (x) => resize(x, [5, 2]), [1, 3, 3, 1]],
  ['resize, bicubic, antialias', (x) => resize(x, [3], { interpolation: 'bicubic', antialias: true }), [1, 7, 1]],
  ['resize, lanczos3', (x) => resize(x, [4], { interpolation: 'lanczos3' }), [2, 3, 1]],
  ['cast', (x) => x.cast('float64'), [2]],
  ['prod', (x) => x.prod(1), [2, 3]],
  ['max', (x) => x.max(1), [2, 3]],
  ['min', (x) => x.min(0), [2, 3]],
  ['mean', (x) => x.mean([0, 2]), [2, 3, 2]],
  ['sum', (x) => x.sum(1, { keepdims: true }), [2, 3]],
  ['flatten', (x) => x.transpose().flatten(), [2, 3]],
  ['conv', (x, k) => x.conv(k, { strides: 2, padding: 'same' }), [1, 5, 2], [3, 2, 2]],
  ['convTranspose', (x, k) => x.convTranspose(k, { strides: 2 }), [1, 3, 2], [2, 1, 2]],
  ['depthwiseConv', (x, k) => x.depthwiseConv(k), [1, 4, 2], [2, 2, 2]],
  ['maxPool', (x) => x.maxPool(2), [1, 4, 4, 1]],
  ['averagePool', (x) => x.averagePool(2, { padding: 'same' }), [1, 3, 3, 1]],
  ['linalg.cholesky', (a) => linalg.cholesky(definite(a)), [3, 3]],
  ['linalg.cholesky of a batch', (a) => linalg.cholesky(definite(a)), [2, 2, 2]],
  ['linalg.solveTriangular, upper', (a, b) => linalg.solveTriangular(regular(a), b), [3, 3], [3, 2]],
  ['linalg.solveTriangular, lower', (a, b) => linalg.solveTriangular(regular(a), b, { lower: true }), [2, 3, 3], [3]],
  ['linalg.solve', (a, b) => linalg.solve(regular(a), b), [3, 3], [3, 2]],
  ['linalg.solve, batches broadcast', (a, b) => linalg.solve(regular(a), b), [2, 2, 2], [2, 1]],
  ['linalg.inv', (a) => linalg.inv(regular(a)), [2, 2, 2]],
  ['linalg.det', (a) => linalg.det(regular(a)), [3, 3]],
  ['linalg.slogdet', (a) => linalg.slogdet(regular(a)).logdet, [2, 2, 2]],
  ['linalg.matrixPower', (a) => linalg.matrixPower(regular(a), -2), [2, 2]],
  ['linalg.qr of a tall matrix', (a) => { const { q, r } = linalg.qr(stretched(a)); return concat([q.flatten(), r.flatten()]) }, [4, 2]],
  ['linalg.qr of a square matrix', (a) => { const { q, r } = linalg.qr(stretched(a)); return concat([q.flatten(), r.flatten()]) }, [3, 3]],
  ['linalg.qr of a wide matrix', (a) => { const { q, r } = linalg.qr(stretched(a)); return concat([q.flatten(), r.flatten()]) }, [2, 4]],
  ['linalg.eigh', (a) => { const { values, vectors } = linalg.eigh(spread(a)); return concat([values, vectors.square().flatten()]) }, [3, 3]],
  ['linalg.eigvalsh', (a) => linalg.eigvalsh(spread(a)), [2, 2, 2]],
  ['linalg.svd of a square matrix', (a) => { const { u, s, vt } = linalg.svd(stretched(a)); return concat([u.square().flatten(), s, vt.square().flatten(), u.matmul(vt).flatten()]) }, [3, 3]],
  ['linalg.svd of a tall matrix', (a) => { const { u, s, vt } = linalg.svd(stretched(a)); return concat([u.square().flatten(), s, u.matmul(vt).flatten()]) }, [4, 2]],
  ['linalg.svd of a wide matrix', (a) => { const { u, s, vt } = linalg.svd(stretched(a)); return concat([s, vt.square().flatten(), u.matmul(vt).flatten()]) }, [2, 3]],
  ['linalg.svdvals', (a) => linalg.svdvals(stretched(a)), [2, 3, 2]],
  ['linalg.pinv of a tall matrix', (a) => linalg.pinv(stretched(a)), [3, 2]],
  ['linalg.pinv of a wide matrix', (a) => linalg.pinv(stretched(a)), [2, 3]],
  ['linalg.lstsq', (a, b) => linalg.lstsq(stretched(a), b), [4, 2], [4]],
  ['linalg.norm, nuclear', (a) => linalg.norm(stretched(a), { ord: 'nuc' }), [3, 2]],
  ['linalg.norm, 3 of vectors', (a) => linalg.norm(a.add(7), { ord: 3, axes: 1 }), [2, 3]],
  ['linalg.cond', (a) => linalg.cond(stretched(a)), [3, 2]],
  ['fft.fft', (a, b) => parts(fft.fft([a, b])), [2, 5], [2, 5]],
  ['fft.fft, padded, along the first axis', (a) => parts(fft.fft(a, { n: 4, axis: 0, norm: 'ortho' })), [3, 2]],
  ['fft.ifft', (a, b) => parts(fft.ifft([a, b])), [4], [4]],
  ['fft.rfft', (a) => parts(fft.rfft(a)), [2, 6]],
  ['fft.irfft', (a, b) => fft.irfft([a, b]), [4], [4]],
  ['fft.irfft of an odd length', (a, b) => fft.irfft([a, b], { n: 5 }), [2, 3], [2, 3]],
  ['fft.fft2 and fft.ifft2', (a) => parts(fft.ifft2(fft.fft2(a).map((part) => part.square()) as [Tensor, Tensor])), [2, 3]],
  ['fft.rfft2 and fft.irfft2', (a) => fft.irfft2(fft.rfft2(a).map((part) => part.square()) as [Tensor, Tensor], { shape: [3, 4] }), [3, 4]],
  ['fft.fftshift', (a) => fft.fftshift(a), [3, 4]],
] // prettier-ignore
