"""Linear regression: gradient descent, one point at a time, finds the line under noisy points.

Exercises tf.placeholder, tf.Variable, tf.train.GradientDescentOptimizer, tf.Session.

Last lines in the baseline cell (TensorFlow 1.13.2, Python 3.7):

    least squares weight: 0.3861
    least squares bias: 1.194
    weight: 0.385
    bias: 1.194
    test cost: 0.004125
"""

from __future__ import absolute_import, division, print_function

import numpy as np
import tensorflow as tf

# The same numbers every time
SEED = 7
np.random.seed(SEED)
tf.set_random_seed(SEED)

SLOPE, INTERCEPT, NOISE = 0.4, 1.2, 0.1
RATE, EPOCHS, REPORT = 0.005, 40, 10


def draw_points(count):
    """Points near the known line: float32 abscissae and ordinates."""
    abscissae = np.random.uniform(-2.0, 2.0, count)
    ordinates = SLOPE * abscissae + INTERCEPT + np.random.normal(0.0, NOISE, count)
    return abscissae.astype(np.float32), ordinates.astype(np.float32)


train_x, train_y = draw_points(40)
test_x, test_y = draw_points(20)

# The graph
x = tf.placeholder(tf.float32, name="x")
y = tf.placeholder(tf.float32, name="y")
weight = tf.Variable(np.float32(np.random.randn()), name="weight")
bias = tf.Variable(np.float32(np.random.randn()), name="bias")
line = tf.add(tf.multiply(x, weight), bias)
cost = tf.reduce_mean(tf.square(line - y)) / 2.0
train = tf.train.GradientDescentOptimizer(RATE).minimize(cost)

config = tf.ConfigProto(intra_op_parallelism_threads=1, inter_op_parallelism_threads=1)

# Training, and what comes of it
with tf.Session(config=config) as session:
    session.run(tf.global_variables_initializer())
    print("weight at the start: %.4g" % session.run(weight))
    print("bias at the start: %.4g" % session.run(bias))
    for epoch in range(1, EPOCHS + 1):
        for point_x, point_y in zip(train_x, train_y):
            session.run(train, feed_dict={x: point_x, y: point_y})
        if epoch % REPORT == 0:
            loss = session.run(cost, feed_dict={x: train_x, y: train_y})
            print("epoch %d training cost: %.4g" % (epoch, loss))
    found_weight, found_bias = session.run([weight, bias])
    test_cost = session.run(cost, feed_dict={x: test_x, y: test_y})

best_weight, best_bias = np.polyfit(train_x.astype(np.float64), train_y.astype(np.float64), 1)
print("least squares weight: %.4g" % best_weight)
print("least squares bias: %.4g" % best_bias)
print("weight: %.4g" % found_weight)
print("bias: %.4g" % found_bias)
print("test cost: %.4g" % test_cost)
