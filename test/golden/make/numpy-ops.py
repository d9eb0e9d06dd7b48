"""Writes ../numpy-ops.json: what NumPy (and SciPy for special functions) give for the array ops. Run it in this folder."""
import json
import numpy as np
import scipy.special

rng = np.random.default_rng(7)


class short:
    """Numbers of few digits, so that the file stays small."""
    normal = staticmethod(lambda size: np.round(rng.normal(size=size), 3))
    integers = staticmethod(rng.integers)


cases = []


def pack(a):
    a = np.asarray(a)
    kind = {'f': 'float64', 'i': 'int32', 'b': 'bool', 'u': 'int32'}[a.dtype.kind]
    flat = [x.item() for x in a.reshape(-1)]
    if kind == 'float64':
        flat = [x if np.isfinite(x) else ('NaN' if np.isnan(x) else 'Infinity' if x > 0 else '-Infinity') for x in flat]
    return {'shape': list(a.shape), 'dtype': kind, 'data': flat}


def case(f, inputs, args, expected, note=''):
    """args may name further inputs as {'input': i}; expected is an array, a list or a dict of arrays."""
    if isinstance(expected, dict):
        out = {k: pack(v) for k, v in expected.items()}
    elif isinstance(expected, (list, tuple)):
        out = [pack(v) for v in expected]
    else:
        out = pack(expected)
    n = sum(1 for c in cases if c['f'] == f)
    cases.append({'id': f'{f} {n}{" " + note if note else ""}', 'f': f, 'inputs': [pack(i) for i in inputs], 'args': args, 'expected': out})


IN = lambda i: {'input': i}
m34, m45, m33 = short.normal(size=(3, 4)), short.normal(size=(4, 5)), short.normal(size=(3, 3))
t234 = short.normal(size=(2, 3, 4))
v4, v3 = short.normal(size=4), short.normal(size=3)
ints = short.integers(0, 6, size=(4, 5)).astype(np.int32)
special = np.array([3.0, np.nan, -1.0, np.inf, 2.0, -np.inf, 0.0])

for equation, ops in {
    'ij,jk->ik': [m34, m45], 'ij,jk': [m34, m45], 'ii->i': [m33], 'ii': [m33], 'iij->j': [short.normal(size=(3, 3, 2))],
    'ij->ji': [m34], 'ij->': [m34], 'ij,ij->ij': [m34, m34], 'i,j->ij': [v3, v4], '...ij,jk->...ik': [t234, m45],
    'i...->...i': [t234], '...,...': [m34, v4], 'ij,jk,kl->il': [m34, m45, short.normal(size=(5, 2))],
    'bij,bjk,k->bi': [t234, short.normal(size=(2, 4, 3)), v3], 'ij,kl->': [m34, m45], 'ij,ik->i': [m33, m33],
    '...a,...b->...ab': [t234, short.normal(size=(3, 2))], 'ab,b->a': [m34, v4], 'ijk,ijk->ki': [t234, t234],
}.items():
    case('einsum', ops, [equation], np.einsum(equation, *ops))
b342 = short.normal(size=(3, 4, 2))
case('tensordot', [t234, b342], [IN(1)], np.tensordot(t234, b342))
case('tensordot', [t234, b342], [IN(1), [[0, 2], [2, 1]]], np.tensordot(t234, b342, ((0, 2), (2, 1))))
case('tensordot', [m34, m45], [IN(1), 1], np.tensordot(m34, m45, 1))
case('tensordot', [v3, v4], [IN(1), 0], np.tensordot(v3, v4, 0))
case('dot', [t234, short.normal(size=(2, 4, 3))], [IN(1)], 0)
cases[-1]['expected'] = pack(np.dot(t234, np.array(cases[-1]['inputs'][1]['data']).reshape(2, 4, 3)))
case('dot', [v4, v4], [IN(1)], np.dot(v4, v4))
case('dot', [m34, v4], [IN(1)], np.dot(m34, v4))
case('outer', [m33, v4], [IN(1)], np.outer(m33, v4))
case('kron', [m34, m33], [IN(1)], np.kron(m34, m33))
case('kron', [v3, m33], [IN(1)], np.kron(v3, m33))

