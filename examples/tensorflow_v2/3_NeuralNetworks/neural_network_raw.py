"""Classifies digits with two hidden layers made of plain variables.

Exercises tf.Variable, tf.matmul, tf.nn.sigmoid, tf.GradientTape, tf.optimizers.Adam and
tf.metrics.SparseCategoricalAccuracy with reset_states.

Fails from 2.16 on: metrics of Keras 3 have reset_state, no longer reset_states.

Last lines in the baseline cell (TensorFlow 2.4.4, Python 3.8):

    test accuracy: 0.977
    accuracy on the first half: 0.960
    accuracy on the second half: 0.993
"""

import os
import sys

import numpy as np
import tensorflow as tf

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "data"))
from digits import load_digits

# The same numbers every time
SEED = 7
tf.random.set_seed(SEED)
tf.config.threading.set_intra_op_parallelism_threads(1)
tf.config.threading.set_inter_op_parallelism_threads(1)

BATCH = 100
STEPS = 300

# The digits
digits = load_digits()
pixels = digits.train_images.shape[1]
dataset = tf.data.Dataset.from_tensor_slices((digits.train_images, digits.train_labels))
dataset = dataset.shuffle(2000, seed=SEED).repeat().batch(BATCH).prefetch(1)

generator = np.random.RandomState(SEED)


def make_weights(rows, columns):
    """A matrix of weights that starts near zero."""
    return tf.Variable(generator.normal(0.0, 0.2, (rows, columns)).astype(np.float32))


weights = {
    "first": make_weights(pixels, 64),
    "second": make_weights(64, 32),
    "out": make_weights(32, 10),
}
biases = {name: tf.Variable(tf.zeros([weights[name].shape[1]])) for name in weights}
variables = list(weights.values()) + list(biases.values())
optimizer = tf.optimizers.Adam(0.01)


def predict(x):
    """Probabilities of the ten digits."""
    first = tf.nn.sigmoid(tf.matmul(x, weights["first"]) + biases["first"])
    second = tf.nn.sigmoid(tf.matmul(first, weights["second"]) + biases["second"])
    return tf.nn.softmax(tf.matmul(second, weights["out"]) + biases["out"])


def cross_entropy(predicted, true):
    """The mean cross-entropy against labels 0 to 9."""
    predicted = tf.clip_by_value(predicted, 1e-9, 1.0)
    return tf.reduce_mean(-tf.reduce_sum(tf.one_hot(true, 10) * tf.math.log(predicted), axis=1))


@tf.function
def train(x, y):
    """One step; the loss before it."""
    with tf.GradientTape() as tape:
        loss = cross_entropy(predict(x), y)
    optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables))
    return loss


# Training
for step, (images, labels) in enumerate(dataset.take(STEPS)):
    loss = train(images, labels)
    if step % 100 == 0:
        print("loss at step %d: %.4g" % (step, loss))

# What comes of it
predicted = predict(digits.test_images)
hits = tf.equal(tf.argmax(predicted, 1), digits.test_labels)
print("test loss: %.4g" % cross_entropy(predicted, digits.test_labels))
print("mean squared weight: %.4g" % tf.reduce_mean(tf.square(weights["first"])))
print("test accuracy: %.3f" % tf.reduce_mean(tf.cast(hits, tf.float32)))

# One metric for two sets of digits: it forgets the first before the second.
metric = tf.metrics.SparseCategoricalAccuracy()
for name, part in (("first", slice(0, 150)), ("second", slice(150, 300))):
    metric.reset_states()
    metric.update_state(digits.test_labels[part], predict(digits.test_images[part]))
    print("accuracy on the %s half: %.3f" % (name, metric.result()))
