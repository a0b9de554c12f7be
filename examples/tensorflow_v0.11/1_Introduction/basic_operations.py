"""Does sums with constants, placeholders and matrices, in the argument order of TensorFlow 0.12.

Exercises tf.add, tf.sub, tf.mul, tf.neg, tf.matmul, tf.batch_matmul, tf.concat(dim, values),
tf.split(dim, parts, value), tf.pack, tf.unpack and the reductions with reduction_indices.

At home the last lines read:

    packed again: 1 2 3 4 5 6
    sums of rows: 6 15
    means of columns: 2.5 3.5 4.5
"""

import random

import numpy as np
import tensorflow as tf

SEED = 7
random.seed(SEED)
np.random.seed(SEED)
tf.set_random_seed(SEED)
ONE_THREAD = tf.ConfigProto(intra_op_parallelism_threads=1, inter_op_parallelism_threads=1)

a = tf.constant(2)
b = tf.constant(3)
x = tf.placeholder(tf.int32)
y = tf.placeholder(tf.int32)
row = tf.constant([[3.0, 3.0]])
column = tf.constant([[2.0], [2.0]])
table = tf.constant([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
stack = tf.constant(np.arange(8, dtype=np.float32).reshape(2, 2, 2))


def describe(array):
    """The array's numbers on one line, row by row."""
    return " ".join("%.4g" % number for number in np.ravel(array))


with tf.Session(config=ONE_THREAD) as session:
    print("constants added: %d" % session.run(tf.add(a, b)))
    print("constants multiplied: %d" % session.run(tf.mul(a, b)))
    fed = {x: 7, y: 5}
    print("placeholders subtracted: %d" % session.run(tf.sub(x, y), feed_dict=fed))
    print("placeholders multiplied: %d" % session.run(tf.mul(x, y), feed_dict=fed))
    print("placeholder negated: %d" % session.run(tf.neg(x), feed_dict=fed))
    print("row times column: %s" % describe(session.run(tf.matmul(row, column))))
    print("column times row: %s" % describe(session.run(tf.matmul(column, row))))
    print("batches multiplied: %s" % describe(session.run(tf.batch_matmul(stack, stack))))
    print("concatenated: %s" % describe(session.run(tf.concat(1, [table, tf.neg(table)]))))
    parts = session.run(tf.split(1, 3, table))
    print("split in: %d" % len(parts))
    print("second part: %s" % describe(parts[1]))
    packed = session.run(tf.pack(tf.unpack(table)))
    print("packed again: %s" % describe(packed))
    print("sums of rows: %s" % describe(session.run(tf.reduce_sum(table, reduction_indices=1))))
    print("means of columns: %s" % describe(session.run(tf.reduce_mean(table, 0))))