for args, kw in [([2], {}), ([-5, 0], {}), ([[1, 2], [0, 1]], {}), ([3, [0, 1]], {})]:
    case('roll', [m34], args, np.roll(m34, args[0], axis=(tuple(args[1]) if len(args) > 1 and isinstance(args[1], list) else args[1] if len(args) > 1 else None)))
case('repeat', [m34], [2], np.repeat(m34, 2))
case('repeat', [m34], [3, 1], np.repeat(m34, 3, 1))
case('repeat', [m34], [[0, 2, 1], 0], np.repeat(m34, [0, 2, 1], 0))
for k in (-5, -2, -1, 0, 1, 3, 6):
    case('tril', [m34], [k], np.tril(m34, k))
    case('triu', [t234], [k], np.triu(t234, k))
    case('diagonal', [m34], [k] , np.diagonal(m34, k))
    case('trace', [m34], [k], np.trace(m34, k))
    case('diag', [v3], [k], np.diag(v3, k))
case('diagonal', [t234], [1, 0, 2], np.diagonal(t234, 1, 0, 2))
case('trace', [t234], [0, 0, 1], np.trace(t234, 0, 0, 1))
for mode in ('edge', 'symmetric', 'reflect', 'wrap'):
    case('pad', [m34], [[[2, 1], [0, 3]], mode], np.pad(m34, [(2, 1), (0, 3)], mode))
    case('pad', [m34], [[[7, 9], [11, 1]], mode], np.pad(m34, [(7, 9), (11, 1)], mode), 'far beyond')
    case('pad', [v3[:1]], [3, mode], np.pad(v3[:1], 3, mode), 'one element')
case('gatherNd', [t234, np.array([[1, 2], [0, -1]], dtype=np.int32)], [IN(1)], t234[[1, 0], [2, -1]])
case('gatherNd', [t234, np.array([[[1, 2, 3]], [[0, 0, -4]]], dtype=np.int32)], [IN(1)], t234[[[1], [0]], [[2], [0]], [[3], [-4]]])
for name, ufunc in (('add', np.add), ('max', np.maximum), ('min', np.minimum), (None, None)):
    x, u = m34.copy(), short.normal(size=(4, 4))
    at = np.array([[2], [0], [2], [-1]], dtype=np.int32)
    if ufunc:
        ufunc.at(x, at[:, 0], u)
    else:
        for i, row in zip(at[:, 0], u):
            x[i] = row
    case('scatterUpdate', [m34, at, u], [IN(1), IN(2)] + ([{'reduction': name}] if name else []), x)
mask = m34 > 0
case('booleanMask', [m34, mask], [IN(1)], m34[mask])
case('booleanMask', [t234, np.array([[True, False, True], [False, False, True]])], [IN(1)], t234[np.array([[True, False, True], [False, False, True]])])
case('nonzero', [ints], [], np.argwhere(ints).astype(np.int32))
case('nonzero', [np.array([0.0, np.nan, -0.0, 2])], [], np.argwhere(np.array([0.0, np.nan, -0.0, 2])).astype(np.int32))
edges = np.array([-1.0, 0, 0, 0.5, 2, np.nan])
values = np.array([[-2, -1, 0, 0.2], [0.5, 2, 3, np.nan]])
for side in ('left', 'right'):
    case('searchsorted', [edges, values], [IN(1), {'side': side}], np.searchsorted(edges, values, side).astype(np.int32))
