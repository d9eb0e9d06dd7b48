"""Writes ../onnx/models.json.gz: small models as the exporters of PyTorch, Keras and scikit-learn write them, made with ONNX' own Python package
(1.12.0) and checked by its checker, and inputs for them, as `{name, model, inputs}` in base64, one a line. Run it in this folder."""
import base64
import gzip
import json
import os

import numpy as np
from onnx import TensorProto, checker, helper, numpy_helper

rng = np.random.default_rng(11)
FLOAT, INT64 = TensorProto.FLOAT, TensorProto.INT64
lines = []


def weight(*shape):
    return rng.normal(size=shape, scale=0.5).astype(np.float32)


def integers(*values):
    return np.array(values, np.int64)


class Graph:
    def __init__(self):
        self.nodes, self.initializers = [], []

    def const(self, array, name=None):
        name = name or f'w{len(self.initializers)}'
        self.initializers.append(numpy_helper.from_array(np.asarray(array), name))
        return name

    def __call__(self, op, *inputs, outputs=None, **attributes):
        names = [self.const(x) if isinstance(x, (np.ndarray, np.generic)) else x for x in inputs]
        outputs = outputs or [f'v{len(self.nodes)}']
        self.nodes.append(helper.make_node(op, names, outputs, f'{op}_{len(self.nodes)}', **attributes))
        return outputs[0] if len(outputs) == 1 else outputs


def save(name, g, inputs, outputs, arrays, opset):
    info = lambda values: [helper.make_tensor_value_info(n, t, s) for n, t, s in values]
    for i, (result, (label, _, __)) in enumerate(outputs.items()):
        g.nodes.append(helper.make_node('Identity', [result], [label], f'out_{i}'))
    graph = helper.make_graph(g.nodes, name, info(inputs), info(outputs.values()), g.initializers)
    model = helper.make_model(graph, producer_name='test', opset_imports=[helper.make_opsetid('', opset)])
    model.ir_version = 8
    checker.check_model(model, full_check=True)
    text = lambda message: base64.b64encode(message.SerializeToString()).decode()
    packed = [text(numpy_helper.from_array(a)) for a in arrays]
    lines.append(json.dumps({'name': name, 'model': text(model), 'inputs': packed}))


# PyTorch: a convolutional classifier, batch normalization by itself, pooling that counts windows in part.
g = Graph()
x = g('Conv', 'x', weight(6, 3, 3, 3), weight(6), kernel_shape=[3, 3], pads=[1, 1, 1, 1], strides=[2, 2], dilations=[1, 1], group=1)
x = g('BatchNormalization', x, weight(6), weight(6), weight(6), np.abs(weight(6)) + 1, epsilon=1e-5, momentum=0.9)
x = g('Relu', x)
x = g('MaxPool', x, kernel_shape=[3, 3], strides=[2, 2], pads=[0, 0, 0, 0], ceil_mode=1)
x = g('Conv', x, weight(6, 1, 3, 3), kernel_shape=[3, 3], pads=[2, 2, 2, 2], dilations=[2, 2], group=6)
x = g('Clip', x, np.float32(0), np.float32(6))
x = g('AveragePool', x, kernel_shape=[2, 2], strides=[1, 1], pads=[1, 1, 0, 0], count_include_pad=1)
y = g('GlobalAveragePool', x)
x = g('Flatten', y, axis=1)
x = g('Gemm', x, weight(5, 6), weight(5), alpha=1.0, beta=1.0, transB=1)
save('torch-cnn', g, [('x', FLOAT, ['n', 3, 17, 15])], {g('LogSoftmax', x, axis=1): ('y', FLOAT, ['n', 5])}, [weight(2, 3, 17, 15)], 17)

