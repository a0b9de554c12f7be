"""Reads each digit row by row with an LSTM layer and classifies it by the last output.

Exercises tf.keras.layers.LSTM, the functional API of tf.keras, compile, fit and evaluate.

Fails from 2.16 on: layers of Keras 3 do not take batch_input_shape.

Last lines in the baseline cell (TensorFlow 2.4.4, Python 3.8):

    test loss: 0.2057
    test accuracy: 0.940
    two halves give what the whole gives: yes
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
STEPS = 50
EPOCHS = 3
UNITS = 32

digits = load_digits(flatten=False)
rows, columns = digits.train_images.shape[1:]  # one row of pixels a time step
dataset = tf.data.Dataset.from_tensor_slices((digits.train_images, digits.train_labels))
dataset = dataset.shuffle(2000, seed=SEED).repeat().batch(BATCH).prefetch(1)


inputs = tf.keras.Input(shape=(rows, columns))
last = tf.keras.layers.LSTM(UNITS)(inputs)
logits = tf.keras.layers.Dense(10)(last)
model = tf.keras.Model(inputs, logits)
model.set_weights(draw_weights(model.get_weights(), SEED))
model.compile(
    optimizer=tf.keras.optimizers.Adam(0.015),
    loss=tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    metrics=["accuracy"],
)
history = model.fit(dataset, epochs=EPOCHS, steps_per_epoch=STEPS, verbose=0)

for epoch, loss in enumerate(history.history["loss"]):
    print("mean loss in epoch %d: %.4g" % (epoch + 1, loss))

loss, accuracy = model.evaluate(digits.test_images, digits.test_labels, verbose=0)
print("parameters: %d" % model.count_params())
print("weights of the reader: %s" % " ".join(str(w.shape) for w in model.layers[1].get_weights()))
print("test loss: %.4g" % loss)
print("test accuracy: %.3f" % accuracy)

# A stateful layer goes on where the last batch ended: two halves read one after the other give
# what the whole gives.
half = rows // 2
stateful = tf.keras.Sequential(
    [
        tf.keras.layers.LSTM(UNITS, stateful=True, batch_input_shape=(1, half, columns)),
        tf.keras.layers.Dense(10),
    ]
)
stateful.set_weights(model.get_weights())
stateful.predict(digits.test_images[:1, :half], verbose=0)
parts = stateful.predict(digits.test_images[:1, half:], verbose=0)
same = np.allclose(model.predict(digits.test_images[:1], verbose=0), parts, atol=1e-4)
print("two halves give what the whole gives: %s" % ("yes" if same else "no"))