uv, ui, un, uc = np.unique(ints, return_index=True, return_inverse=True, return_counts=True)
case('unique', [ints], [], {'values': uv, 'indices': ui.astype(np.int32), 'inverse': un.reshape(ints.shape).astype(np.int32), 'counts': uc.astype(np.int32)})
nan2 = np.array([np.nan, 1.0, np.nan, -np.inf, 1.0])
uv, ui, un, uc = np.unique(nan2, return_index=True, return_inverse=True, return_counts=True)
case('unique', [nan2], [], {'values': uv, 'indices': ui.astype(np.int32), 'inverse': un.astype(np.int32), 'counts': uc.astype(np.int32)})
case('bincount', [ints.reshape(-1)], [], np.bincount(ints.reshape(-1)).astype(np.int32))
case('bincount', [ints.reshape(-1), short.normal(size=20)], [{'weights': IN(1), 'minlength': 9}], 0)
cases[-1]['expected'] = pack(np.bincount(ints.reshape(-1), np.array(cases[-1]['inputs'][1]['data']), 9))
data = np.concatenate([short.normal(size=40), [0.0, 1.0, -1.0, 0.5]])
for kw in ({}, {'bins': 4}, {'bins': 5, 'range': [-1, 1]}, {'bins': [-1, 0, 0.5, 1]}):
    counts, e = np.histogram(data, **kw)
    case('histogram', [data], [kw], {'counts': counts.astype(np.int32), 'edges': np.asarray(e, dtype=float)})
for axis in (0, 1, 2):
    case('cumprod', [t234], [axis], np.cumprod(t234, axis))
    case('cummax', [t234], [axis], np.maximum.accumulate(t234, axis))
    case('cummin', [t234], [axis], np.minimum.accumulate(t234, axis))
    case('logcumsumexp', [30 * t234], [axis], np.logaddexp.accumulate(30 * t234, axis))
    case('diff', [t234], [1, axis], np.diff(t234, 1, axis))
case('cummax', [special], [0], np.maximum.accumulate(special))
case('cummin', [special], [0], np.minimum.accumulate(special))
far = np.array([-np.inf, -1000, 0, 800, -np.inf, np.inf, 1])
case('logcumsumexp', [far], [0], np.logaddexp.accumulate(far), 'far apart')
case('diff', [m34], [2], np.diff(m34, 2))
case('diff', [mask], [1], np.diff(mask))
for axis in (None, 0, 1, [0, 2]):
    case('median', [t234], [axis], np.median(t234, tuple(axis) if isinstance(axis, list) else axis))
    for method in ('linear', 'lower', 'higher', 'nearest', 'midpoint'):
        case('quantile', [t234], [[0, 0.1, 0.25, 0.5, 0.77, 1], axis, {'method': method}],
             np.quantile(t234, [0, 0.1, 0.25, 0.5, 0.77, 1], tuple(axis) if isinstance(axis, list) else axis, method=method))
case('median', [special], [], np.median(special))
case('quantile', [m34], [0.3, 1, {'keepdims': True}], np.quantile(m34, 0.3, 1, keepdims=True))

# Special functions.
xs = np.array([-7.3, -2.5, -0.7, -1e-3, 1e-8, 0.1, 0.5, 0.9, 1, 1.5, 2, 3.3, 7, 12.5, 30, 171.5, 1e3, 1e6, 1e12])
with np.errstate(all='ignore'):
    case('lgamma', [xs], [], scipy.special.gammaln(xs))
    case('digamma', [xs], [], scipy.special.digamma(xs))
    around = np.array([-40, -6.5, -3, -1, -0.1, 0, 1e-9, 0.3, 1, 2.2, 5, 9.9, 20, 26, 27.5, 40])
    case('erfc', [around], [], scipy.special.erfc(around))
    bessel = np.array([-30, -8.1, -1, 0, 1e-9, 0.5, 3.7, 7.9, 8.3, 15, 40, 300, 700.0])
    case('i0', [bessel], [], scipy.special.i0(bessel))
    case('i1', [bessel], [], scipy.special.i1(bessel))
    positive = xs[xs > 0]
    for n in (1, 2, 3):
        case('polygamma', [np.array(float(n)), positive[:-3]], [IN(1)], scipy.special.polygamma(n, positive[:-3]))

# Linear algebra.
def spd(n, *lead):
    a = short.normal(size=(*lead, n, n))
    return a @ np.swapaxes(a, -1, -2) + n * np.eye(n)

