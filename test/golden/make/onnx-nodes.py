"""Writes ../onnx/nodes.json.gz: ONNX' own test cases of single operators (of its Python package, version 1.12.0; Apache-2.0), as
`{name, model, inputs, outputs}` in base64, one a line. Left out is what has other values than tensors of numbers, or more than 12 kB of them.
Run it in this folder, with the names of the operators that are wanted as arguments (all, without)."""
import base64
import gzip
import importlib
import json
import os
import sys

import numpy as np

# The cases were written for an older NumPy.
for name, kind in dict(float=float, int=int, bool=bool, object=object).items():
    setattr(np, name, kind)
np.random.seed(0)

import onnx.backend.test.case.node as node  # noqa: E402
from onnx import numpy_helper  # noqa: E402

for file in sorted(os.listdir(os.path.dirname(node.__file__))):
    if file.endswith('.py') and file != '__init__.py':
        importlib.import_module(f'onnx.backend.test.case.node.{file[:-3]}')

wanted = set(sys.argv[1:])
text = lambda message: base64.b64encode(message.SerializeToString()).decode()
lines, seen = [], set()
for case in node._NodeTestCases:
    inputs, outputs = case.data_sets[0]
    arrays = [*inputs, *outputs]
    if case.name in seen or (wanted and not {n.op_type for n in case.model.graph.node} <= wanted):
        continue
    if not all(isinstance(a, (np.ndarray, np.generic)) and a.dtype.kind in 'fiub' for a in arrays):
        continue
    if sum(a.nbytes for a in arrays) > 12000:
        continue
    seen.add(case.name)
    pack = lambda values: [text(numpy_helper.from_array(np.asarray(value))) for value in values]
    lines.append(json.dumps({'name': case.name, 'model': text(case.model), 'inputs': pack(inputs), 'outputs': pack(outputs)}))
with gzip.GzipFile(f'{os.path.dirname(os.path.abspath(__file__))}/../onnx/nodes.json.gz', 'wb', 9, mtime=0) as out:
    out.write('\n'.join(lines).encode())
print(len(lines))
