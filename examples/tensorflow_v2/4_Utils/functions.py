"""Turns Python into graphs and counts how often a function is traced.

Exercises tf.function with input_signature and experimental_relax_shapes, AutoGraph loops,
tf.Variable in functions, get_concrete_function and the errors of wrong inputs.

Differs from 2.9 on in how often it is traced, from 2.13 on in the kind of the error.

Last lines in the baseline cell (TensorFlow 2.4.4, Python 3.8):

    first operation: Placeholder
    error of a wrong shape: ValueError
    traces of five lengths: 3
"""

import numpy as np
import tensorflow as tf

# The same numbers every time
SEED = 7
tf.random.set_seed(SEED)
tf.config.threading.set_intra_op_parallelism_threads(1)
tf.config.threading.set_inter_op_parallelism_threads(1)

traced = []


@tf.function
def double(x):
    """Twice x; notes each time that it is traced."""
    traced.append(1)
    return 2 * x


for value in (1, 2, tf.constant(1), tf.constant(2), tf.constant(1.0)):
    double(value)
print("traces of five calls: %d" % len(traced))


@tf.function
def collatz(n):
    """Steps from n down to 1."""
    steps = 0
    while n > 1:
        n = n // 2 if n % 2 == 0 else 3 * n + 1
        steps += 1
    return steps


print("steps from 27: %d" % collatz(tf.constant(27)))
counter = tf.Variable(0)


@tf.function(input_signature=[tf.TensorSpec([None], tf.float32)])
def add_up(x):
    """The sum; counts its calls."""
    counter.assign_add(1)
    return tf.reduce_sum(x)


print("sums: %g %g" % (add_up([1.0, 2.0]), add_up([3.0])))
print("calls: %d" % counter.numpy())
concrete = double.get_concrete_function(tf.TensorSpec([2], tf.float32))
print("inputs of the graph: %d" % len(concrete.inputs))
print("first operation: %s" % concrete.graph.get_operations()[0].type)

# A wrong input
try:
    add_up([[1.0], [2.0]])
except (TypeError, ValueError) as error:
    print("error of a wrong shape: %s" % type(error).__name__)

# Shapes that vary: traced anew for each, or once for all
shaped = []


@tf.function(experimental_relax_shapes=True)
def widen(x):
    """The mean of a vector of any length."""
    shaped.append(1)
    return tf.reduce_mean(x)


for length in (1, 2, 3, 4, 5):
    widen(tf.ones([length]))
print("traces of five lengths: %d" % len(shaped))
