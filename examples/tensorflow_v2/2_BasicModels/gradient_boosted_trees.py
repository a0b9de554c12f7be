"""Tells the digits 0 to 4 from 5 to 9 with boosted trees on the sums of rows and columns.

Exercises tf.estimator.BoostedTreesClassifier, tf.feature_column.bucketized_column and
tf.estimator.RunConfig.

Fails from 2.9 on: boosted trees left TensorFlow Estimator.

Last lines in the baseline cell (TensorFlow 2.4.4, Python 3.8):

    area under the curve: 0.987
    share of the larger class: 0.517
    test accuracy: 0.933
"""

import os
import sys

import numpy as np
import tensorflow as tf

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "data"))
from digits import load_digits

# The same numbers every time
SEED = 7
tf.random.set_seed(SEED)
tf.config.threading.set_intra_op_parallelism_threads(1)
tf.config.threading.set_inter_op_parallelism_threads(1)

TREES = 15
DEPTH = 4

# The digits
digits = load_digits(flatten=False)


def make_features(images):
    """The mean of each row and of each column, by name."""
    features = {}
    for axis, kind in ((2, "row"), (1, "column")):
        means = images.mean(axis=axis)
        for index in range(means.shape[1]):
            features["%s_%02d" % (kind, index)] = means[:, index]
    return features


def feed(images, labels):
    """A function that gives the estimator all images as one batch."""
    features, targets = make_features(images), (labels >= 5).astype(np.int32)
    return lambda: tf.data.Dataset.from_tensors((features, targets[:, np.newaxis])).repeat()


names = sorted(make_features(digits.train_images[:1]))
# No mean of pixels lies on an edge, where rounding would choose its bucket.
edges = [0.06, 0.16, 0.26, 0.36, 0.46, 0.56, 0.66, 0.76]
columns = [
    tf.feature_column.bucketized_column(tf.feature_column.numeric_column(name), edges)
    for name in names
]
session = tf.compat.v1.ConfigProto(intra_op_parallelism_threads=1, inter_op_parallelism_threads=1)
classifier = tf.estimator.BoostedTreesClassifier(
    columns,
    n_batches_per_layer=1,
    n_trees=TREES,
    max_depth=DEPTH,
    learning_rate=0.5,
    model_dir="trees",
    config=tf.estimator.RunConfig(tf_random_seed=SEED, session_config=session),
)
classifier.train(feed(digits.train_images, digits.train_labels), max_steps=TREES * DEPTH)
unseen = classifier.evaluate(feed(digits.test_images, digits.test_labels), steps=1)

print("features: %d" % len(columns))
print("steps: %d" % unseen["global_step"])
print("test loss: %.4g" % unseen["average_loss"])
print("area under the curve: %.4g" % unseen["auc"])
print("share of the larger class: %.3f" % unseen["accuracy_baseline"])
print("test accuracy: %.3f" % unseen["accuracy"])
