"""Classifies handwritten digits with one layer and a softmax, trained in small batches.

Exercises tf.data.Dataset, tf.nn.softmax, tf.clip_by_value, tf.GradientTape and tf.optimizers.SGD
with a lower learning rate in the end (lr).

Fails from 2.16 on: an optimizer of Keras 3 has no lr.

Last lines in the baseline cell (TensorFlow 2.4.4, Python 3.8):

    sum of squared weights: 149.7
    learning rate in the end: 0.05
    test loss in the end: 0.2486
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

BATCH = 100
STEPS = 300

# The digits
digits = load_digits()
pixels = digits.train_images.shape[1]
dataset = tf.data.Dataset.from_tensor_slices((digits.train_images, digits.train_labels))
dataset = dataset.shuffle(2000, seed=SEED).repeat().batch(BATCH).prefetch(1)

weights = tf.Variable(tf.zeros([pixels, 10]), name="weights")
biases = tf.Variable(tf.zeros([10]), name="biases")
optimizer = tf.optimizers.SGD(learning_rate=0.5)


def predict(x):
    """Probabilities of the ten digits."""
    return tf.nn.softmax(tf.matmul(x, weights) + biases)


def cross_entropy(predicted, true):
    """The mean cross-entropy against labels 0 to 9."""
    predicted = tf.clip_by_value(predicted, 1e-9, 1.0)
    return tf.reduce_mean(-tf.reduce_sum(tf.one_hot(true, 10) * tf.math.log(predicted), axis=1))


def score(predicted, true):
    """The share of right answers."""
    return tf.reduce_mean(tf.cast(tf.equal(tf.argmax(predicted, 1), true), tf.float32))


@tf.function
def train(x, y):
    """One step of gradient descent; the loss before it."""
    with tf.GradientTape() as tape:
        loss = cross_entropy(predict(x), y)
    gradients = tape.gradient(loss, [weights, biases])
    optimizer.apply_gradients(zip(gradients, [weights, biases]))
    return loss


# Training
for step, (images, labels) in enumerate(dataset.take(STEPS)):
    loss = train(images, labels)
    if step % 100 == 0:
        print("loss at step %d: %.4g" % (step, loss))

# What comes of it
predicted = predict(digits.test_images)
print("test loss: %.4g" % cross_entropy(predicted, digits.test_labels))
print("test accuracy: %.3f" % score(predicted, digits.test_labels))
print("largest weight: %.4g" % tf.reduce_max(weights))
print("sum of squared weights: %.4g" % tf.reduce_sum(tf.square(weights)))

# Smaller steps in the end
optimizer.lr.assign(optimizer.lr / 10.0)
for images, labels in dataset.take(STEPS // 3):
    train(images, labels)
predicted = predict(digits.test_images)
print("learning rate in the end: %.4g" % optimizer.lr.numpy())
print("test loss in the end: %.4g" % cross_entropy(predicted, digits.test_labels))
