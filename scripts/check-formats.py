"""Loads files that typegrad wrote with the programs of others: Keras, h5py and ONNX' checker and runtime.

    npm run formats:write -- folder
    pip install keras==3.15.1 tensorflow-cpu h5py onnx onnxruntime
    KERAS_BACKEND=tensorflow python scripts/check-formats.py folder

The folder holds, for each model that Keras has trained, `name.keras` and `name.onnx` as typegrad wrote them, and `name.json` with inputs and what typegrad
predicts. Says what failed, and exits with 1 then. Strings need Keras on TensorFlow; any other model loads on any backend.
"""

import io
import json
import pathlib
import sys
import zipfile

import h5py
import keras
import numpy as np
import onnx
import onnxruntime

folder = pathlib.Path(sys.argv[1])
golden = pathlib.Path(__file__).parent.parent / "test" / "golden" / "keras"
failures = []


def array(given):
    """Inputs and predictions are {shape, dtype, data}; strings are lists."""
    if isinstance(given, list):
        import tensorflow as tf

        return tf.constant(given)
    return np.array(given["data"], given["dtype"]).reshape(given["shape"])


def layout(path):
    """Names, types, shapes and bytes of all arrays of a .keras file, with the names that groups have."""
    found = {}
    with zipfile.ZipFile(path) as archive, h5py.File(io.BytesIO(archive.read("model.weights.h5"))) as file:
        # Parts without weights are no layers of their own in typegrad; the words of texts are in its config.
        def visit(name, item):
            if any(part in name for part in ("/_softmax", "/_dropout_layer", "idf_weights", "/_lookup_layer")):
                return
            if isinstance(item, h5py.Dataset):
                # Keras counts steps by int64 on TensorFlow, by int32 elsewhere.
                kind = "integer" if item.dtype.kind == "i" else str(item.dtype)
                found[name] = (kind, item.shape, item[()].astype(kind if kind != "integer" else "int64").tobytes())
            else:
                found[name] = sorted(item.attrs.keys())

        file.visititems(visit)
    return found


def check(what, run):
    try:
        problem = run()
    except Exception as error:  # noqa: BLE001: whatever the other program says is the result
        problem = f"{type(error).__name__}: {error}"
    if problem:
        failures.append(f"{what}: {problem}")


def close(given, expected):
    worst = max(float(np.max(np.abs(np.asarray(a) - array(b)) / np.maximum(1, np.abs(array(b))))) for a, b in zip(given, expected))
    return None if worst <= 1e-5 else f"differs by {worst}"


def listed(value):
    return value if isinstance(value, (list, tuple)) else [value]


counts = {"keras": 0, "onnx": 0}
for path in sorted(folder.glob("*.json")):
    name = path.stem
    case = json.loads(path.read_text())
    inputs = {key: array(value) for key, value in case["inputs"].items()}
    alone = next(iter(inputs.values())) if len(inputs) == 1 else inputs

    def by_keras():
        model = keras.models.load_model(folder / f"{name}.keras")
        counts["keras"] += 1
        if case["compiled"] and (model.optimizer is None or int(model.optimizer.iterations) != case["iterations"]):
            return "the optimizer's state is another"
        if layout(folder / f"{name}.keras") != layout(golden / f"{name}.keras"):
            return "the layout is another than that of Keras' own file"
        return close(listed(model.predict(alone, verbose=0)), case["predict"])

    check(f"{name}.keras", by_keras)
    if (folder / f"{name}.onnx").exists():

        def by_onnx():
            file = str(folder / f"{name}.onnx")
            onnx.checker.check_model(file, full_check=True)
            counts["onnx"] += 1
            session = onnxruntime.InferenceSession(file)
            types = {"tensor(float)": "float32", "tensor(int32)": "int32"}
            feeds = {one.name: np.asarray(inputs[one.name]).astype(types[one.type]) for one in session.get_inputs()}
            return close(session.run(None, feeds), case["predict"])

        check(f"{name}.onnx", by_onnx)

print(f"keras {keras.__version__} ({keras.backend.backend()}) loads {counts['keras']} models, onnx {onnx.__version__} {counts['onnx']}")
print("\n".join(failures) or "All predict what typegrad predicts.")
sys.exit(1 if failures or not counts["keras"] else 0)
