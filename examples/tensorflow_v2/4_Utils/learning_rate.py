"""Lowers the learning rate in three ways: decay of the optimizer, a schedule, and a callback.

Exercises SGD(decay), tf.keras.optimizers.schedules, LearningRateScheduler, ReduceLROnPlateau and
the keys of History.

Fails from 2.11 on: the new optimizers refuse decay. Differs from 2.16 on: Keras 3 ignores it, and
calls the rate learning_rate in the history.

Last lines in the baseline cell (TensorFlow 2.4.4, Python 3.8):

    loss by a callback: 0.4168
    keys of the history: loss lr
    loss by decay: 0.7082
"""

import numpy as np
import tensorflow as tf

# The same numbers every time
SEED = 7
tf.random.set_seed(SEED)
tf.config.threading.set_intra_op_parallelism_threads(1)
tf.config.threading.set_inter_op_parallelism_threads(1)

EPOCHS = 6

generator = np.random.RandomState(SEED)
inputs = generator.uniform(-1.0, 1.0, (64, 1)).astype(np.float32)
targets = 3.0 * inputs - 1.0


def make_model(optimizer):
    """One weight and one bias, both zero."""
    model = tf.keras.Sequential(
        [tf.keras.layers.Dense(1, kernel_initializer="zeros", input_shape=(1,))]
    )
    model.compile(optimizer, "mse")
    return model


def fit(optimizer, *callbacks):
    """The history of a short training, in the same order of rows every time."""
    model = make_model(optimizer)
    options = {"batch_size": 16, "epochs": EPOCHS, "shuffle": False, "verbose": 0}
    return model.fit(inputs, targets, callbacks=list(callbacks), **options)


# Schedules, as functions of the step
schedules = tf.keras.optimizers.schedules
for name, schedule in [
    ("exponential", schedules.ExponentialDecay(0.1, 10, 0.5)),
    ("staircase", schedules.ExponentialDecay(0.1, 10, 0.5, staircase=True)),
    ("polynomial", schedules.PolynomialDecay(0.1, 20, 0.01)),
    ("inverse time", schedules.InverseTimeDecay(0.1, 10, 0.5)),
    ("piecewise", schedules.PiecewiseConstantDecay([5, 12], [0.1, 0.05, 0.01])),
]:
    print("rates by %s: %s" % (name, " ".join("%.4g" % schedule(step) for step in (0, 5, 15))))

scheduled = fit(tf.keras.optimizers.SGD(schedules.ExponentialDecay(0.2, 4, 0.5)))
print("loss by a schedule: %.4g" % scheduled.history["loss"][-1])

# A callback that halves the rate with every epoch
halving = tf.keras.callbacks.LearningRateScheduler(lambda epoch: 0.2 * 0.5**epoch)
halved = fit(tf.keras.optimizers.SGD(0.2), halving)
print("loss by a callback: %.4g" % halved.history["loss"][-1])
print("keys of the history: %s" % " ".join(sorted(halved.history)))

# Decay of the optimizer itself: rate / (1 + decay * step)
decayed = fit(tf.keras.optimizers.SGD(0.2, decay=0.5))
print("loss by decay: %.4g" % decayed.history["loss"][-1])
