"""Classifies digits with two convolutions, two poolings, a dense layer and dropout.

Exercises tf.nn.conv2d, tf.nn.max_pool, tf.nn.dropout(x, keep_prob) and
tf.nn.softmax_cross_entropy_with_logits(logits, labels) by position.

Last lines in the baseline cell (TensorFlow 0.12.1, Python 3.6):

    first layer: 4x4x16
    second layer: 2x2x32
    flattened layer: 128
"""

import os
import sys

import numpy as np
import tensorflow as tf

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "data"))
from digits import batches, load_digits

# The same numbers every time
SEED = 7
tf.set_random_seed(SEED)
ONE_THREAD = tf.ConfigProto(intra_op_parallelism_threads=1, inter_op_parallelism_threads=1)

BATCH = 64
STEPS = 180
EVERY = 60
RATE = 0.012
KEEP = 0.8

# The digits
digits = load_digits(one_hot=True)
height, width = load_digits(flatten=False).train_images.shape[1:]


def make_weights(shape, seed):
    """Weights scaled to the inputs of a unit, so that training is smooth from the start."""
    scale = float(np.prod(shape[:-1])) ** -0.5
    return tf.Variable(tf.truncated_normal(shape, stddev=scale, seed=seed))


def convolve(images, kernel, filters):
    """3x3 convolution of the same size, bias, rectifier, then 2x2 pooling."""
    features = tf.nn.conv2d(images, kernel, strides=[1, 1, 1, 1], padding="SAME")
    features = tf.nn.relu(tf.nn.bias_add(features, tf.Variable(tf.zeros([filters]))))
    return tf.nn.max_pool(features, ksize=[1, 2, 2, 1], strides=[1, 2, 2, 1], padding="SAME")


# The graph
x = tf.placeholder(tf.float32, [None, height * width])
y = tf.placeholder(tf.float32, [None, 10])
keep = tf.placeholder(tf.float32)
images_in = tf.reshape(x, [-1, height, width, 1])
first = convolve(images_in, make_weights([3, 3, 1, 16], 1), 16)
second = convolve(first, make_weights([3, 3, 16, 32], 2), 32)
size = int(np.prod(second.get_shape().as_list()[1:]))
flat = tf.reshape(second, [-1, size])
full = tf.nn.relu(tf.matmul(flat, make_weights([size, 64], 3)) + tf.Variable(tf.zeros([64])))
dropped = tf.nn.dropout(full, keep, seed=4)
logits = tf.matmul(dropped, make_weights([64, 10], 5)) + tf.Variable(tf.zeros([10]))
cost = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(logits, y))
# With the usual epsilon, 1e-8, Adam takes whole steps along gradients that are mere rounding.
train = tf.train.AdamOptimizer(RATE, epsilon=1e-2).minimize(cost)
correct = tf.equal(tf.argmax(logits, 1), tf.argmax(y, 1))
accuracy = tf.reduce_mean(tf.cast(correct, tf.float32))

# Training, and what comes of it
with tf.Session(config=ONE_THREAD) as session:
    session.run(tf.initialize_all_variables())
    drawn = batches(digits.train_images, digits.train_labels, BATCH, seed=SEED)
    for step in range(STEPS):
        images, labels = next(drawn)
        loss = session.run([train, cost], feed_dict={x: images, y: labels, keep: KEEP})[1]
        if step % EVERY == 0:
            print("cost at step %d: %.4g" % (step, loss))
    unseen = {x: digits.test_images, y: digits.test_labels, keep: 1.0}
    print("test cost: %.4g" % session.run(cost, feed_dict=unseen))
    print("test accuracy: %.3f" % session.run(accuracy, feed_dict=unseen))

for name, tensor in (("first", first), ("second", second), ("flattened", flat)):
    sizes = [str(number) for number in tensor.get_shape().as_list()[1:]]
    print("%s layer: %s" % (name, "x".join(sizes)))
