"""Restores a checkpoint that TensorFlow 2.4 wrote (data/saved_by_2.4): weights and optimizer.

Exercises tf.train.load_checkpoint, list_variables, and Checkpoint.read with
assert_existing_objects_matched.

Fails from 2.11 on: the new optimizers keep their state under other names.

Last lines in the baseline cell (TensorFlow 2.4.4, Python 3.8):

    spread of the first kernel: 0.4227
    accuracy of the model: 0.900
    steps of the optimizer: 150
"""

import os
import sys

import numpy as np
import tensorflow as tf

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "data"))
from digits import HERE, load_digits

# The same numbers every time
SEED = 7
tf.random.set_seed(SEED)
tf.config.threading.set_intra_op_parallelism_threads(1)
tf.config.threading.set_inter_op_parallelism_threads(1)

digits = load_digits()
path = os.path.join(HERE, "saved_by_2.4", "checkpoint")

# What is in the file
reader = tf.train.load_checkpoint(path)
shapes = reader.get_variable_to_shape_map()
print("arrays in the file: %d" % len(tf.train.list_variables(path)))
print("arrays of the optimizer: %d" % sum("OPTIMIZER_SLOT" in name for name in shapes))
kernel = reader.get_tensor("model/layer_with_weights-0/kernel/.ATTRIBUTES/VARIABLE_VALUE")
print("shape of the first kernel: %dx%d" % kernel.shape)
print("spread of the first kernel: %.4g" % kernel.std())

# Into a model of the same layers
model = tf.keras.Sequential(
    [
        tf.keras.layers.Dense(8, activation="relu", input_shape=(digits.test_images.shape[1],)),
        tf.keras.layers.Dense(10, activation="softmax"),
    ]
)
tf.train.Checkpoint(model=model).read(path).expect_partial()
predicted = np.argmax(model(digits.test_images), axis=1)
print("accuracy of the model: %.3f" % np.mean(predicted == digits.test_labels))

# With the optimizer, which has to find its own state again
optimizer = tf.keras.optimizers.Adam(0.01)
optimizer.apply_gradients([(tf.zeros_like(v), v) for v in model.trainable_variables])
status = tf.train.Checkpoint(model=model, optimizer=optimizer).read(path)
status.assert_existing_objects_matched()
print("steps of the optimizer: %d" % optimizer.iterations.numpy())
