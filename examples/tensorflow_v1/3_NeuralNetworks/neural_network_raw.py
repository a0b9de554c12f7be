"""Neural network by hand: weight matrices, biases and matrix products, no layer helpers.

Exercises tf.Variable, tf.random_normal, tf.add, tf.matmul, tf.nn.sigmoid,
tf.nn.softmax_cross_entropy_with_logits_v2, tf.train.AdamOptimizer.

Last lines in the baseline cell (TensorFlow 1.13.2, Python 3.7):

    steps to 150 mean loss: 0.3866
    steps to 225 mean loss: 0.1632
    steps to 300 mean loss: 0.09468
    test loss: 0.1122
    test accuracy: 0.970
"""

from __future__ import absolute_import, division, print_function

import os
import sys

import numpy as np
import tensorflow as tf

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "data"))
from digits import CLASSES, batches, load_digits

# The same numbers every time
SEED = 7
tf.set_random_seed(SEED)

HIDDEN_1, HIDDEN_2, BATCH, STEPS, REPORT, RATE = 48, 32, 100, 300, 75, 0.01

# The digits
digits = load_digits(one_hot=True)
pixels = digits.train_images.shape[1]


def draw_weights(rows, columns, number):
    """A variable of seeded normal weights, scaled to the number of inputs."""
    return tf.Variable(tf.random_normal([rows, columns], stddev=rows**-0.5, seed=SEED + number))


# The graph
x = tf.placeholder(tf.float32, [None, pixels])
y = tf.placeholder(tf.float32, [None, CLASSES])
weights = {
    "hidden_1": draw_weights(pixels, HIDDEN_1, 0),
    "hidden_2": draw_weights(HIDDEN_1, HIDDEN_2, 1),
    "out": draw_weights(HIDDEN_2, CLASSES, 2),
}
biases = {
    "hidden_1": tf.Variable(tf.zeros([HIDDEN_1])),
    "hidden_2": tf.Variable(tf.zeros([HIDDEN_2])),
    "out": tf.Variable(tf.zeros([CLASSES])),
}
layer_1 = tf.nn.sigmoid(tf.add(tf.matmul(x, weights["hidden_1"]), biases["hidden_1"]))
layer_2 = tf.nn.sigmoid(tf.add(tf.matmul(layer_1, weights["hidden_2"]), biases["hidden_2"]))
logits = tf.add(tf.matmul(layer_2, weights["out"]), biases["out"])
loss = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits_v2(logits=logits, labels=y))
train = tf.train.AdamOptimizer(RATE).minimize(loss)
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
        _, value = session.run([train, loss], feed_dict={x: images, y: labels})
        total += value
        if step % REPORT == 0:
            print("steps to %d mean loss: %.4g" % (step, total / REPORT))
            total = 0.0
    test_feed = {x: digits.test_images, y: digits.test_labels}
    print("test loss: %.4g" % session.run(loss, feed_dict=test_feed))
    print("test accuracy: %.3f" % session.run(accuracy, feed_dict=test_feed))
