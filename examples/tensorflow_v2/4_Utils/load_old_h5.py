"""Loads an HDF5 file that TensorFlow 2.4 wrote (data/saved_by_2.4), and trains the model on.

Exercises h5 files of another version: load_weights, tf.keras.models.load_model and the state of the
optimizer.

Fails from 2.16 on: Keras 3 reads the file, and its optimizer does not know the weights to train on.

Last lines in the baseline cell (TensorFlow 2.4.4, Python 3.8):

    steps of the optimizer: 150
    loss after training on: 0.265
    accuracy after training on: 0.910
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

digits = load_digits(one_hot=True)
path = os.path.join(HERE, "saved_by_2.4", "model.h5")


def score(model):
    """The share of right answers on the test digits."""
    predicted = np.argmax(model(digits.test_images), axis=1)
    return np.mean(predicted == np.argmax(digits.test_labels, axis=1))


# The weights alone, into layers of the same sizes
layers = [
    tf.keras.layers.Dense(8, activation="relu", input_shape=(digits.test_images.shape[1],)),
    tf.keras.layers.Dense(10, activation="softmax"),
]
weighted = tf.keras.Sequential(layers)
weighted.load_weights(path)
print("accuracy of the weights: %.3f" % score(weighted))

# The whole model, as its file describes it
model = tf.keras.models.load_model(path)
print("names of the layers: %s" % " ".join(layer.name for layer in model.layers))
print("accuracy of the model: %.3f" % score(model))
print("steps of the optimizer: %d" % model.optimizer.iterations.numpy())
options = {"batch_size": 100, "epochs": 2, "shuffle": False, "verbose": 0}
history = model.fit(digits.train_images, digits.train_labels, **options)
print("loss after training on: %.4g" % history.history["loss"][-1])
print("accuracy after training on: %.3f" % score(model))
