"""Variational autoencoder: digits as points of a smooth plane, from which new ones can be drawn.

Exercises tf.get_variable, tf.random_normal, tf.exp, tf.nn.tanh, tf.nn.sigmoid,
tf.nn.sigmoid_cross_entropy_with_logits, tf.train.RMSPropOptimizer.

Made by make_compat.py of tensorflow_v1's script: one import is another.

Last lines in the baseline cell (TensorFlow 1.15.5, Python 3.7):

    ink of the drawn images: 0.3053
    ink of the digits: 0.3027
    spread between drawn images: 0.09625
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

HIDDEN, CODE, BATCH, STEPS, REPORT, RATE = 64, 2, 100, 400, 100, 0.005

# The digits
digits = load_digits()
pixels = digits.train_images.shape[1]


def add_layer(inputs, units, name, number):
    """A fully connected layer with seeded weights; the decoder's are shared by their names."""
    with tf.variable_scope(name, reuse=tf.AUTO_REUSE):
        weights = tf.get_variable(
            "weights",
            [inputs.shape[1].value, units],
            initializer=tf.glorot_normal_initializer(seed=SEED + number),
        )
        biases = tf.get_variable("biases", [units], initializer=tf.zeros_initializer())
        return tf.matmul(inputs, weights) + biases


def decode(points):
    """Logits of the pixels at points of the plane."""
    return add_layer(tf.nn.tanh(add_layer(points, HIDDEN, "decode", 3)), pixels, "pixels", 4)


# The graph
x = tf.placeholder(tf.float32, [None, pixels])
hidden = tf.nn.tanh(add_layer(x, HIDDEN, "encode", 0))
mean = add_layer(hidden, CODE, "mean", 1)
log_variance = add_layer(hidden, CODE, "log_variance", 2)
noise = tf.random_normal(tf.shape(mean), seed=SEED)
points = mean + tf.exp(log_variance / 2) * noise
errors = tf.nn.sigmoid_cross_entropy_with_logits(logits=decode(points), labels=x)
rebuilding = tf.reduce_mean(tf.reduce_sum(errors, axis=1))
divergence = -0.5 * tf.reduce_sum(1 + log_variance - tf.square(mean) - tf.exp(log_variance), axis=1)
latent = tf.reduce_mean(divergence)
loss = rebuilding + latent
train = tf.train.RMSPropOptimizer(RATE, epsilon=1e-3).minimize(loss)

grid = tf.placeholder(tf.float32, [None, CODE])
drawn = tf.nn.sigmoid(decode(grid))
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
    losses = session.run([rebuilding, latent, mean], feed_dict={x: digits.test_images})
    axis = np.linspace(-1.5, 1.5, 5)
    plane = np.array([[a, b] for a in axis for b in axis], np.float32)
    images = session.run(drawn, feed_dict={grid: plane})

print("test rebuilding loss: %.4g" % losses[0])
print("test latent loss: %.4g" % losses[1])
print("test mean square code: %.3g" % np.mean(np.square(losses[2])))
print("drawn images: %s" % "x".join("%d" % size for size in images.shape))
print("ink of the drawn images: %.4g" % np.mean(images))
print("ink of the digits: %.4g" % np.mean(digits.test_images))
print("spread between drawn images: %.4g" % np.mean(np.std(images, axis=0)))
