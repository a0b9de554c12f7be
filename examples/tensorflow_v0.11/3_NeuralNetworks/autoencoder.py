"""Squeezes digits through a narrow layer and draws them again.

Exercises tf.nn.sigmoid, tf.pow, tf.train.RMSPropOptimizer and dictionaries of variables.

Last lines in the baseline cell (TensorFlow 0.12.1, Python 3.6):

    share of that error left: 0.4776
    shape of the codes: (300, 16)
    mean of the codes: 0.4706
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
STEPS = 800
RATE = 0.01
HIDDEN = 32
CODE = 16

# The digits
digits = load_digits()
pixels = digits.train_images.shape[1]


def make_layer(inputs, rows, columns, seed):
    """One layer of sigmoid units and its weights."""
    weights = tf.Variable(tf.random_normal([rows, columns], stddev=0.3, seed=seed))
    return tf.nn.sigmoid(tf.matmul(inputs, weights) + tf.Variable(tf.zeros([columns])))


# The graph
x = tf.placeholder(tf.float32, [None, pixels])
code = make_layer(make_layer(x, pixels, HIDDEN, 1), HIDDEN, CODE, 2)
drawn_again = make_layer(make_layer(code, CODE, HIDDEN, 3), HIDDEN, pixels, 4)
cost = tf.reduce_mean(tf.pow(tf.sub(x, drawn_again), 2))
# With the usual epsilon, 1e-10, steps along gradients that are mere rounding are as long as others.
train = tf.train.RMSPropOptimizer(RATE, epsilon=1e-7).minimize(cost)

# Training, and what comes of it
with tf.Session(config=ONE_THREAD) as session:
    session.run(tf.initialize_all_variables())
    drawn = batches(digits.train_images, digits.train_labels, BATCH, seed=SEED)
    for step in range(STEPS):
        loss = session.run([train, cost], feed_dict={x: next(drawn)[0]})[1]
        if step % 200 == 0:
            print("error at step %d: %.4g" % (step, loss))
    error, codes = session.run([cost, code], feed_dict={x: digits.test_images})

plain = np.mean((digits.test_images - digits.train_images.mean(axis=0)) ** 2)
print("test error: %.4g" % error)
print("error of the mean image: %.4g" % plain)
print("share of that error left: %.4g" % (error / plain))
print("shape of the codes: (%d, %d)" % codes.shape)
print("mean of the codes: %.4g" % codes.mean())
