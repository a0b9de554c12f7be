"""Autoencoder: digits squeezed through a narrow layer and rebuilt, without any labels.

Exercises tf.nn.sigmoid, tf.pow, tf.train.RMSPropOptimizer, tf.random_uniform.

Made by make_compat.py of tensorflow_v1's script: one import is another.

Last lines in the baseline cell (TensorFlow 1.15.5, Python 3.7):

    correlation of copies with originals: 0.8993
    test loss of the mean image: 0.07175
    test loss: 0.02721
"""

from __future__ import absolute_import, division, print_function

import os
import sys

import numpy as np
import tensorflow.compat.v1 as tf

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "data"))
from digits import batches, load_digits

tf.disable_v2_behavior()

# The same numbers every time
SEED = 7
tf.set_random_seed(SEED)

HIDDEN, CODE, BATCH, STEPS, REPORT, RATE = 48, 16, 128, 400, 100, 0.005

# The digits
digits = load_digits()
pixels = digits.train_images.shape[1]


def add_layer(inputs, units, number):
    """A fully connected sigmoid layer with seeded uniform weights."""
    rows = inputs.shape[1].value
    limit = 4.0 * (6.0 / (rows + units)) ** 0.5  # Glorot's bound for the sigmoid
    weights = tf.random_uniform([rows, units], -limit, limit, seed=SEED + number)
    return tf.nn.sigmoid(tf.matmul(inputs, tf.Variable(weights)) + tf.Variable(tf.zeros([units])))


# The graph
x = tf.placeholder(tf.float32, [None, pixels])
code = add_layer(add_layer(x, HIDDEN, 0), CODE, 1)
rebuilt = add_layer(add_layer(code, HIDDEN, 2), pixels, 3)
loss = tf.reduce_mean(tf.pow(x - rebuilt, 2))
# With the usual epsilon, 1e-10, steps along gradients that are mere rounding are as long as others.
train = tf.train.RMSPropOptimizer(RATE, epsilon=1e-8).minimize(loss)

config = tf.ConfigProto(intra_op_parallelism_threads=1, inter_op_parallelism_threads=1)

# Training, and what comes of it
with tf.Session(config=config) as session:
    session.run(tf.global_variables_initializer())
    stream = batches(digits.train_images, digits.train_labels, BATCH, seed=SEED)
    total = 0.0
    for step in range(1, STEPS + 1):
        images, _ = next(stream)
        total += session.run([train, loss], feed_dict={x: images})[1]
        if step % REPORT == 0:
            print("steps to %d mean loss: %.4g" % (step, total / REPORT))
            total = 0.0
    test_loss, codes, copies = session.run([loss, code, rebuilt], {x: digits.test_images})

mean_image = digits.train_images.mean(axis=0)
agreement = np.corrcoef(digits.test_images.ravel(), copies.ravel())[0, 1]
print("shape of a code: %d" % codes.shape[1])
print("mean of the codes: %.4g" % np.mean(codes))
print("correlation of copies with originals: %.4g" % agreement)
print("test loss of the mean image: %.4g" % np.mean((digits.test_images - mean_image) ** 2))
print("test loss: %.4g" % test_loss)
