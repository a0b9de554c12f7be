"""Says hello without a session: a constant has its value at once.

Exercises tf.constant, eager execution, Tensor.numpy and tf.strings.

Last lines in the baseline cell (TensorFlow 2.4.4, Python 3.8):

    words: 2
    upper case: WORLD
    eager: yes
"""

import numpy as np
import tensorflow as tf

# The same numbers every time
SEED = 7
tf.random.set_seed(SEED)
tf.config.threading.set_intra_op_parallelism_threads(1)
tf.config.threading.set_inter_op_parallelism_threads(1)

hello = tf.constant("hello world")

print("greeting: %s" % hello.numpy().decode("ascii"))
print("type: %s" % hello.dtype.name)
print("rank: %d" % hello.shape.rank)
print("length: %d" % tf.strings.length(hello).numpy())
words = tf.strings.split(hello)
print("words: %d" % words.shape[0])
print("upper case: %s" % tf.strings.upper(words[1]).numpy().decode("ascii"))
print("eager: %s" % ("yes" if tf.executing_eagerly() else "no"))