# PyTorch: x.view(x.size(0), -1), x[:, 1:], x[:, ::2], chunk, expand, where, masked softmax.
g = Graph()
n = g('Gather', g('Shape', 'x'), np.int64(0), axis=0)
flat = g('Reshape', 'x', g('Concat', g('Unsqueeze', n, integers(0)), integers(-1), axis=0), allowzero=0)
part = g('Slice', flat, integers(1), integers(9223372036854775807), integers(1), integers(1))
even = g('Slice', part, integers(0), integers(9223372036854775807), integers(-1), integers(2))
back = g('Slice', even, integers(-1), integers(-9223372036854775807), integers(1), integers(-1))
a, b = g('Split', back, integers(3, 3), axis=1, outputs=['a', 'b'])
z = g('Where', g('Greater', a, np.float32(0)), a, g('Mul', b, np.float32(0.1)))
ones = g('Expand', np.float32([[1]]), g('Concat', g('Unsqueeze', n, integers(0)), integers(2), axis=0))
z = g('Concat', z, ones, axis=1)
mask = g('Trilu', g('ConstantOfShape', integers(5, 5), value=numpy_helper.from_array(np.array([-np.inf], np.float32))), np.int64(1), upper=1)
mask = g('Where', g('Equal', mask, np.float32(-np.inf)), mask, np.float32(0))
scores = g('Add', g('Unsqueeze', z, integers(1)), mask)
save('torch-shapes', g, [('x', FLOAT, ['n', 3, 4])], {g('Softmax', scores, axis=-1): ('y', FLOAT, ['n', 5, 5])}, [weight(3, 3, 4)], 14)

# PyTorch: a bidirectional LSTM on batches first, whose state begins as zeros of the batch, then a GRU.
g = Graph()
x = g('Transpose', 'x', perm=[1, 0, 2])
n = g('Unsqueeze', g('Gather', g('Shape', x), np.int64(1), axis=0), integers(0))
zero = numpy_helper.from_array(np.array([0], np.float32))
state = g('ConstantOfShape', g('Concat', integers(2), n, integers(4), axis=0), value=zero)
y, h, _ = g('LSTM', x, weight(2, 16, 3), weight(2, 16, 4), weight(2, 32), '', state, state, direction='bidirectional', hidden_size=4, outputs=['ly', 'lh', 'lc'])
y = g('Reshape', g('Transpose', y, perm=[0, 2, 1, 3]), integers(0, 0, -1))
y, last = g('GRU', y, weight(1, 15, 8), weight(1, 15, 5), weight(1, 30), hidden_size=5, linear_before_reset=1, outputs=['gy', 'gh'])
y = g('Transpose', g('Squeeze', y, integers(1)), perm=[1, 0, 2])
save('torch-recurrent', g, [('x', FLOAT, ['n', 't', 3])], {y: ('y', FLOAT, ['n', 't', 5]), h: ('h', FLOAT, [2, 'n', 4])}, [weight(2, 6, 3)], 13)

# PyTorch: a block of a transformer, its normalization and gelu spelled out, on numbers of words; half of the weights in 16 bits.
g = Graph()
x = g('Gather', g('Cast', weight(11, 8).astype(np.float16), to=FLOAT), 'tokens', axis=0)
x = g('Add', x, weight(1, 6, 8))


def norm(x):
    centered = g('Sub', x, g('ReduceMean', x, axes=[-1], keepdims=1))
    variance = g('ReduceMean', g('Pow', centered, np.float32(2)), axes=[-1], keepdims=1)
    unit = g('Div', centered, g('Sqrt', g('Add', variance, np.float32(1e-5))))
    return g('Add', g('Mul', unit, weight(8)), weight(8))


def heads(x, perm):
    return g('Transpose', g('Reshape', g('Add', g('MatMul', x, weight(8, 8)), weight(8)), integers(0, 0, 2, 4)), perm=perm)