for n, lead in ((1, ()), (4, ()), (3, (2,)), (12, ())):
    p, a, b = spd(n, *lead), short.normal(size=(*lead, n, n)), short.normal(size=(*lead, n, 2))
    case('linalg.cholesky', [p], [], np.linalg.cholesky(p))
    case('linalg.inv', [a], [], np.linalg.inv(a))
    case('linalg.det', [a], [], np.linalg.det(a))
    s, l = np.linalg.slogdet(a)
    case('linalg.slogdet', [a], [], {'sign': s, 'logdet': l})
    case('linalg.solve', [a, b], [IN(1)], np.linalg.solve(a, b))
    case('linalg.eigvalsh', [p], [], np.linalg.eigvalsh(p))
    case('linalg.matrixPower', [a], [3], np.linalg.matrix_power(a, 3))
for shape in ((5, 3), (3, 5), (4, 4), (2, 4, 3), (20, 7)):
    a, b = short.normal(size=shape), short.normal(size=shape[:-1] + (2,))
    case('linalg.svdvals', [a], [], np.linalg.svd(a, compute_uv=False))
    case('linalg.pinv', [a], [], np.linalg.pinv(a))
    q, r = np.linalg.qr(a)
    case('linalg.qrR', [a], [], np.abs(r))
    if len(shape) == 2:
        case('linalg.lstsq', [a, b], [IN(1)], np.linalg.lstsq(a, b, rcond=None)[0])
        case('linalg.matrixRank', [a], [], np.array(np.linalg.matrix_rank(a), dtype=np.int32))
low = short.normal(size=(5, 2)) @ short.normal(size=(2, 4))
case('linalg.pinv', [low], [], np.linalg.pinv(low, rcond=1e-12), 'rank 2')
case('linalg.matrixRank', [low], [], np.array(2, dtype=np.int32), 'rank 2')
for ord in ('fro', 'nuc', 1, -1, 2, -2):
    case('linalg.norm', [t234], [{'ord': ord, 'axes': [1, 2]}], np.linalg.norm(t234, ord, (1, 2)))
case('linalg.norm', [m34], [{'ord': 'inf', 'axes': [0, 1]}], np.linalg.norm(m34, np.inf))
for ord in (1, 2, 3, 0.5, -1, 0):
    case('linalg.norm', [t234], [{'ord': ord, 'axes': 1, 'keepdims': True}], np.linalg.norm(t234, ord, 1, keepdims=True))
case('linalg.norm', [v4], [{'ord': 'inf'}], np.linalg.norm(v4, np.inf))
case('linalg.norm', [v4], [{'ord': '-inf'}], np.linalg.norm(v4, -np.inf))
case('linalg.norm', [t234], [], np.linalg.norm(t234))

# Fourier transforms: pairs of the real and the imaginary part.
pair = lambda z: [np.real(z), np.imag(z)]
for n in (1, 2, 3, 4, 5, 8, 12, 17, 31, 64, 100, 257):
    x, y = short.normal(size=(2, n) if n < 20 else n), short.normal(size=(2, n) if n < 20 else n)
    case('fft.fft', [x, y], [], pair(np.fft.fft(x + 1j * y)))
    case('fft.ifft', [x, y], [], pair(np.fft.ifft(x + 1j * y)))
    case('fft.rfft', [x], [], pair(np.fft.rfft(x)))
    h = np.fft.rfft(x)
    case('fft.irfft', pair(h), [{'n': n}], np.fft.irfft(h, n))
x, y = short.normal(size=(6, 5)), short.normal(size=(6, 5))
for n in (3, 8):
    case('fft.fft', [x, y], [{'n': n, 'axis': 0}], pair(np.fft.fft(x + 1j * y, n, 0)), 'cut or padded')
    case('fft.rfft', [x], [{'n': n}], pair(np.fft.rfft(x, n)), 'cut or padded')
for norm in ('ortho', 'forward', 'backward'):
    case('fft.fft', [x, y], [{'norm': norm}], pair(np.fft.fft(x + 1j * y, norm=norm)), norm)
    case('fft.ifft', [x, y], [{'norm': norm}], pair(np.fft.ifft(x + 1j * y, norm=norm)), norm)
