"""Reads each digit row by row with an LSTM and classifies it by the last output.

Exercises tf.nn.rnn_cell.BasicLSTMCell, tf.nn.rnn over a list of steps and
tf.split(dim, parts, value).

Last lines in the baseline cell (TensorFlow 0.12.1, Python 3.6):

    test accuracy: 0.910
    time steps: 8
    mean size of the last cell state: 1.048
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
STEPS = 150
EVERY = 50
RATE = 0.015
UNITS = 32

# The digits
digits = load_digits(one_hot=True, flatten=False)
rows, columns = digits.train_images.shape[1:]  # one row of pixels a time step

# The graph
x = tf.placeholder(tf.float32, [None, rows, columns])
y = tf.placeholder(tf.float32, [None, 10])
steps = tf.transpose(x, [1, 0, 2])
steps = tf.split(0, rows, tf.reshape(steps, [-1, columns]))
start = tf.random_uniform_initializer(-0.2, 0.2, seed=1)
with tf.variable_scope("reader", initializer=start):
    cell = tf.nn.rnn_cell.BasicLSTMCell(UNITS, forget_bias=1.0)
    outputs, state = tf.nn.rnn(cell, steps, dtype=tf.float32)
weights = tf.Variable(tf.random_normal([UNITS, 10], stddev=0.2, seed=2))
logits = tf.matmul(outputs[-1], weights) + tf.Variable(tf.zeros([10]))
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
    cells = session.run(state[0], feed_dict=unseen)
    print("mean size of the last cell state: %.4g" % np.abs(cells).mean())
