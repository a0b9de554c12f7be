"""Classifies digits by the nearest training image, by the sum of absolute differences.

Pixels are whole numbers from 0 to 255, which float32 holds exactly, so equal distances are equal
everywhere. Exercises tf.neg, tf.abs, tf.reduce_sum(reduction_indices) and tf.arg_min.

Last lines in the baseline cell (TensorFlow 0.12.1, Python 3.6):

    tried digits: 200
    mean distance to the nearest: 4.803
    accuracy: 0.990
"""

import os
import sys

import numpy as np
import tensorflow as tf

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "data"))
from digits import load_digits

# The same numbers every time
SEED = 7
tf.set_random_seed(SEED)
ONE_THREAD = tf.ConfigProto(intra_op_parallelism_threads=1, inter_op_parallelism_threads=1)

TRIED = 200
KNOWN = 1000

digits = load_digits()
known = np.rint(digits.train_images[:KNOWN] * 255)
tried = np.rint(digits.test_images[:TRIED] * 255)
pixels = known.shape[1]

x_known = tf.placeholder(tf.float32, [None, pixels])
x_tried = tf.placeholder(tf.float32, [pixels])
distances = tf.reduce_sum(tf.abs(tf.add(x_known, tf.neg(x_tried))), reduction_indices=1)
nearest = tf.arg_min(distances, 0)
shortest = tf.reduce_min(distances)

hits = 0
total = 0.0
with tf.Session(config=ONE_THREAD) as session:
    for number in range(TRIED):
        fed = {x_known: known, x_tried: tried[number]}
        index, distance = session.run([nearest, shortest], feed_dict=fed)
        hits += int(digits.train_labels[index] == digits.test_labels[number])
        total += float(distance)
        if number < 5:
            found = digits.train_labels[index], digits.test_labels[number]
            print("digit %d: taken for %d, is %d" % ((number,) + found))

print("known digits: %d" % len(known))
print("tried digits: %d" % len(tried))
print("mean distance to the nearest: %.4g" % (total / 255 / TRIED))
print("accuracy: %.3f" % (hits / float(TRIED)))
