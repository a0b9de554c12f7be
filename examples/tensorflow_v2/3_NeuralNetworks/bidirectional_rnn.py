"""Reads each digit from the top and from the bottom with two layers of LSTM cells.

Exercises tf.keras.layers.Bidirectional(backward_layer), RNN(go_backwards), LSTMCell,
tf.keras.Sequential, evaluate, and tf.keras.backend.function to look at a layer's output.

Fails from 2.16 on: Keras 3 has no backend.function.

Last lines in the baseline cell (TensorFlow 2.4.4, Python 3.8):

    numbers in one output: 48
    mean size from the top: 0.4635
    mean size from the bottom: 0.4595
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
STEPS = 32
EPOCHS = 3
UNITS = 24

# The digits
digits = load_digits(flatten=False)
rows, columns = digits.train_images.shape[1:]  # one row of pixels a time step
dataset = tf.data.Dataset.from_tensor_slices((digits.train_images, digits.train_labels))
dataset = dataset.shuffle(2000, seed=SEED).repeat().batch(BATCH).prefetch(1)


# The model
model = tf.keras.Sequential(
    [
        tf.keras.layers.Bidirectional(
            tf.keras.layers.RNN(tf.keras.layers.LSTMCell(UNITS)),
            backward_layer=tf.keras.layers.RNN(tf.keras.layers.LSTMCell(UNITS), go_backwards=True),
            merge_mode="concat",
            input_shape=(rows, columns),
        ),
        tf.keras.layers.Dense(10),
    ]
)
model.set_weights(draw_weights(model.get_weights(), SEED))
model.compile(
    optimizer=tf.keras.optimizers.Adam(0.02),
    loss=tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    metrics=["accuracy"],
)

# Training
history = model.fit(dataset, epochs=EPOCHS, steps_per_epoch=STEPS, verbose=0)

for epoch, loss in enumerate(history.history["loss"]):
    print("mean loss in epoch %d: %.4g" % (epoch + 1, loss))

# What comes of it
loss, accuracy = model.evaluate(digits.test_images, digits.test_labels, verbose=0)
print("parameters: %d" % model.count_params())
print("test loss: %.4g" % loss)
print("test accuracy: %.3f" % accuracy)

# What the two readers hand on: the first half is read from the top, the second from the bottom.
read = tf.keras.backend.function([model.input], [model.layers[0].output])
(outputs,) = read([digits.test_images])
print("numbers in one output: %d" % outputs.shape[1])
print("mean size from the top: %.4g" % np.abs(outputs[:, :UNITS]).mean())
print("mean size from the bottom: %.4g" % np.abs(outputs[:, UNITS:]).mean())
