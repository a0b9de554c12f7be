"""Logistic regression: a softmax over ten linear scores reads handwritten digits.

Exercises tf.placeholder, tf.nn.softmax, tf.log, tf.reduce_sum(reduction_indices),
tf.train.GradientDescentOptimizer, Tensor.eval.

Made by make_compat.py of tensorflow_v1's script: one import is another.

Last lines in the baseline cell (TensorFlow 1.15.5, Python 3.7):

    mean square bias: 0.007992
    test cost: 0.3231
    test accuracy: 0.940
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

RATE, BATCH, STEPS, REPORT = 0.3, 100, 300, 75

# The digits
digits = load_digits(one_hot=True)
pixels = digits.train_images.shape[1]

# The graph
x = tf.placeholder(tf.float32, [None, pixels])
y = tf.placeholder(tf.float32, [None, CLASSES])
weights = tf.Variable(tf.zeros([pixels, CLASSES]))
biases = tf.Variable(tf.zeros([CLASSES]))
prediction = tf.nn.softmax(tf.matmul(x, weights) + biases)
cost = tf.reduce_mean(-tf.reduce_sum(y * tf.log(prediction), reduction_indices=1))
train = tf.train.GradientDescentOptimizer(RATE).minimize(cost)
hits = tf.equal(tf.argmax(prediction, 1), tf.argmax(y, 1))
accuracy = tf.reduce_mean(tf.cast(hits, tf.float32))

config = tf.ConfigProto(intra_op_parallelism_threads=1, inter_op_parallelism_threads=1)

# Training, and what comes of it
with tf.Session(config=config) as session:
    session.run(tf.global_variables_initializer())
    stream = batches(digits.train_images, digits.train_labels, BATCH, seed=SEED)
    total = 0.0
    for step in range(1, STEPS + 1):
        images, labels = next(stream)
        _, loss = session.run([train, cost], feed_dict={x: images, y: labels})
        total += loss
        if step % REPORT == 0:
            print("steps to %d mean cost: %.4g" % (step, total / REPORT))
            total = 0.0
    test_feed = {x: digits.test_images, y: digits.test_labels}
    print("largest weight: %.4g" % np.max(session.run(weights)))
    print("mean square weight: %.4g" % np.mean(np.square(weights.eval())))
    print("mean square bias: %.4g" % np.mean(np.square(biases.eval())))
    print("test cost: %.4g" % cost.eval(test_feed))
    print("test accuracy: %.3f" % accuracy.eval(test_feed))
