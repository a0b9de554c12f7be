"""Does sums with constants, placeholders and matrices, under the names of TensorFlow 0.12.

Exercises tf.add, tf.matmul, tf.reduce_sum, tf.sub, tf.mul, tf.neg, tf.batch_matmul, tf.pack and
tf.unpack. argument_orders has the functions that kept their names and changed their arguments.

Last lines in the baseline cell (TensorFlow 0.12.1, Python 3.6):

    placeholder negated: -7
    batches multiplied: 2 3 6 11 46 55 66 79
    packed again: 1 2 3 4 5 6
"""

import numpy as np
import tensorflow as tf

# The same numbers every time
SEED = 7
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
    # Names that stayed
    fed = {x: 7, y: 5}
    print("constants added: %d" % session.run(tf.add(a, b)))
    print("row times column: %s" % describe(session.run(tf.matmul(row, column))))
    print("column times row: %s" % describe(session.run(tf.matmul(column, row))))
    print("sums of rows: %s" % describe(session.run(tf.reduce_sum(table, 1))))

    # Names that went
    print("constants multiplied: %d" % session.run(tf.mul(a, b)))
    print("placeholders subtracted: %d" % session.run(tf.sub(x, y), feed_dict=fed))
    print("placeholders multiplied: %d" % session.run(tf.mul(x, y), feed_dict=fed))
    print("placeholder negated: %d" % session.run(tf.neg(x), feed_dict=fed))
    print("batches multiplied: %s" % describe(session.run(tf.batch_matmul(stack, stack))))
    print("packed again: %s" % describe(session.run(tf.pack(tf.unpack(table)))))
