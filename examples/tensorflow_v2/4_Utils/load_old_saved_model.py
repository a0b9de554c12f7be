"""Loads a SavedModel that TensorFlow 2.4 wrote (data/saved_by_2.4), without and with Keras.

Exercises tf.saved_model.load, contains_saved_model, signatures, and tf.keras.models.load_model of a
folder.

Fails on 2.6, whose objects of Keras are unknown to TensorFlow, and from 2.16 on: load_model of
Keras 3 takes no folder.

Last lines in the baseline cell (TensorFlow 2.4.4, Python 3.8):

    layers: pixels hidden digit
    test loss: 0.3576
    test accuracy: 0.900
"""

import os
import sys

import numpy as np
import tensorflow as tf

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "data"))
from digits import HERE, load_digits

# The same numbers every time
SEED = 7
tf.random.set_seed(SEED)
tf.config.threading.set_intra_op_parallelism_threads(1)
tf.config.threading.set_inter_op_parallelism_threads(1)

digits = load_digits()
path = os.path.join(HERE, "saved_by_2.4", "saved_model")


def score(outputs):
    """The share of right answers."""
    return np.mean(np.argmax(outputs, axis=1) == digits.test_labels)


# By TensorFlow
print("a saved model is there: %s" % ("yes" if tf.saved_model.contains_saved_model(path) else "no"))
loaded = tf.saved_model.load(path)
signature = loaded.signatures["serving_default"]
outputs = signature(pixels=tf.constant(digits.test_images))["digit"]
print("accuracy of the signature: %.3f" % score(outputs))
print("mean confidence: %.4g" % np.max(outputs, axis=1).mean())
print("accuracy of the call: %.3f" % score(loaded(digits.test_images)))

# By Keras, as a model again
model = tf.keras.models.load_model(path)
print("layers: %s" % " ".join(layer.name for layer in model.layers))
loss, accuracy = model.evaluate(digits.test_images, np.eye(10)[digits.test_labels], verbose=0)
print("test loss: %.4g" % loss)
print("test accuracy: %.3f" % accuracy)
