"""Logistic regression in eager mode: a pipeline feeds the digits, a Python loop trains on them.

Exercises tf.enable_eager_execution, tf.data.Dataset, and of tf.contrib.eager: Iterator, Variable,
implicit_value_and_gradients, metrics.Accuracy.

Last lines in the baseline cell (TensorFlow 1.13.2, Python 3.7):

    largest weight: 1.417
    mean square weight: 0.1667
    mean square bias: 0.007542
    test cost: 0.3225
    test accuracy: 0.940
"""

from __future__ import absolute_import, division, print_function

import os
import sys

import numpy as np
import tensorflow as tf
from tensorflow.contrib import eager as tfe

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "data"))
from digits import CLASSES, load_digits

tf.enable_eager_execution(
    config=tf.ConfigProto(intra_op_parallelism_threads=1, inter_op_parallelism_threads=1)
)
# The same numbers every time
SEED = 7
tf.set_random_seed(SEED)

RATE, BATCH, STEPS, REPORT = 0.3, 100, 300, 75

# The digits
digits = load_digits()
pixels = digits.train_images.shape[1]
dataset = tf.data.Dataset.from_tensor_slices((digits.train_images, digits.train_labels))
dataset = dataset.shuffle(1000, seed=SEED).repeat().batch(BATCH).prefetch(1)
stream = tfe.Iterator(dataset)

weights = tfe.Variable(tf.zeros([pixels, CLASSES]), name="weights")
biases = tfe.Variable(tf.zeros([CLASSES]), name="biases")


def find_scores(images):
    """One score a class for each image, before the softmax."""
    return tf.matmul(images, weights) + biases


def find_cost(images, labels):
    """Mean cross entropy of the labels."""
    return tf.reduce_mean(
        tf.nn.sparse_softmax_cross_entropy_with_logits(logits=find_scores(images), labels=labels)
    )


optimizer = tf.train.GradientDescentOptimizer(RATE)
find_cost_and_gradients = tfe.implicit_value_and_gradients(find_cost)
total = 0.0

# Training
for step in range(1, STEPS + 1):
    images, labels = stream.next()
    loss, gradients = find_cost_and_gradients(images, labels)
    optimizer.apply_gradients(gradients)
    total += loss.numpy()
    if step % REPORT == 0:
        print("steps to %d mean cost: %.4g" % (step, total / REPORT))
        total = 0.0

accuracy = tfe.metrics.Accuracy()
test_images = tf.constant(digits.test_images)
accuracy(tf.argmax(find_scores(test_images), axis=1), digits.test_labels)
print("largest weight: %.4g" % np.max(weights.numpy()))
print("mean square weight: %.4g" % np.mean(np.square(weights.numpy())))
print("mean square bias: %.4g" % np.mean(np.square(biases.numpy())))
print("test cost: %.4g" % find_cost(test_images, digits.test_labels).numpy())
print("test accuracy: %.3f" % accuracy.result().numpy())
