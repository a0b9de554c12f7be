"""Stops a training, keeps the optimizer's state, and goes on as if nothing had happened.

Exercises optimizer.iterations, get_config, get_weights and set_weights.

Fails from 2.11 on: the new optimizers have no get_weights.

Last lines in the baseline cell (TensorFlow 2.4.4, Python 3.8):

    loss of the training that went on: 0.0415
    arrays in the state: 5
    loss with the state kept: 0.0415
"""

import numpy as np
import tensorflow as tf

# The same numbers every time
SEED = 7
tf.random.set_seed(SEED)
tf.config.threading.set_intra_op_parallelism_threads(1)
tf.config.threading.set_inter_op_parallelism_threads(1)

STEPS = 20

generator = np.random.RandomState(SEED)
inputs = generator.uniform(-1.0, 1.0, (50, 2)).astype(np.float32)
targets = (inputs.dot(np.array([[2.0], [-1.0]])) + 0.5).astype(np.float32)


def train(optimizer, variables, steps):
    """The loss after some steps."""
    weights, bias = variables

    def measure():
        return tf.reduce_mean(tf.square(tf.matmul(inputs, weights) + bias - targets))

    for _ in range(steps):
        with tf.GradientTape() as tape:
            loss = measure()
        optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables))
    return float(measure())


def make_variables(values=(np.zeros((2, 1)), np.zeros(1))):
    """Weights and a bias."""
    return [tf.Variable(value.astype(np.float32)) for value in values]


variables = make_variables()
optimizer = tf.keras.optimizers.Adam(0.05)
print("loss half way: %.4g" % train(optimizer, variables, STEPS))
half = [variable.numpy() for variable in variables]
print("steps: %d" % optimizer.iterations.numpy())
config = optimizer.get_config()
print("rate: %.4g" % config["learning_rate"])
print("decays: %.4g %.4g" % (config["beta_1"], config["beta_2"]))

# Without its state a new optimizer begins anew, with other steps
fresh = train(tf.keras.optimizers.Adam(0.05), make_variables(half), STEPS)
print("loss with a new optimizer: %.4g" % fresh)

# With it, training goes on as it would have
state = optimizer.get_weights()
expected = train(optimizer, variables, STEPS)
print("loss of the training that went on: %.4g" % expected)
print("arrays in the state: %d" % len(state))
other, copies = tf.keras.optimizers.Adam(0.05), make_variables(half)
other.apply_gradients([(tf.zeros_like(variable), variable) for variable in copies])
other.set_weights(state)
print("loss with the state kept: %.4g" % train(other, copies, STEPS))
