"""Writes saved_by_2.4/: one small trained model in the three formats of TensorFlow 2.4.

Run once, on TensorFlow 2.4.4 and Python 3.8; the scripts load_old_* of tensorflow_v2 read them.

    python make_old_files.py
"""

import os
import shutil

import numpy as np
import tensorflow as tf

from digits import load_digits
from weights import draw_weights

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "saved_by_2.4")
SEED = 7

digits = load_digits()
inputs = tf.keras.Input(shape=(digits.train_images.shape[1],), name="pixels")
hidden = tf.keras.layers.Dense(8, activation="relu", name="hidden")(inputs)
outputs = tf.keras.layers.Dense(10, activation="softmax", name="digit")(hidden)
model = tf.keras.Model(inputs, outputs, name="small")
model.set_weights(draw_weights(model.get_weights(), SEED))
optimizer = tf.keras.optimizers.Adam(0.01)
model.compile(optimizer, "categorical_crossentropy", metrics=["accuracy"])
truth = np.eye(10, dtype=np.float32)[digits.train_labels]
model.fit(digits.train_images, truth, batch_size=100, epochs=10, shuffle=False, verbose=0)

shutil.rmtree(FOLDER, ignore_errors=True)
os.makedirs(FOLDER)
model.save(os.path.join(FOLDER, "model.h5"))
model.save(os.path.join(FOLDER, "saved_model"))
tf.train.Checkpoint(model=model, optimizer=optimizer).write(os.path.join(FOLDER, "checkpoint"))
