"""Models that take strings, by Keras 3.15.1 on TensorFlow (the only backend with strings): test/golden/keras/texts.json and two .keras files.

    pip install keras==3.15.1 tensorflow-cpu && KERAS_BACKEND=tensorflow python test/golden/make/keras-texts.py
"""

import json
import pathlib

import keras
import numpy as np
import tensorflow as tf
from keras import layers

out = pathlib.Path(__file__).parent.parent / "keras"
keras.utils.set_random_seed(7)

texts = ["The film was good, very good!", "a bad film", "what a BAD bad plot", "good plot; good cast", "the cast was bad", "very good"]
labels = np.array([[1], [0], [0], [1], [0], [1]], "float32")
x = tf.constant([[text] for text in texts])
unseen = ["a GOOD cast", "bad, bad, unheard-of plot", ""]


def listed(array):
    array = np.asarray(array)
    return {"shape": list(array.shape), "dtype": str(array.dtype), "data": array.astype("float64").ravel().tolist()}


def fitted(model, x, y, optimizer):
    model.compile(optimizer=optimizer, loss="binary_crossentropy")
    history = model.fit(x, y, epochs=3, batch_size=4, shuffle=False, verbose=0)
    return history.history["loss"]


vectorize = layers.TextVectorization(max_tokens=20, output_sequence_length=5)
vectorize.adapt(texts)
sequential = keras.Sequential(
    [
        keras.Input(shape=(1,), dtype="string"),
        vectorize,
        layers.Embedding(20, 4),
        layers.GlobalAveragePooling1D(),
        layers.Dense(1, activation="sigmoid"),
    ]
)

colors = [["red"], ["blue"], ["red"], ["green"], ["blue"], ["red"]]
sizes = np.array([[0.1], [0.5], [0.3], [0.9], [0.2], [0.7]], "float32")
color = keras.Input(shape=(1,), dtype="string", name="color")
size = keras.Input(shape=(1,), name="size")
words = keras.Input(shape=(), dtype="string", name="words")
bag = layers.TextVectorization(output_mode="tf_idf")
bag.adapt(texts)
lookup = layers.StringLookup(output_mode="one_hot")
lookup.adapt(colors)
bins = layers.Hashing(num_bins=5, output_mode="one_hot")
joined = layers.Concatenate()([lookup(color), bins(color), size, bag(words)])
functional = keras.Model([color, size, words], layers.Dense(1, activation="sigmoid")(joined))

result = {"source": f"keras {keras.__version__} on TensorFlow {tf.__version__}", "tol": {"rtol": 1e-5, "atol": 1e-6}}
# TensorFlow's own rule for the rows of an embedding that a batch lacks makes Adam differ from Keras' other backends.
loss = fitted(sequential, x, labels, keras.optimizers.SGD(0.5, momentum=0.9))
result["texts"] = {"x": texts, "y": listed(labels), "unseen": unseen, "loss": loss}
result["texts"]["predict"] = listed(sequential.predict(tf.constant([[t] for t in unseen]), verbose=0))
sequential.save(out / "texts.keras")
loss = fitted(functional, {"color": tf.constant(colors), "size": sizes, "words": x[:, 0]}, labels, "adam")
result["features"] = {"x": {"color": colors, "size": sizes.tolist(), "words": texts}, "y": listed(labels), "loss": loss}
unseen_features = {"color": [["green"], ["pink"], ["red"]], "size": [[0.5], [0.1], [0.9]], "words": unseen}
result["features"]["unseen"] = unseen_features
given = {"color": tf.constant(unseen_features["color"]), "size": np.array(unseen_features["size"], "float32")}
result["features"]["predict"] = listed(functional.predict({**given, "words": tf.constant(unseen)}, verbose=0))
functional.save(out / "features.keras")

# What training goes on to, from the files.
for name, data in (("texts", x), ("features", {"color": tf.constant(colors), "size": sizes, "words": x[:, 0]})):
    model = keras.models.load_model(out / f"{name}.keras")
    history = model.fit(data, labels, epochs=2, batch_size=4, shuffle=False, verbose=0)
    result[name]["continued"] = history.history["loss"]
(out / "texts.json").write_text(json.dumps(result) + "\n")
