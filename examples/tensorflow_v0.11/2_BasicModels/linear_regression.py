"""Fits a line to noisy points by gradient descent and compares it with least squares.

The points scatter about y = 0.25 x + 0.8. Exercises tf.placeholder, tf.Variable, tf.pow,
tf.train.GradientDescentOptimizer and tf.initialize_all_variables.

Last lines in the baseline cell (TensorFlow 0.12.1, Python 3.6):

    prediction at 4: 1.8
    least squares weight: 0.2445
    least squares bias: 0.8219
"""

import numpy as np
import tensorflow as tf

# The same numbers every time
SEED = 7
tf.set_random_seed(SEED)
ONE_THREAD = tf.ConfigProto(intra_op_parallelism_threads=1, inter_op_parallelism_threads=1)

STEPS = 800
RATE = 0.05

generator = np.random.RandomState(SEED)
points_x = generator.uniform(0.0, 10.0, 40).astype(np.float32)
points_y = (0.25 * points_x + 0.8 + generator.normal(0.0, 0.1, 40)).astype(np.float32)

x = tf.placeholder(tf.float32)
y = tf.placeholder(tf.float32)
weight = tf.Variable(0.5, name="weight")
bias = tf.Variable(0.1, name="bias")
predicted = tf.add(tf.mul(x, weight), bias)
cost = tf.reduce_sum(tf.pow(tf.sub(predicted, y), 2)) / (2 * len(points_x))
train = tf.train.GradientDescentOptimizer(RATE).minimize(cost)

with tf.Session(config=ONE_THREAD) as session:
    session.run(tf.initialize_all_variables())
    everything = {x: points_x, y: points_y}
    for step in range(STEPS):
        if step % 200 == 0:
            print("cost after %d steps: %.4g" % (step, session.run(cost, feed_dict=everything)))
        session.run(train, feed_dict=everything)
    print("final cost: %.4g" % session.run(cost, feed_dict=everything))
    print("weight: %.4g" % session.run(weight))
    print("bias: %.4g" % session.run(bias))
    print("prediction at 4: %.4g" % session.run(predicted, feed_dict={x: 4.0}))

slope, intercept = np.polyfit(points_x.astype(np.float64), points_y.astype(np.float64), 1)
print("least squares weight: %.4g" % slope)
print("least squares bias: %.4g" % intercept)
