"""Basic operations: constants, placeholders, variables and matrices, computed in a session.

Exercises tf.constant, tf.placeholder, tf.Variable, tf.assign_add, tf.matmul, reductions, tf.cond,
tf.while_loop, tf.matrix_inverse, tf.InteractiveSession.

Made by make_compat.py of tensorflow_v1's script: one import is another.

Last lines in the baseline cell (TensorFlow 1.15.5, Python 3.7):

    squares below 10: 285, large
    normal draw: -0.4148 -1.526 0.7265
    uniform draw: 0.2862 0.5422 0.5039
"""

from __future__ import absolute_import, division, print_function

import numpy as np
import tensorflow.compat.v1 as tf

tf.disable_v2_behavior()

# The same numbers every time
SEED = 7
tf.set_random_seed(SEED)


def show(name, array):
    """Prints an array on one line, four significant digits a number."""
    print("%s: %s" % (name, " ".join("%.4g" % value for value in np.ravel(array))))


config = tf.ConfigProto(intra_op_parallelism_threads=1, inter_op_parallelism_threads=1)
session = tf.InteractiveSession(config=config)

# Constants: their values are part of the graph.
a = tf.constant(2)
b = tf.constant(3)
show("constant sum", session.run(a + b))
show("constant product", session.run(a * b))
show("floor division", session.run(tf.floordiv(b, a)))
show("true division", session.run(tf.truediv(b, a)))

# Placeholders: the graph is a function of what is fed.
x = tf.placeholder(tf.int16)
y = tf.placeholder(tf.int16)
add = tf.add(x, y)
multiply = tf.multiply(x, y)
show("fed sum", session.run(add, feed_dict={x: 4, y: 5}))
show("fed product", session.run(multiply, feed_dict={x: [4, 6], y: [5, 7]}))

# A variable keeps its state between runs of the session.
counter = tf.Variable(10, name="counter", trainable=False)
step = tf.assign_add(counter, 5)
session.run(tf.global_variables_initializer())
show("counter", [session.run(step) for _ in range(3)])

# Matrices: a solved system and reductions along one axis or all.
matrix = tf.constant([[4.0, 1.0], [2.0, 3.0]])
vector = tf.constant([[9.0], [13.0]])
solution = tf.matmul(tf.matrix_inverse(matrix), vector)
show("matrix product", tf.matmul(matrix, matrix).eval())
show("solution", solution.eval())
show("determinant", tf.matrix_determinant(matrix).eval())
show("row sums", tf.reduce_sum(matrix, axis=1).eval())
show("column means", tf.reduce_mean(matrix, axis=0).eval())
show("largest in row", tf.argmax(matrix, axis=1).eval())

# Control flow inside the graph.
limit = tf.placeholder(tf.int32, shape=[])
_, total = tf.while_loop(
    lambda i, total: i < limit, lambda i, total: (i + 1, total + i * i), [tf.constant(0), 0]
)
size = tf.cond(total > 100, lambda: tf.constant("large"), lambda: tf.constant("small"))
for bound in (5, 10):
    value, word = session.run([total, size], feed_dict={limit: bound})
    print("squares below %d: %d, %s" % (bound, value, word.decode("utf-8")))

# Random numbers of a seeded operation: the stream starts anew with each session.
normal = tf.random_normal([3], seed=SEED)
uniform = tf.random_uniform([3], seed=SEED)
show("normal draw", normal.eval())
show("uniform draw", uniform.eval())
session.close()
