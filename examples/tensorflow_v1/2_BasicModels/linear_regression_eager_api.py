"""Linear regression in eager mode: the same line, found by gradients of a plain Python function.

Exercises tf.enable_eager_execution, tf.contrib.eager.Variable, tf.contrib.eager.implicit_gradients,
tf.train.GradientDescentOptimizer.apply_gradients.

Last lines in the baseline cell (TensorFlow 1.13.2, Python 3.7):

    least squares weight: -0.6982
    least squares bias: 2.512
    weight: -0.6982
    bias: 2.508
    test cost: 0.01216
"""

from __future__ import absolute_import, division, print_function

import numpy as np
import tensorflow as tf
from tensorflow.contrib import eager as tfe

tf.enable_eager_execution(
    config=tf.ConfigProto(intra_op_parallelism_threads=1, inter_op_parallelism_threads=1)
)
# The same numbers every time
SEED = 7
np.random.seed(SEED)
tf.set_random_seed(SEED)

SLOPE, INTERCEPT, NOISE = -0.7, 2.5, 0.15
RATE, STEPS, REPORT = 0.05, 120, 30


def draw_points(count):
    """Points near the known line: float32 abscissae and ordinates."""
    abscissae = np.random.uniform(-3.0, 3.0, count)
    ordinates = SLOPE * abscissae + INTERCEPT + np.random.normal(0.0, NOISE, count)
    return abscissae.astype(np.float32), ordinates.astype(np.float32)


train_x, train_y = draw_points(60)
test_x, test_y = draw_points(30)
weight = tfe.Variable(np.float32(np.random.randn()), name="weight")
bias = tfe.Variable(np.float32(np.random.randn()), name="bias")


def predict(inputs):
    """The line's ordinates at the inputs."""
    return inputs * weight + bias


def find_cost(inputs, targets):
    """Half the mean square distance of the line from the targets."""
    return tf.reduce_mean(tf.square(predict(inputs) - targets)) / 2.0


optimizer = tf.train.GradientDescentOptimizer(learning_rate=RATE)
find_gradients = tfe.implicit_gradients(find_cost)

print("cost at the start: %.4g" % find_cost(train_x, train_y).numpy())

# Training
for step in range(1, STEPS + 1):
    optimizer.apply_gradients(find_gradients(train_x, train_y))
    if step % REPORT == 0:
        print("step %d training cost: %.4g" % (step, find_cost(train_x, train_y).numpy()))

best_weight, best_bias = np.polyfit(train_x.astype(np.float64), train_y.astype(np.float64), 1)
print("least squares weight: %.4g" % best_weight)
print("least squares bias: %.4g" % best_bias)
print("weight: %.4g" % weight.numpy())
print("bias: %.4g" % bias.numpy())
print("test cost: %.4g" % find_cost(test_x, test_y).numpy())
