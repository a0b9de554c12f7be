"""Says hello without a session: a constant has its value at once.

Exercises tf.constant, eager execution, Tensor.numpy and tf.strings.

At home the last lines read:

    words: 2
    upper case: WORLD
    eager: yes
"""

import random

import numpy as np
import tensorflow as tf

SEED = 7
random.seed(SEED)
np.random.seed(SEED)
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
