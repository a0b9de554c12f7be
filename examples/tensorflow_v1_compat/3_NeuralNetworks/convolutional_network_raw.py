"""Convolutional network by hand: filters as variables, pooling windows and dropout spelt out.

Exercises tf.nn (conv2d, bias_add, max_pool, dropout with keep_prob, lrn),
tf.truncated_normal, tf.placeholder_with_default.

Made by make_compat.py of tensorflow_v1's script: one import is another.

Last lines in the baseline cell (TensorFlow 1.15.5, Python 3.7):

    trained variables: 8
    test loss: 0.2088
    test accuracy: 0.930
"""

from __future__ import absolute_import, division, print_function

import os
import sys

import numpy as np
import tensorflow.compat.v1 as tf

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "data"))
from digits import CLASSES, batches, load_digits

tf.disable_v2_behavior()

# The same numbers every time
SEED = 7
tf.set_random_seed(SEED)

FILTERS_1, FILTERS_2, HIDDEN, BATCH, STEPS, REPORT, RATE = 16, 32, 64, 64, 120, 30, 0.003
KEEP = 0.75

# The digits
digits = load_digits(one_hot=True)
height, width = load_digits(flatten=False).train_images.shape[1:]
pixels = height * width
shrunk = ((height + 3) // 4) * ((width + 3) // 4)  # after two poolings that halve, rounding up


def draw_weights(shape, number):
    """A variable of seeded weights, scaled to the number of inputs of a unit."""
    inputs = np.prod(shape[:-1])
    return tf.Variable(tf.truncated_normal(shape, stddev=inputs**-0.5, seed=SEED + number))


def make_biases(count):
    """A variable of small biases, so that no unit starts dead."""
    return tf.Variable(tf.constant(0.1, shape=[count]))


def add_convolution(images, weights, biases):
    """Convolution with stride 1, then ReLU, then pooling that halves height and width."""
    layer = tf.nn.conv2d(images, weights, strides=[1, 1, 1, 1], padding="SAME")
    layer = tf.nn.relu(tf.nn.bias_add(layer, biases))
    return tf.nn.max_pool(layer, ksize=[1, 2, 2, 1], strides=[1, 2, 2, 1], padding="SAME")


# The graph
x = tf.placeholder(tf.float32, [None, pixels])
y = tf.placeholder(tf.float32, [None, CLASSES])
keep = tf.placeholder_with_default(1.0, [])
layer = tf.reshape(x, [-1, height, width, 1])
layer = add_convolution(layer, draw_weights([3, 3, 1, FILTERS_1], 0), make_biases(FILTERS_1))
layer = tf.nn.lrn(layer, depth_radius=2, alpha=0.01)
layer = add_convolution(
    layer, draw_weights([3, 3, FILTERS_1, FILTERS_2], 1), make_biases(FILTERS_2)
)
print("shape after the convolutions: %s" % "x".join("%d" % size for size in layer.shape[1:]))
layer = tf.reshape(layer, [-1, shrunk * FILTERS_2])
hidden = draw_weights([shrunk * FILTERS_2, HIDDEN], 2)
layer = tf.nn.relu(tf.matmul(layer, hidden) + make_biases(HIDDEN))
layer = tf.nn.dropout(layer, keep_prob=keep, seed=SEED)
logits = tf.matmul(layer, draw_weights([HIDDEN, CLASSES], 3)) + tf.Variable(tf.zeros([CLASSES]))
loss = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits_v2(logits=logits, labels=y))
train = tf.train.AdamOptimizer(learning_rate=RATE).minimize(loss)
hits = tf.equal(tf.argmax(logits, 1), tf.argmax(y, 1))
accuracy = tf.reduce_mean(tf.cast(hits, tf.float32))

config = tf.ConfigProto(intra_op_parallelism_threads=1, inter_op_parallelism_threads=1)

# Training, and what comes of it
with tf.Session(config=config) as session:
    session.run(tf.global_variables_initializer())
    stream = batches(digits.train_images, digits.train_labels, BATCH, seed=SEED)
    total = 0.0
    for step in range(1, STEPS + 1):
        images, labels = next(stream)
        _, value = session.run([train, loss], feed_dict={x: images, y: labels, keep: KEEP})
        total += value
        if step % REPORT == 0:
            print("steps to %d mean loss: %.4g" % (step, total / REPORT))
            total = 0.0
    test_feed = {x: digits.test_images, y: digits.test_labels}
    print("trained variables: %d" % len(tf.trainable_variables()))
    print("test loss: %.4g" % session.run(loss, feed_dict=test_feed))
    print("test accuracy: %.3f" % session.run(accuracy, feed_dict=test_feed))
