"""Takes five steps with each rule of tf.keras.optimizers along the same gradients.

So a change of one rule shows alone. Exercises SGD with momentum and Nesterov, RMSprop, Adam,
Adamax, Nadam, Adagrad, Adadelta, Ftrl, amsgrad, centered, clipnorm and sparse gradients.

Differs from 2.11 on: Nadam and RMSprop were rewritten; from 2.16 on sparse Adam as well.

Last lines in the baseline cell (TensorFlow 2.4.4, Python 3.8):

    weights by centered rmsprop: 0.4413 2.395
    weight by sparse sgd: 0.8
    weight by sparse adam: 0.5
"""

import numpy as np
import tensorflow as tf

# The same numbers every time
SEED = 7
tf.random.set_seed(SEED)
tf.config.threading.set_intra_op_parallelism_threads(1)
tf.config.threading.set_inter_op_parallelism_threads(1)

STEPS = 5
#: Gradients of two weights, a row a step.
GRADIENTS = np.array(
    [[0.4, -0.2], [0.1, -0.3], [-0.2, 0.1], [0.3, 0.2], [0.2, -0.1]], dtype=np.float32
)
OPTIMIZERS = [
    ("sgd", lambda: tf.keras.optimizers.SGD(0.1)),
    ("momentum", lambda: tf.keras.optimizers.SGD(0.1, momentum=0.9)),
    ("nesterov", lambda: tf.keras.optimizers.SGD(0.1, momentum=0.9, nesterov=True)),
    ("clipped sgd", lambda: tf.keras.optimizers.SGD(0.1, clipnorm=0.2)),
    ("adagrad", lambda: tf.keras.optimizers.Adagrad(0.1)),
    ("adadelta", lambda: tf.keras.optimizers.Adadelta(1.0, epsilon=1e-2)),
    ("adamax", lambda: tf.keras.optimizers.Adamax(0.1)),
    ("adam", lambda: tf.keras.optimizers.Adam(0.1)),
    ("amsgrad", lambda: tf.keras.optimizers.Adam(0.1, amsgrad=True)),
    ("ftrl", lambda: tf.keras.optimizers.Ftrl(0.1)),
    ("nadam", lambda: tf.keras.optimizers.Nadam(0.1)),
    ("rmsprop", lambda: tf.keras.optimizers.RMSprop(0.1, epsilon=1e-2)),
    ("centered rmsprop", lambda: tf.keras.optimizers.RMSprop(0.1, epsilon=1e-2, centered=True)),
]


def walk(optimizer, gradients):
    """The two weights after a step along each gradient, beginning at 1 and 2."""
    weights = tf.Variable([1.0, 2.0])
    for gradient in gradients:
        optimizer.apply_gradients([(gradient, weights)])
    return weights.numpy()


for name, make in OPTIMIZERS:
    ends = walk(make(), [tf.constant(row) for row in GRADIENTS])
    print("weights by %s: %.4g %.4g" % (name, ends[0], ends[1]))

# A sparse gradient that names the first weight twice: its two parts should add up.
twice = tf.IndexedSlices(tf.constant([0.1, 0.3]), tf.constant([0, 0]), tf.constant([2]))
for name, make in (OPTIMIZERS[0], OPTIMIZERS[7]):
    print("weight by sparse %s: %.4g" % (name, walk(make(), [twice] * STEPS)[0]))
