"""Nearest neighbour: each test digit gets the label of the training digit closest to it.

Exercises tf.placeholder, tf.abs, tf.negative, tf.reduce_sum, tf.arg_min, tf.nn.top_k.

Last lines in the baseline cell (TensorFlow 1.13.2, Python 3.7):

    image 4: label 7, nearest 7, distance 4.937
    mean distance: 4.803
    largest distance: 8.565
    accuracy of one neighbour: 0.990
    accuracy of 5 neighbours: 0.980
"""

from __future__ import absolute_import, division, print_function

import os
import sys

import numpy as np
import tensorflow as tf

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "data"))
from digits import CLASSES, load_digits

# The same numbers every time
SEED = 7
tf.set_random_seed(SEED)

TRAIN, TEST, NEIGHBORS = 1000, 200, 5

# The digits
digits = load_digits()
# Whole numbers, which float32 adds up exactly: equal distances are equal everywhere.
train_images = np.rint(digits.train_images[:TRAIN] * 255)
test_images = np.rint(digits.test_images[:TEST] * 255)
train_labels, test_labels = digits.train_labels[:TRAIN], digits.test_labels[:TEST]
pixels = train_images.shape[1]

known = tf.placeholder(tf.float32, [None, pixels])
image = tf.placeholder(tf.float32, [pixels])
distance = tf.reduce_sum(tf.abs(tf.add(known, tf.negative(image))), axis=1)
nearest = tf.arg_min(distance, 0)
_, several = tf.nn.top_k(-distance, k=NEIGHBORS)

config = tf.ConfigProto(intra_op_parallelism_threads=1, inter_op_parallelism_threads=1)
distances, ones, votes = [], [], []

# Training, and what comes of it
with tf.Session(config=config) as session:
    for row in range(TEST):
        all_distances, one, some = session.run(
            [distance, nearest, several], feed_dict={known: train_images, image: test_images[row]}
        )
        distances.append(all_distances[one] / 255.0)
        ones.append(train_labels[one])
        votes.append(np.argmax(np.bincount(train_labels[some], minlength=CLASSES)))
        if row < 5:
            print(
                "image %d: label %d, nearest %d, distance %.4g"
                % (row, test_labels[row], ones[-1], distances[-1])
            )

print("mean distance: %.4g" % np.mean(distances))
print("largest distance: %.4g" % np.max(distances))
print("accuracy of one neighbour: %.3f" % np.mean(np.array(ones) == test_labels))
print("accuracy of %d neighbours: %.3f" % (NEIGHBORS, np.mean(np.array(votes) == test_labels)))
