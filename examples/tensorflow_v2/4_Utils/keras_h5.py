"""Saves a compiled model to one HDF5 file, loads it, and trains it on.

Exercises Model.save with .h5, tf.keras.models.load_model, save_weights and load_weights by name,
and training that goes on with the optimizer as it was.

Fails from 2.16 on: Keras 3 does not find the loss 'mse' that the file names.

Last lines in the baseline cell (TensorFlow 2.4.4, Python 3.8):

    metrics of the loaded model: loss accuracy
    training goes on alike: yes
    test loss after training on: 0.006371
"""

import os
import sys

import numpy as np
import tensorflow as tf

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "data"))
from digits import load_digits
from weights import draw_weights

# The same numbers every time
SEED = 7
tf.random.set_seed(SEED)
tf.config.threading.set_intra_op_parallelism_threads(1)
tf.config.threading.set_inter_op_parallelism_threads(1)

BATCH = 100

digits = load_digits(one_hot=True)
pixels = digits.train_images.shape[1]


def make_model():
    """A network of one hidden layer; the same weights every time."""
    model = tf.keras.Sequential(
        [
            tf.keras.layers.Dense(32, activation="relu", input_shape=(pixels,), name="hidden"),
            tf.keras.layers.Dense(10, activation="softmax", name="out"),
        ]
    )
    model.set_weights(draw_weights(model.get_weights(), SEED))
    return model


def fit(model):
    """Train in the same order of rows every time."""
    options = {"batch_size": BATCH, "epochs": 18, "shuffle": False, "verbose": 0}
    model.fit(digits.train_images, digits.train_labels, **options)


model = make_model()
model.compile(tf.keras.optimizers.Adam(0.01, epsilon=1e-3), "mse", metrics=["accuracy"])
fit(model)
loss, accuracy = model.evaluate(digits.test_images, digits.test_labels, verbose=0)
print("test loss: %.4g" % loss)
print("test accuracy: %.3f" % accuracy)

# Weights alone
model.save_weights("model.weights.h5")
weighted = make_model()
weighted.load_weights("model.weights.h5")
before, after = model(digits.test_images), weighted(digits.test_images)
print("weights give the same: %s" % ("yes" if np.allclose(before, after, atol=1e-6) else "no"))

# The whole model, which goes on training as if it had not been saved
model.save("model.h5")
loaded = tf.keras.models.load_model("model.h5")
print("metrics of the loaded model: %s" % " ".join(metric.name for metric in loaded.metrics))
fit(model)
fit(loaded)
same = np.allclose(model(digits.test_images), loaded(digits.test_images), atol=1e-4)
print("training goes on alike: %s" % ("yes" if same else "no"))
loss, accuracy = loaded.evaluate(digits.test_images, digits.test_labels, verbose=0)
print("test loss after training on: %.4g" % loss)
