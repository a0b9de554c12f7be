"""Tells rising sequences of unequal length from random ones with an LSTM that skips the padding.

Exercises tf.keras.layers.Masking, RNN and LSTMCell, tf.keras.losses.BinaryCrossentropy and
tf.data.Dataset.from_generator with padded_batch.

Fails on 2.16 with the Keras of its day, 3.4: BinaryAccuracy refuses thresholds outside of 0 to 1.

Last lines in the baseline cell (TensorFlow 2.4.4, Python 3.8):

    padding changes nothing: yes
    test loss: 0.1585
    test accuracy: 0.953
"""

import os
import sys

import numpy as np
import tensorflow as tf

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "data"))
from weights import draw_weights

# The same numbers every time
SEED = 7
tf.random.set_seed(SEED)
tf.config.threading.set_intra_op_parallelism_threads(1)
tf.config.threading.set_inter_op_parallelism_threads(1)

LONGEST = 12
UNITS = 24
BATCH = 100
STEPS = 36
EPOCHS = 8
PADDING = -1.0


def make_sequences(count, seed):
    """Sequences [length, 1] of 3 to LONGEST values, each with 1.0 if it rises, else 0.0."""
    generator = np.random.RandomState(seed)
    for _ in range(count):
        length = generator.randint(3, LONGEST + 1)
        rises = generator.randint(0, 2)
        if rises:
            values = generator.uniform(0.0, 1.0) + 0.1 * np.arange(length)
        else:
            values = generator.uniform(0.0, 2.0, length)
        yield values.astype(np.float32)[:, np.newaxis], np.float32(rises)


def make_dataset(count, seed, batch):
    """The sequences in batches, padded to LONGEST."""
    dataset = tf.data.Dataset.from_generator(
        lambda: make_sequences(count, seed),
        output_types=(tf.float32, tf.float32),
        output_shapes=([None, 1], []),
    )
    return dataset.padded_batch(batch, ([LONGEST, 1], []), padding_values=(PADDING, 0.0))


# The model
model = tf.keras.Sequential(
    [
        tf.keras.layers.Masking(mask_value=PADDING, input_shape=(LONGEST, 1)),
        tf.keras.layers.RNN(tf.keras.layers.LSTMCell(UNITS)),
        tf.keras.layers.Dense(1),
    ]
)
model.set_weights(draw_weights(model.get_weights(), SEED))
model.compile(
    optimizer=tf.keras.optimizers.Adam(0.004, epsilon=1e-3),
    loss=tf.keras.losses.BinaryCrossentropy(from_logits=True),
    metrics=[tf.keras.metrics.BinaryAccuracy(threshold=0.0)],
)
known = make_dataset(1000, SEED, BATCH).cache().repeat()
test = make_dataset(400, SEED + 1, 400)

# Training
history = model.fit(known, epochs=EPOCHS, steps_per_epoch=STEPS, verbose=0)
for epoch, loss in enumerate(history.history["loss"]):
    print("mean loss in epoch %d: %.4g" % (epoch + 1, loss))

short = np.array([[[0.3], [0.4], [0.5]]], dtype=np.float32)
padded = np.full((1, LONGEST, 1), PADDING, dtype=np.float32)
padded[:, :3] = short
masking, reader, out = model.layers
mask = masking.compute_mask(padded)
same = np.allclose(out(reader(short)), out(reader(padded, mask=mask)), atol=1e-5)
print("padding changes nothing: %s" % ("yes" if same else "no"))
values, truth = next(iter(test))
logits = model(values)[:, 0]
loss = tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(labels=truth, logits=logits))
accuracy = np.mean((logits.numpy() > 0.0) == truth.numpy())
print("test loss: %.4g" % loss)
print("test accuracy: %.3f" % accuracy)