case('fft.fft2', [x, y], [], pair(np.fft.fft2(x + 1j * y)))
case('fft.ifft2', [x, y], [], pair(np.fft.ifft2(x + 1j * y)))
case('fft.rfft2', [x], [], pair(np.fft.rfft2(x)))
h = np.fft.rfft2(x)
case('fft.irfft2', pair(h), [{'shape': [6, 5]}], np.fft.irfft2(h, (6, 5)))
case('fft.fftshift', [x], [], np.fft.fftshift(x))
case('fft.ifftshift', [x], [[0]], np.fft.ifftshift(x, 0))
for n in (4, 5):
    case('fft.fftfreq', [], [n, 0.5], np.fft.fftfreq(n, 0.5))
    case('fft.rfftfreq', [], [n], np.fft.rfftfreq(n))

# NumPy's conveniences.
for q in (0, 37.5, [10, 50, 100]):
    case('percentile', [t234], [q, 1], np.percentile(t234, q, 1))
case('countNonzero', [ints], [], np.array(np.count_nonzero(ints), dtype=np.int32))
case('countNonzero', [np.array([[0.0, np.nan], [-0.0, 3]])], [0], np.count_nonzero(np.array([[0.0, np.nan], [-0.0, 3]]), 0).astype(np.int32))
for kw in ({}, {'rowvar': False}, {'ddof': 0}):
    case('cov', [m34], [kw], np.cov(m34, **kw))
case('cov', [v4], [], np.cov(v4))
case('corrcoef', [m34], [], np.corrcoef(m34))
case('corrcoef', [m34], [{'rowvar': False}], np.corrcoef(m34, rowvar=False))
case('cross', [m33, v3], [IN(1)], np.cross(m33, v3))
for k in (-1, 0, 1, 2, 3, 6):
    case('rot90', [t234], [k], np.rot90(t234, k))
    case('rot90', [t234], [k, [2, -2]], np.rot90(t234, k, (2, -2)))
near = np.array([3.0000001, np.nan, -1.00001, np.inf, 2.1, np.inf, 1e-9])
for kw in ({}, {'rtol': 0.1}, {'atol': 1e-4, 'rtol': 0}, {'equalNan': True}):
    case('isclose', [special, near], [IN(1), kw], np.isclose(special, near, **{{'equalNan': 'equal_nan'}.get(k, k): v for k, v in kw.items()}))
case('isclose', [ints, ints + (ints > 3)], [IN(1)], np.isclose(ints, ints + (ints > 3)))
for kw in ({}, {'nan': 7, 'posinf': 8, 'neginf': -9}):
    case('nanToNum', [special], [kw], np.nan_to_num(special, **kw))
case('isin', [ints], [[1, 4, 9]], np.isin(ints, [1, 4, 9]))
case('isin', [special], [[3, 2.5, -1]], np.isin(special, [3, 2.5, -1]))
case('isin', [special], [[]], np.isin(special, []))
steps = np.array([-1.0, 0.0, 0.5, 2.0])
for right in (False, True):
    case('digitize', [values[:, :3], steps], [IN(1), {'right': right}], np.digitize(values[:, :3], steps, right).astype(np.int32))
case('interp', [np.array([-3.0, -1, -0.2, 0.25, 1.9, 2, 9]), steps, v4], [IN(1), IN(2)], np.interp([-3.0, -1, -0.2, 0.25, 1.9, 2, 9], steps, v4))
case('vstack', [v4, m34], [], np.vstack([v4, m34]))
case('hstack', [v4, v3], [], np.hstack([v4, v3]))
case('hstack', [m34, m33], [], np.hstack([m34, m33]))

out = {
    'source': f'numpy {np.__version__}, scipy {scipy.__version__}: test/golden/make/numpy-ops.py',
    'tol': {'rtol': 2e-12, 'atol': 1e-13},
    'cases': cases,
}
text = json.dumps(out, separators=(',', ':')).replace('{"id"', '\n{"id"')
open('../numpy-ops.json', 'w').write(text + '\n')
print(len(cases), 'cases,', len(text), 'bytes')
