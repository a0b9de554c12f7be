"""Squeezes digits through a narrow layer and draws them again.

Exercises tf.keras.Model with two parts, tf.GradientTape over several sets of variables and
tf.optimizers.RMSprop.

Differs from 2.11 on: the new RMSprop adds epsilon to the mean square, not to its root.

Last lines in the baseline cell (TensorFlow 2.4.4, Python 3.8):

    test error: 0.03262
    error of the mean image: 0.07175
    share of that error left: 0.4546
"""

import os
import sys

import numpy as np
import tensorflow as tf

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "data"))
from digits import load_digits
from weights import draw_weights

# The same numbers every time
SEED = 7
tf.random.set_seed(SEED)
tf.config.threading.set_intra_op_parallelism_threads(1)
tf.config.threading.set_inter_op_parallelism_threads(1)

BATCH = 100
STEPS = 1000
HIDDEN = 32
CODE = 16

# The digits
digits = load_digits()
pixels = digits.train_images.shape[1]
dataset = tf.data.Dataset.from_tensor_slices(digits.train_images)
dataset = dataset.shuffle(2000, seed=SEED).repeat().batch(BATCH).prefetch(1)


def make_part(inputs, sizes, seed):
    """Dense layers of sigmoid units, one a size."""
    part = tf.keras.Sequential(
        [tf.keras.layers.Dense(size, activation="sigmoid") for size in sizes]
    )
    part.build((None, inputs))
    part.set_weights(draw_weights(part.get_weights(), seed))
    return part


# The model
encoder = make_part(pixels, [HIDDEN, CODE], 1)
decoder = make_part(CODE, [HIDDEN, pixels], 2)
# With the usual epsilon, 1e-7, steps along gradients that are mere rounding are as long as others.
optimizer = tf.optimizers.RMSprop(learning_rate=0.01, epsilon=1e-4)


def mean_square(images):
    """The mean squared difference between images and what comes out of the decoder."""
    return tf.reduce_mean(tf.square(images - decoder(encoder(images))))


@tf.function
def train(images):
    """One step; the error before it."""
    with tf.GradientTape() as tape:
        error = mean_square(images)
    variables = encoder.trainable_variables + decoder.trainable_variables
    optimizer.apply_gradients(zip(tape.gradient(error, variables), variables))
    return error


# Training
for step, images in enumerate(dataset.take(STEPS)):
    error = train(images)
    if step % 200 == 0:
        print("error at step %d: %.4g" % (step, error))

# What comes of it
codes = encoder(digits.test_images).numpy()
error = float(mean_square(digits.test_images))
plain = np.mean((digits.test_images - digits.train_images.mean(axis=0)) ** 2)
print("shape of the codes: (%d, %d)" % codes.shape)
print("mean of the codes: %.4g" % codes.mean())
print("test error: %.4g" % error)
print("error of the mean image: %.4g" % plain)
print("share of that error left: %.4g" % (error / plain))
