"""Classifies digits with a Keras Sequential model of convolutions, by compile, fit and evaluate.

Exercises tf.keras.Sequential, Conv2D, MaxPool2D, Dropout, tf.keras.losses, tf.keras.metrics and
Layer.output_shape.

Differs from 2.8 on by the numbers of Dropout(seed). Fails from 2.16 on: layers of Keras 3 have no
output_shape.

Last lines in the baseline cell (TensorFlow 2.4.4, Python 3.8):

    dense gives: 64
    dropout gives: 64
    dense gives: 10
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

BATCH = 64
STEPS = 60
EPOCHS = 3

# The digits
digits = load_digits(flatten=False)
height, width = digits.train_images.shape[1:]
train_images = digits.train_images[..., np.newaxis]
test_images = digits.test_images[..., np.newaxis]
dataset = tf.data.Dataset.from_tensor_slices((train_images, digits.train_labels))
dataset = dataset.shuffle(2000, seed=SEED).repeat().batch(BATCH).prefetch(1)


def convolve(filters, **options):
    """A 3x3 convolution of the same size."""
    return tf.keras.layers.Conv2D(filters, 3, padding="same", activation="relu", **options)


# The model
model = tf.keras.Sequential(
    [
        convolve(16, input_shape=(height, width, 1)),
        tf.keras.layers.MaxPool2D(2),
        convolve(32),
        tf.keras.layers.MaxPool2D(2),
        tf.keras.layers.Flatten(),
        tf.keras.layers.Dense(64, activation="relu"),
        tf.keras.layers.Dropout(0.2, seed=4),
        tf.keras.layers.Dense(10),
    ]
)
model.set_weights(draw_weights(model.get_weights(), SEED))
model.compile(
    # With the usual epsilon, 1e-7, Adam takes whole steps along gradients that are mere rounding.
    optimizer=tf.keras.optimizers.Adam(learning_rate=0.003, epsilon=1e-3),
    loss=tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    metrics=["accuracy"],
)

# Training
history = model.fit(dataset, epochs=EPOCHS, steps_per_epoch=STEPS, verbose=0)
for epoch, loss in enumerate(history.history["loss"]):
    print("mean loss in epoch %d: %.4g" % (epoch + 1, loss))

# What comes of it
loss, accuracy = model.evaluate(test_images, digits.test_labels, verbose=0)
print("parameters: %d" % model.count_params())
print("test loss: %.4g" % loss)
print("test accuracy: %.3f" % accuracy)
for layer in model.layers:
    sizes = "x".join(str(size) for size in layer.output_shape[1:])
    print("%s gives: %s" % (type(layer).__name__.lower(), sizes))
