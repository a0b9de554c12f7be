"""Says hello from a graph: a constant, a session, and what run() returns.

Exercises tf.constant, tf.Session and the shape and type of a tensor.

Last lines in the baseline cell (TensorFlow 0.12.1, Python 3.6):

    rank: 0
    name: Const:0
    letters: 18
"""

import numpy as np
import tensorflow as tf

# The same numbers every time
SEED = 7
tf.set_random_seed(SEED)
ONE_THREAD = tf.ConfigProto(intra_op_parallelism_threads=1, inter_op_parallelism_threads=1)

hello = tf.constant("Hello, TensorFlow!")
letters = tf.string_split([hello], delimiter="")

with tf.Session(config=ONE_THREAD) as session:
    greeting = session.run(hello)
    split = session.run(letters)

print("greeting: %s" % greeting.decode("ascii"))
print("type: %s" % hello.dtype.name)
print("rank: %d" % hello.get_shape().ndims)
print("name: %s" % hello.name)
print("letters: %d" % len(split.values))
