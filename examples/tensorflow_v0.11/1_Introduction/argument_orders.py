"""Joins, splits and reduces tables, with arguments in the order of TensorFlow 0.12.

Exercises tf.reduce_sum(reduction_indices), tf.reduce_mean, tf.argmax(dimension),
tf.expand_dims(dim), tf.concat(dim, values) and tf.split(dim, parts, value): their names stayed,
their arguments did not.

Last lines in the baseline cell (TensorFlow 0.12.1, Python 3.6):

    concatenated: 1 2 3 10 20 30 4 5 6 40 50 60
    split in: 3
    second part: 2 5
"""

import numpy as np
import tensorflow as tf

# The same numbers every time
SEED = 7
tf.set_random_seed(SEED)
ONE_THREAD = tf.ConfigProto(intra_op_parallelism_threads=1, inter_op_parallelism_threads=1)

table = tf.constant([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])


def describe(array):
    """The array's numbers on one line, row by row."""
    return " ".join("%.4g" % number for number in np.ravel(array))


with tf.Session(config=ONE_THREAD) as session:
    print("sums of rows: %s" % describe(session.run(tf.reduce_sum(table, reduction_indices=1))))
    print("means of columns: %s" % describe(session.run(tf.reduce_mean(table, 0))))
    print("places of the largest: %s" % describe(session.run(tf.argmax(table, dimension=1))))
    print("axes after one more: %d" % session.run(tf.rank(tf.expand_dims(table, dim=0))))
    print("concatenated: %s" % describe(session.run(tf.concat(1, [table, 10.0 * table]))))
    parts = session.run(tf.split(1, 3, table))
    print("split in: %d" % len(parts))
    print("second part: %s" % describe(parts[1]))
