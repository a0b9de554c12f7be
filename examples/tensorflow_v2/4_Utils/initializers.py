"""Draws start weights and dropout from seeds: numbers that the other scripts do without.

Exercises tf.keras.initializers and Dropout with seeds.

Differs on 2.8 and 2.9, and from 2.16 on in Dropout: other numbers from one seed.

Last lines in the baseline cell (TensorFlow 2.4.4, Python 3.8):

    first of truncated normal: -0.6742 -0.3587
    first of orthogonal: -0.2742 -0.08179
    mean after dropout: 1.05
"""

import numpy as np
import tensorflow as tf

# The same numbers every time
SEED = 7
tf.random.set_seed(SEED)
tf.config.threading.set_intra_op_parallelism_threads(1)
tf.config.threading.set_inter_op_parallelism_threads(1)

initializers = tf.keras.initializers
INITIALIZERS = [
    ("glorot uniform", initializers.GlorotUniform(seed=SEED)),
    ("glorot normal", initializers.GlorotNormal(seed=SEED)),
    ("he uniform", initializers.HeUniform(seed=SEED)),
    ("he normal", initializers.HeNormal(seed=SEED)),
    ("lecun normal", initializers.LecunNormal(seed=SEED)),
    ("random uniform", initializers.RandomUniform(-1.0, 1.0, seed=SEED)),
    ("random normal", initializers.RandomNormal(0.0, 1.0, seed=SEED)),
    ("truncated normal", initializers.TruncatedNormal(0.0, 1.0, seed=SEED)),
    ("orthogonal", initializers.Orthogonal(seed=SEED)),
]

# What does not depend on the numbers: how widely they scatter
for name, initializer in INITIALIZERS[:6]:
    spread = np.std(initializer((200, 100)).numpy())
    print("spread of %s: %.1f" % (name, 10.0 * spread))
print("identity: %s" % " ".join("%g" % x for x in initializers.Identity()((2, 2)).numpy().ravel()))
print("ones: %g" % float(tf.reduce_sum(initializers.Ones()((2, 3)))))

# The numbers themselves
for name, initializer in INITIALIZERS:
    first = initializer((4, 4)).numpy().ravel()
    print("first of %s: %.4g %.4g" % (name, first[0], first[1]))

# Dropout while training
dropped = tf.keras.layers.Dropout(0.5, seed=SEED)(tf.ones((1, 200)), training=True)
print("mean after dropout: %.4g" % float(tf.reduce_mean(dropped)))
