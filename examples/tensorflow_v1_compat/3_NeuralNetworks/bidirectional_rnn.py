"""Bidirectional network: one LSTM reads a digit's rows downwards, another upwards.

Exercises tf.nn (rnn_cell.LSTMCell, static_bidirectional_rnn), tf.unstack,
tf.clip_by_global_norm, Optimizer.apply_gradients.

Made by make_compat.py of tensorflow_v1's script.
The cells and static_bidirectional_rnn of tf.contrib.rnn are in tf.nn.

Last lines in the baseline cell (TensorFlow 1.15.5, Python 3.7):

    norm of the gradients at 90: 0.542
    test loss: 0.3169
    test accuracy: 0.910
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

HIDDEN, BATCH, STEPS, REPORT, RATE, CLIP = 32, 100, 90, 30, 0.01, 5.0

# The digits
digits = load_digits(one_hot=True, flatten=False)
height, width = digits.train_images.shape[1:]


def make_cell(number):
    """An LSTM cell with seeded weights of its own."""
    return tf.nn.rnn_cell.LSTMCell(HIDDEN, initializer=tf.glorot_uniform_initializer(seed=SEED + number))


# The graph
x = tf.placeholder(tf.float32, [None, height, width])
y = tf.placeholder(tf.float32, [None, CLASSES])
outputs, down_state, up_state = tf.nn.static_bidirectional_rnn(
    make_cell(0), make_cell(1), tf.unstack(x, height, axis=1), dtype=tf.float32
)
print("width of an output: %d" % outputs[-1].shape[1])
weights = tf.Variable(tf.random_normal([2 * HIDDEN, CLASSES], stddev=0.1, seed=SEED))
biases = tf.Variable(tf.zeros([CLASSES]))
both_ends = tf.concat([down_state.h, up_state.h], axis=1)
logits = tf.matmul(both_ends, weights) + biases
loss = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits_v2(logits=logits, labels=y))
optimizer = tf.train.AdamOptimizer(RATE)
gradients, variables = zip(*optimizer.compute_gradients(loss))
gradients, norm = tf.clip_by_global_norm(gradients, CLIP)
train = optimizer.apply_gradients(zip(gradients, variables))
hits = tf.equal(tf.argmax(logits, 1), tf.argmax(y, 1))
accuracy = tf.reduce_mean(tf.cast(hits, tf.float32))
print("variables: %d" % len(variables))

config = tf.ConfigProto(intra_op_parallelism_threads=1, inter_op_parallelism_threads=1)

# Training, and what comes of it
with tf.Session(config=config) as session:
    session.run(tf.global_variables_initializer())
    stream = batches(digits.train_images, digits.train_labels, BATCH, seed=SEED)
    total = 0.0
    for step in range(1, STEPS + 1):
        images, labels = next(stream)
        _, value, size = session.run([train, loss, norm], feed_dict={x: images, y: labels})
        total += value
        if step % REPORT == 0:
            print("steps to %d mean loss: %.4g" % (step, total / REPORT))
            print("norm of the gradients at %d: %.3g" % (step, size))
            total = 0.0
    test_feed = {x: digits.test_images, y: digits.test_labels}
    print("test loss: %.4g" % session.run(loss, feed_dict=test_feed))
    print("test accuracy: %.3f" % session.run(accuracy, feed_dict=test_feed))
