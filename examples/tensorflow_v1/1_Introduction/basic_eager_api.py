"""Eager mode: operations run at once, mix with numpy, follow Python's control flow, and derive.

Exercises tf.enable_eager_execution, tf.GradientTape, and of tf.contrib.eager: Variable,
gradients_function, value_and_gradients_function, implicit_gradients.

Last lines in the baseline cell (TensorFlow 1.13.2, Python 3.7):

    slope at 3: 15
    curvature at 3: 14
    tape gradient: 32
    weight after five steps: 0.6454
    seeded normal draw: -0.4148 -1.526 0.7265
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
tf.set_random_seed(SEED)


def show(name, array):
    """Prints an array on one line, four significant digits a number."""
    print("%s: %s" % (name, " ".join("%.4g" % value for value in np.ravel(array))))


print("executing eagerly: %s" % tf.executing_eagerly())

# Values are there at once, no session.
a = tf.constant(2)
b = tf.constant(3)
show("sum", (a + b).numpy())
show("product", (a * b).numpy())

# Tensors and numpy arrays mix.
tensor = tf.constant([[2.0, 1.0], [1.0, 0.5]])
array = np.array([[3.0, 0.0], [5.0, 1.0]], dtype=np.float32)
show("tensor plus array", (tensor + array).numpy())
show("tensor times array", tf.matmul(tensor, array).numpy())
show("numpy mean of a tensor", np.mean(tensor))
show("rows", [tf.reduce_sum(row).numpy() for row in tensor])


def collatz_length(number):
    """Steps of the Collatz sequence to 1, with Python's while and if on tensors."""
    number = tf.constant(number)
    length = 0
    while number > 1:
        number = number // 2 if tf.equal(number % 2, 0) else 3 * number + 1
        length += 1
    return length


print("collatz length from 27: %d" % collatz_length(27))


def cubic(x):
    """A polynomial whose derivatives are known: 3 x^2 - 4 x and 6 x - 4."""
    return x * x * x - 2.0 * x * x


# Functions in, derivatives out.
first = tfe.gradients_function(cubic)
second = tfe.gradients_function(lambda x: first(x)[0])
value, (slope,) = tfe.value_and_gradients_function(cubic)(3.0)
show("cubic at 3", value.numpy())
show("slope at 3", slope.numpy())
show("curvature at 3", second(3.0)[0].numpy())

# The tape records what happens to variables.
weight = tfe.Variable(1.5, name="weight")
with tf.GradientTape() as tape:
    loss = tf.square(weight * 4.0 - 2.0)
show("tape gradient", tape.gradient(loss, weight).numpy())

# Gradients with respect to every variable that the function reads.
find_gradients = tfe.implicit_gradients(lambda: tf.square(weight * 4.0 - 2.0))
rate = 0.01
for _ in range(5):
    for gradient, variable in find_gradients():
        variable.assign_sub(rate * gradient)
show("weight after five steps", weight.numpy())
show("seeded normal draw", tf.random_normal([3], seed=SEED).numpy())
