"""Neural network in eager mode: a Keras model of two hidden layers, trained by a Python loop.

Exercises tf.enable_eager_execution, tf.keras.Model (subclassed), tf.layers.Dense, tf.data.Dataset,
and of tf.contrib.eager: Iterator, implicit_gradients, metrics.Mean, metrics.Accuracy.

Last lines in the baseline cell (TensorFlow 1.13.2, Python 3.7):

    steps to 120 mean loss: 0.05819
    steps to 160 mean loss: 0.03677
    shapes of the variables: 64x64 64 64x32 32 32x10 10
    test loss: 0.07631
    test accuracy: 0.967
"""

from __future__ import absolute_import, division, print_function

import os
import sys

import numpy as np
import tensorflow as tf
from tensorflow.contrib import eager as tfe

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "data"))
from digits import CLASSES, load_digits

tf.enable_eager_execution(
    config=tf.ConfigProto(intra_op_parallelism_threads=1, inter_op_parallelism_threads=1)
)
# The same numbers every time
SEED = 7
tf.set_random_seed(SEED)

HIDDEN_1, HIDDEN_2, BATCH, STEPS, REPORT, RATE = 64, 32, 100, 160, 40, 0.01

# The digits
digits = load_digits()
dataset = tf.data.Dataset.from_tensor_slices((digits.train_images, digits.train_labels))
dataset = dataset.shuffle(1000, seed=SEED).repeat().batch(BATCH).prefetch(1)
stream = tfe.Iterator(dataset)


class Network(tf.keras.Model):
    """Two hidden layers and one score a class."""

    def __init__(self):
        super(Network, self).__init__()
        self.hidden_1 = self.make_layer(HIDDEN_1, tf.nn.relu, 0)
        self.hidden_2 = self.make_layer(HIDDEN_2, tf.nn.relu, 1)
        self.out = self.make_layer(CLASSES, None, 2)

    def make_layer(self, units, activation, number):
        """A dense layer with seeded weights."""
        initializer = tf.glorot_uniform_initializer(seed=SEED + number)
        return tf.layers.Dense(units, activation=activation, kernel_initializer=initializer)

    def call(self, images):
        """One score a class for each image."""
        return self.out(self.hidden_2(self.hidden_1(images)))


def find_loss(network, images, labels):
    """Mean cross entropy of the labels."""
    return tf.reduce_mean(
        tf.nn.sparse_softmax_cross_entropy_with_logits(logits=network(images), labels=labels)
    )


network = Network()
optimizer = tf.train.AdamOptimizer(learning_rate=RATE)
find_gradients = tfe.implicit_gradients(find_loss)
mean_loss = tfe.metrics.Mean()

# Training
for step in range(1, STEPS + 1):
    images, labels = stream.next()
    mean_loss(find_loss(network, images, labels))
    optimizer.apply_gradients(find_gradients(network, images, labels))
    if step % REPORT == 0:
        print("steps to %d mean loss: %.4g" % (step, mean_loss.result().numpy()))
        mean_loss = tfe.metrics.Mean()

accuracy = tfe.metrics.Accuracy()
test_images = tf.constant(digits.test_images)
accuracy(tf.argmax(network(test_images), axis=1), digits.test_labels)
shapes = ["x".join("%d" % size for size in variable.shape) for variable in network.variables]
print("shapes of the variables: %s" % " ".join(shapes))
print("test loss: %.4g" % find_loss(network, test_images, digits.test_labels).numpy())
print("test accuracy: %.3f" % accuracy.result().numpy())
