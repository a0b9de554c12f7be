"""Reads each digit from the top and from the bottom with two LSTMs.

Exercises tf.nn.rnn_cell.BasicLSTMCell, tf.nn.bidirectional_rnn, tf.unpack and tf.concat(dim,
values).

Last lines in the baseline cell (TensorFlow 0.12.1, Python 3.6):

    test accuracy: 0.977
    time steps: 8
    numbers in one output: 48
"""

import os
import sys

import numpy as np
import tensorflow as tf

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "data"))
from digits import batches, load_digits

# The same numbers every time
SEED = 7
tf.set_random_seed(SEED)
ONE_THREAD = tf.ConfigProto(intra_op_parallelism_threads=1, inter_op_parallelism_threads=1)

BATCH = 100
STEPS = 120
EVERY = 40
RATE = 0.02
UNITS = 24

# The digits
digits = load_digits(one_hot=True, flatten=False)
rows, columns = digits.train_images.shape[1:]  # one row of pixels a time step

# The graph
x = tf.placeholder(tf.float32, [None, rows, columns])
y = tf.placeholder(tf.float32, [None, 10])
steps = tf.unpack(tf.transpose(x, [1, 0, 2]))
start = tf.random_uniform_initializer(-0.2, 0.2, seed=1)
with tf.variable_scope("reader", initializer=start):
    forwards = tf.nn.rnn_cell.BasicLSTMCell(UNITS, forget_bias=1.0)
    backwards = tf.nn.rnn_cell.BasicLSTMCell(UNITS, forget_bias=1.0)
    outputs, down, up = tf.nn.bidirectional_rnn(forwards, backwards, steps, dtype=tf.float32)
weights = tf.Variable(tf.random_normal([2 * UNITS, 10], stddev=0.2, seed=2))
# Each reader's state once it has read all rows; a state is a pair of memory and output.
ends = tf.concat(1, [down[1], up[1]])
logits = tf.matmul(ends, weights) + tf.Variable(tf.zeros([10]))
cost = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(logits, y))
train = tf.train.AdamOptimizer(RATE).minimize(cost)
correct = tf.equal(tf.argmax(logits, 1), tf.argmax(y, 1))
accuracy = tf.reduce_mean(tf.cast(correct, tf.float32))

# Training, and what comes of it
with tf.Session(config=ONE_THREAD) as session:
    session.run(tf.initialize_all_variables())
    drawn = batches(digits.train_images, digits.train_labels, BATCH, seed=SEED)
    for step in range(STEPS):
        images, labels = next(drawn)
        loss = session.run([train, cost], feed_dict={x: images, y: labels})[1]
        if step % EVERY == 0:
            print("cost at step %d: %.4g" % (step, loss))
    unseen = {x: digits.test_images, y: digits.test_labels}
    print("test cost: %.4g" % session.run(cost, feed_dict=unseen))
    print("test accuracy: %.3f" % session.run(accuracy, feed_dict=unseen))
    print("time steps: %d" % len(outputs))
    print("numbers in one output: %d" % outputs[-1].get_shape()[1].value)
