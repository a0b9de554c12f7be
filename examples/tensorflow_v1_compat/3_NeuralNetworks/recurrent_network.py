"""Recurrent network: an LSTM reads each digit row by row and answers after the last row.

Exercises tf.nn (BasicLSTMCell, static_rnn), tf.unstack, tf.get_variable.

Made by make_compat.py of tensorflow_v1's script.
The cells and static_rnn of tf.contrib.rnn are in tf.nn.

Last lines in the baseline cell (TensorFlow 1.15.5, Python 3.7):

    steps to 160 mean loss: 0.1433
    test loss: 0.21
    test accuracy: 0.923
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

HIDDEN, BATCH, STEPS, REPORT, RATE = 32, 100, 160, 40, 0.02

# The digits
digits = load_digits(one_hot=True, flatten=False)
height, width = digits.train_images.shape[1:]

# The graph
x = tf.placeholder(tf.float32, [None, height, width])
y = tf.placeholder(tf.float32, [None, CLASSES])
rows = tf.unstack(x, height, axis=1)
with tf.variable_scope("reader", initializer=tf.glorot_uniform_initializer(seed=SEED)):
    cell = tf.nn.rnn_cell.BasicLSTMCell(HIDDEN, forget_bias=1.0)
    outputs, state = tf.nn.static_rnn(cell, rows, dtype=tf.float32)
    weights = tf.get_variable("weights", [HIDDEN, CLASSES])
    biases = tf.get_variable("biases", [CLASSES], initializer=tf.zeros_initializer())
logits = tf.matmul(outputs[-1], weights) + biases
print("outputs: %d" % len(outputs))
print("cell state: %s" % type(state).__name__)
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
