"""Saves a model as a SavedModel, reads its signatures, and loads it with and without Keras.

Exercises tf.saved_model.save and load, signatures, tf.keras.models.load_model and Model.save to a
folder.

Fails from 2.16 on: save of Keras 3 writes no folder; the output has another name before that.

Last lines in the baseline cell (TensorFlow 2.4.4, Python 3.8):

    name of its output: digit
    loaded model gives the same: yes
    layers of the loaded model: 2
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

digits = load_digits()
pixels = digits.train_images.shape[1]
inputs = tf.keras.Input(shape=(pixels,), name="pixels")
outputs = tf.keras.layers.Dense(10, activation="softmax", name="digit")(inputs)
model = tf.keras.Model(inputs, outputs)
model.set_weights(draw_weights(model.get_weights(), SEED))
expected = model(digits.test_images).numpy()


def agree(found):
    """yes if these are the outputs of the saved model."""
    return "yes" if np.allclose(found, expected, atol=1e-6) else "no"


class Scaled(tf.Module):
    """A module without Keras: one variable and one function with a signature."""

    def __init__(self):
        super(Scaled, self).__init__()
        self.factor = tf.Variable(3.0)

    @tf.function(input_signature=[tf.TensorSpec([None], tf.float32)])
    def __call__(self, x):
        """The scaled numbers."""
        return {"scaled": self.factor * x}


# A module
tf.saved_model.save(Scaled(), "module")
module = tf.saved_model.load("module")
print("module gives: %s" % " ".join("%g" % x for x in module(tf.constant([1.0, 2.0]))["scaled"]))

# A Keras model by TensorFlow's own function
tf.saved_model.save(model, "by_tensorflow")
again = tf.saved_model.load("by_tensorflow")
signature = again.signatures["serving_default"]
(found,) = signature(tf.constant(digits.test_images)).values()
print("signature gives the same: %s" % agree(found))
print("name of its input: %s" % " ".join(sorted(signature.structured_input_signature[1])))
print("name of its output: %s" % " ".join(sorted(signature.structured_outputs)))

# By Keras
model.save("by_keras")
loaded = tf.keras.models.load_model("by_keras")
print("loaded model gives the same: %s" % agree(loaded(digits.test_images)))
print("layers of the loaded model: %d" % len(loaded.layers))
