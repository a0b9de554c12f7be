"""Learns to draw digits from two numbers, with a loss that is part of the model.

Exercises the functional API of Keras with TensorFlow operations between its layers, Lambda-free
sampling, Model.add_loss and compile without a loss.

Fails from 2.16 on: TensorFlow's functions do not take the tensors of Keras 3's functional API.

Last lines in the baseline cell (TensorFlow 2.4.4, Python 3.8):

    mean loss in epoch 8: 3.395
    mean loss in epoch 12: 3.161
    distance after training: 0.09307
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
EPOCHS = 12
HIDDEN = 48
CODE = 4

digits = load_digits()
pixels = digits.train_images.shape[1]
generator = np.random.RandomState(SEED)
noise = generator.normal(size=(len(digits.train_images), CODE)).astype(np.float32)

# The decoder alone, and what it draws before it has learnt
decoder = tf.keras.Sequential(
    [
        tf.keras.layers.Dense(HIDDEN, activation="tanh", input_shape=(CODE,)),
        tf.keras.layers.Dense(pixels, activation="sigmoid"),
    ]
)
decoder.set_weights(draw_weights(decoder.get_weights(), 1))
mean_digit = digits.train_images.mean(axis=0)


def measure_distance():
    """Root mean square between the mean image that is drawn and the mean digit."""
    drawn = decoder(noise[:300]).numpy().mean(axis=0)
    return np.sqrt(np.mean((drawn - mean_digit) ** 2))


print("distance before training: %.4g" % measure_distance())

# The whole model: images and noise in, images out
images, noises = tf.keras.Input(shape=(pixels,)), tf.keras.Input(shape=(CODE,))
hidden = tf.keras.layers.Dense(HIDDEN, activation="tanh")(images)
mean = tf.keras.layers.Dense(CODE)(hidden)
log_variance = tf.keras.layers.Dense(CODE)(hidden)
code = mean + tf.exp(0.5 * log_variance) * noises
drawn = decoder(code)
model = tf.keras.Model([images, noises], drawn)
error = pixels * tf.reduce_mean(tf.square(images - drawn))
divergence = -0.5 * tf.reduce_mean(1 + log_variance - mean**2 - tf.exp(log_variance))
model.add_loss(error + 0.1 * CODE * divergence)
model.set_weights(draw_weights(model.get_weights(), 2))
model.compile(optimizer=tf.keras.optimizers.Adam(0.01, epsilon=1e-3))
history = model.fit(
    [digits.train_images, noise], batch_size=BATCH, epochs=EPOCHS, shuffle=False, verbose=0
)
for epoch in (0, 3, 7, 11):
    print("mean loss in epoch %d: %.4g" % (epoch + 1, history.history["loss"][epoch]))
print("distance after training: %.4g" % measure_distance())
