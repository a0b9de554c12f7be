"""Classifies handwritten digits with one layer and a softmax, trained in small batches.

Exercises tf.matmul, tf.nn.softmax, tf.log, tf.reduce_sum(reduction_indices), tf.argmax and
tf.train.GradientDescentOptimizer.

Last lines in the baseline cell (TensorFlow 0.12.1, Python 3.6):

    test accuracy: 0.947
    largest weight: 1.904
    sum of squared weights: 178.4
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
STEPS = 400
RATE = 0.5

digits = load_digits(one_hot=True)
pixels = digits.train_images.shape[1]

x = tf.placeholder(tf.float32, [None, pixels])
y = tf.placeholder(tf.float32, [None, 10])
weights = tf.Variable(tf.zeros([pixels, 10]))
biases = tf.Variable(tf.zeros([10]))
predicted = tf.nn.softmax(tf.matmul(x, weights) + biases)
cost = tf.reduce_mean(-tf.reduce_sum(y * tf.log(predicted), reduction_indices=1))
train = tf.train.GradientDescentOptimizer(RATE).minimize(cost)
correct = tf.equal(tf.argmax(predicted, 1), tf.argmax(y, 1))
accuracy = tf.reduce_mean(tf.cast(correct, tf.float32))

with tf.Session(config=ONE_THREAD) as session:
    session.run(tf.initialize_all_variables())
    drawn = batches(digits.train_images, digits.train_labels, BATCH, seed=SEED)
    for step in range(STEPS):
        images, labels = next(drawn)
        loss = session.run([train, cost], feed_dict={x: images, y: labels})[1]
        if step % 100 == 0:
            print("cost at step %d: %.4g" % (step, loss))
    unseen = {x: digits.test_images, y: digits.test_labels}
    print("test cost: %.4g" % session.run(cost, feed_dict=unseen))
    print("test accuracy: %.3f" % session.run(accuracy, feed_dict=unseen))
    print("largest weight: %.4g" % session.run(tf.reduce_max(weights)))
    print("sum of squared weights: %.4g" % session.run(tf.reduce_sum(tf.square(weights))))