h = norm(x)
scores = g('Div', g('MatMul', heads(h, [0, 2, 1, 3]), heads(h, [0, 2, 3, 1])), np.float32(2))
mixed = g('Transpose', g('MatMul', g('Softmax', scores, axis=-1), heads(h, [0, 2, 1, 3])), perm=[0, 2, 1, 3])
x = g('Add', x, g('MatMul', g('Reshape', mixed, integers(0, 0, 8)), weight(8, 8)))
h = g('Add', g('MatMul', norm(x), weight(8, 16)), weight(16))
h = g('Mul', g('Mul', h, g('Add', g('Erf', g('Div', h, np.float32(2 ** 0.5))), np.float32(1))), np.float32(0.5))
x = g('Add', x, g('MatMul', h, weight(16, 8)))
save('torch-transformer', g, [('tokens', INT64, ['n', 6])], {x: ('y', FLOAT, ['n', 6, 8])}, [rng.integers(0, 11, (3, 6))], 13)

# PyTorch: an encoder and decoder of images, with what upsamples.
g = Graph()
a = g('Relu', g('Conv', g('Pad', 'x', integers(0, 0, 1, 1, 0, 0, 1, 1), mode='reflect'), weight(4, 1, 3, 3), weight(4)))
b = g('PRelu', g('InstanceNormalization', g('Conv', a, weight(6, 4, 2, 2), strides=[2, 2]), weight(6), weight(6)), weight(6, 1, 1))
u = g('ConvTranspose', b, weight(6, 2, 3, 3), weight(4), strides=[2, 2], pads=[1, 1, 1, 1], output_padding=[1, 1], group=2)
r = g('Resize', b, '', np.float32([1, 1, 2, 2]), mode='linear', coordinate_transformation_mode='pytorch_half_pixel')
z = g('Concat', a, u, r, axis=1)
z = g('DepthToSpace', g('Conv', z, weight(4, 14, 1, 1)), blocksize=2, mode='CRD')
save('torch-unet', g, [('x', FLOAT, ['n', 1, 8, 6])], {g('Sigmoid', z): ('y', FLOAT, ['n', 1, 16, 12])}, [weight(2, 1, 8, 6)], 16)

# Keras through tf2onnx: channels last outside, padding 'same', dense layers on the last axis.
g = Graph()
x = g('Transpose', 'x', perm=[0, 3, 1, 2])
x = g('Relu', g('Conv', x, weight(4, 2, 3, 3), weight(4), auto_pad='SAME_UPPER', strides=[2, 2]))
x = g('MaxPool', x, kernel_shape=[2, 2], strides=[2, 2], auto_pad='SAME_LOWER')
x = g('Transpose', x, perm=[0, 2, 3, 1])
x = g('Tanh', g('Add', g('MatMul', x, weight(4, 3)), weight(3)))
x = g('Squeeze', g('ReduceMax', x, axes=[1], keepdims=1), integers(1))
x = g('Reshape', x, integers(-1, 6))
save('keras-cnn', g, [('x', FLOAT, ['n', 7, 8, 2])], {g('Softmax', g('Gemm', x, weight(6, 3), weight(3))): ('y', FLOAT, ['n', 3])}, [weight(3, 7, 8, 2)], 15)

# scikit-learn: scaled doubles through a perceptron, and the class that it finds.
g = Graph()
x = g('Cast', g('Div', g('Sub', 'x', weight(4).astype(np.float64)), np.abs(weight(4)).astype(np.float64) + 1), to=FLOAT)
x = g('Relu', g('Add', g('MatMul', x, weight(4, 7)), weight(7)))
p = g('Softmax', g('Add', g('MatMul', x, weight(7, 3)), weight(3)), axis=1)
label = g('Gather', integers(10, 20, 30), g('ArgMax', p, axis=1, keepdims=0))
save('sklearn-mlp', g, [('x', TensorProto.DOUBLE, ['n', 4])], {label: ('label', INT64, ['n']), p: ('probabilities', FLOAT, ['n', 3])}, [weight(5, 4).astype(np.float64)], 12)

with gzip.GzipFile(f'{os.path.dirname(os.path.abspath(__file__))}/../onnx/models.json.gz', 'wb', 9, mtime=0) as out:
    out.write('\n'.join(lines).encode())
print(len(lines))
