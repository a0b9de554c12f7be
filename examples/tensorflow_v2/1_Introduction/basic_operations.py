"""Does sums with tensors, eagerly and in a tf.function, and differentiates them.

Exercises tf.add, tf.math, tf.matmul, tf.reduce_mean, tf.concat, tf.function, tf.GradientTape and
tf.TensorArray.

Last lines in the baseline cell (TensorFlow 2.4.4, Python 3.8):

    first derivative: 27
    second derivative: 18
    variable: 4
"""

import numpy as np
import tensorflow as tf

# The same numbers every time
SEED = 7
tf.random.set_seed(SEED)
tf.config.threading.set_intra_op_parallelism_threads(1)
tf.config.threading.set_inter_op_parallelism_threads(1)


def describe(tensor):
    """The tensor's numbers on one line, row by row."""
    return " ".join("%.4g" % number for number in np.ravel(tensor))


a = tf.constant(2)
b = tf.constant(3)
c = tf.constant(5)
print("added: %d" % tf.add(a, b))
print("subtracted: %d" % tf.subtract(a, b))
print("multiplied: %d" % tf.multiply(a, b))
print("divided: %.4g" % tf.divide(a, b))
print("mean: %d" % tf.reduce_mean([a, b, c]))
print("sum: %d" % tf.reduce_sum([a, b, c]))

matrix = tf.constant([[1.0, 2.0], [3.0, 4.0]])
other = tf.constant([[5.0, 6.0], [7.0, 8.0]])
print("product: %s" % describe(tf.matmul(matrix, other)))
print("product of elements: %s" % describe(matrix * other))
print("inverse: %s" % describe(tf.linalg.inv(matrix)))
print("concatenated: %s" % describe(tf.concat([matrix, other], axis=1)))
print("cast: %s" % tf.cast(matrix, tf.int32).dtype.name)
print("greatest in rows: %s" % describe(tf.argmax(matrix, axis=1)))


@tf.function
def fibonacci(count):
    """The first Fibonacci numbers, in a loop that AutoGraph turns into graph operations."""
    numbers = tf.TensorArray(tf.int32, size=count)
    last, current = tf.constant(0), tf.constant(1)
    for index in tf.range(count):
        numbers = numbers.write(index, current)
        last, current = current, last + current
    return numbers.stack()


print("fibonacci: %s" % describe(fibonacci(tf.constant(8))))

x = tf.Variable(3.0)
with tf.GradientTape(persistent=True) as tape:
    with tf.GradientTape() as inner:
        y = x * x * x
    slope = inner.gradient(y, x)
print("first derivative: %.4g" % slope)
print("second derivative: %.4g" % tape.gradient(slope, x))
x.assign_add(1.0)
print("variable: %.4g" % x.numpy())
