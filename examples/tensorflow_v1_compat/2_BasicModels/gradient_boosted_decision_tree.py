"""Gradient boosted decision trees: small trees, each correcting the ones before, sort digits.

The trees tell the digits 0 to 4 from 5 to 9 by the mean ink in each cell of a coarse grid: one
bucketed feature a cell, since building the graph takes longer than growing the trees.

Exercises tf.estimator.BoostedTreesClassifier, tf.feature_column.bucketized_column,
tf.estimator.inputs.numpy_input_fn, tf.estimator.RunConfig.

Made by make_compat.py of tensorflow_v1's script: one import is another.

Last lines in the baseline cell (TensorFlow 1.15.5, Python 3.7):

    test area under the curve: 0.956
    test accuracy: 0.880
    accuracy of the most frequent answer: 0.517
"""

from __future__ import absolute_import, division, print_function

import os
import shutil
import sys

import numpy as np
import tensorflow.compat.v1 as tf

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "data"))
from digits import load_digits

tf.disable_v2_behavior()

# The same numbers every time
SEED = 7
tf.set_random_seed(SEED)

TREES, DEPTH, RATE, STEPS, BATCH, GRID, FIRST_LARGE = 12, 4, 0.4, 48, 1000, 4, 5
# No mean of pixels lies on a boundary, where rounding would choose its bucket.
BOUNDARIES = [0.11, 0.26, 0.41, 0.56, 0.71]
MODEL_FOLDER = "boosted_trees_model"


def find_ink(images):
    """Mean ink in each cell of a GRID x GRID grid over the images: name -> one value an image."""
    count, height, width = images.shape
    cells = images.reshape(count, GRID, height // GRID, GRID, width // GRID).mean(axis=(2, 4))
    return {
        "cell_%d_%d" % (row, column): cells[:, row, column]
        for row in range(GRID)
        for column in range(GRID)
    }


def make_input(images, labels, size, epochs):
    """An input function that hands out batches of the rows in their order."""
    return tf.estimator.inputs.numpy_input_fn(
        x=find_ink(images),
        y=(labels >= FIRST_LARGE).astype(np.float32).reshape(-1, 1),
        batch_size=size,
        num_epochs=epochs,
        shuffle=False,
    )


# The digits
digits = load_digits(flatten=False)
columns = [
    tf.feature_column.bucketized_column(
        tf.feature_column.numeric_column("cell_%d_%d" % (row, column)), boundaries=BOUNDARIES
    )
    for row in range(GRID)
    for column in range(GRID)
]
config = tf.estimator.RunConfig(
    tf_random_seed=SEED,
    session_config=tf.ConfigProto(intra_op_parallelism_threads=1, inter_op_parallelism_threads=1),
)

shutil.rmtree(MODEL_FOLDER, ignore_errors=True)
model = tf.estimator.BoostedTreesClassifier(
    feature_columns=columns,
    model_dir=MODEL_FOLDER,
    n_batches_per_layer=1,
    n_trees=TREES,
    max_depth=DEPTH,
    learning_rate=RATE,
    config=config,
)
model.train(
    input_fn=make_input(digits.train_images, digits.train_labels, BATCH, None), max_steps=STEPS
)
scores = model.evaluate(
    input_fn=make_input(digits.test_images, digits.test_labels, len(digits.test_labels), 1)
)
print("steps: %d" % scores["global_step"])
print("test loss: %.4g" % scores["average_loss"])
print("test area under the curve: %.4g" % scores["auc"])
print("test accuracy: %.3f" % scores["accuracy"])
print("accuracy of the most frequent answer: %.3f" % scores["accuracy_baseline"])
