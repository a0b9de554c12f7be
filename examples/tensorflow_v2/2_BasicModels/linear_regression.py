"""Fits a line to noisy points by gradient descent and compares it with least squares.

The points scatter about y = 0.25 x + 0.8. Exercises tf.Variable, tf.GradientTape,
tf.optimizers.SGD and its minimize.

Fails from 2.16 on: an optimizer of Keras 3 has no minimize.

Last lines in the baseline cell (TensorFlow 2.4.4, Python 3.8):

    least squares bias: 0.8219
    weight in the end: 0.2361
    bias in the end: 0.8219
"""

import numpy as np
import tensorflow as tf

# The same numbers every time
SEED = 7
tf.random.set_seed(SEED)
tf.config.threading.set_intra_op_parallelism_threads(1)
tf.config.threading.set_inter_op_parallelism_threads(1)

STEPS = 300

generator = np.random.RandomState(SEED)
points_x = generator.uniform(0.0, 4.0, 40).astype(np.float32)
points_y = (0.25 * points_x + 0.8 + generator.normal(0.0, 0.1, 40)).astype(np.float32)

weight = tf.Variable(0.5, name="weight")
bias = tf.Variable(0.1, name="bias")
optimizer = tf.optimizers.SGD(learning_rate=0.12)


def predict(x):
    """The line's value at x."""
    return weight * x + bias


def mean_square(predicted, true):
    """The mean squared error."""
    return tf.reduce_mean(tf.square(predicted - true))


# Training
for step in range(STEPS):
    with tf.GradientTape() as tape:
        loss = mean_square(predict(points_x), points_y)
    gradients = tape.gradient(loss, [weight, bias])
    optimizer.apply_gradients(zip(gradients, [weight, bias]))
    if step % 100 == 0:
        print("loss at step %d: %.4g" % (step, loss))

slope, intercept = np.polyfit(points_x.astype(np.float64), points_y.astype(np.float64), 1)
print("final loss: %.4g" % mean_square(predict(points_x), points_y))
print("weight: %.4g" % weight.numpy())
print("bias: %.4g" % bias.numpy())
print("prediction at 3: %.4g" % predict(3.0))
print("least squares weight: %.4g" % slope)
print("least squares bias: %.4g" % intercept)

# The short way: minimize opens the tape and applies the gradients itself.
for _ in range(STEPS):
    optimizer.minimize(lambda: mean_square(predict(points_x), points_y), [weight, bias])
print("weight in the end: %.4g" % weight.numpy())
print("bias in the end: %.4g" % bias.numpy())
