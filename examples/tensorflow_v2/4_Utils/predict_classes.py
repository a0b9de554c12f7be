"""Classifies digits by the short ways of early Keras: predict_classes and generators.

Exercises Model.fit_generator, evaluate_generator, predict_generator and Sequential.predict_classes,
which Model.fit, evaluate and predict replaced.

Fails from 2.6 on: predict_classes was removed; from 2.16 on fit_generator as well.

Last lines in the baseline cell (TensorFlow 2.4.4, Python 3.8):

    test loss by generators: 0.419
    first classes: 3 9 9 8 7 2 2 4 4 2
    test accuracy by classes: 0.910
"""

import os
import sys

import numpy as np
import tensorflow as tf

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "data"))
from digits import batches, load_digits
from weights import draw_weights

# The same numbers every time
SEED = 7
tf.random.set_seed(SEED)
tf.config.threading.set_intra_op_parallelism_threads(1)
tf.config.threading.set_inter_op_parallelism_threads(1)

BATCH = 100
STEPS = 60

digits = load_digits()
pixels = digits.train_images.shape[1]
layer = tf.keras.layers.Dense(10, activation="softmax", input_shape=(pixels,))
model = tf.keras.Sequential([layer])
model.set_weights(draw_weights(model.get_weights(), SEED))
model.compile(
    optimizer=tf.keras.optimizers.SGD(0.5),
    loss="sparse_categorical_crossentropy",
    metrics=["accuracy"],
)

# As it is done since
known = batches(digits.train_images, digits.train_labels, BATCH, seed=SEED)
model.fit(known, steps_per_epoch=STEPS, epochs=1, verbose=0)
loss, accuracy = model.evaluate(digits.test_images, digits.test_labels, verbose=0)
print("test loss by fit: %.4g" % loss)
print("test accuracy by fit: %.3f" % accuracy)

# As it was done before
model.fit_generator(known, steps_per_epoch=STEPS, epochs=1, verbose=0)
unseen = batches(digits.test_images, digits.test_labels, BATCH, seed=SEED)
print("test loss by generators: %.4g" % model.evaluate_generator(unseen, steps=3)[0])
classes = model.predict_classes(digits.test_images)
print("first classes: %s" % " ".join(str(digit) for digit in classes[:10]))
print("test accuracy by classes: %.3f" % np.mean(classes == digits.test_labels))
