"""Multilayer perceptron: two ReLU layers with weight decay, trained for whole epochs.

Exercises tf.get_variable, tf.contrib.layers (xavier_initializer, l2_regularizer),
tf.losses.softmax_cross_entropy, tf.losses.get_total_loss, tf.train.exponential_decay.

Last lines in the baseline cell (TensorFlow 1.13.2, Python 3.7):

    epoch 8 mean cost: 0.1543
    epoch 10 mean cost: 0.1292
    learning rate at the end: 0.06974
    test loss: 0.1533
    test accuracy: 0.950
"""

from __future__ import absolute_import, division, print_function

import os
import sys

import numpy as np
import tensorflow as tf
from tensorflow.contrib.layers import l2_regularizer, xavier_initializer

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "data"))
from digits import CLASSES, batches, load_digits

# The same numbers every time
SEED = 7
tf.set_random_seed(SEED)

HIDDEN, BATCH, EPOCHS, REPORT, RATE, DECAY = (64, 64), 50, 10, 2, 0.2, 1e-4

# The digits
digits = load_digits(one_hot=True)
pixels = digits.train_images.shape[1]
rows = min(len(digits.train_images), 1500)
steps = rows // BATCH  # of an epoch


def add_layer(inputs, units, number):
    """A fully connected layer whose weights count in the regularisation losses."""
    with tf.variable_scope("layer_%d" % number):
        weights = tf.get_variable(
            "weights",
            [inputs.shape[1].value, units],
            initializer=xavier_initializer(seed=SEED + number),
            regularizer=l2_regularizer(DECAY),
        )
        biases = tf.get_variable("biases", [units], initializer=tf.zeros_initializer())
        return tf.nn.bias_add(tf.matmul(inputs, weights), biases)


# The graph
x = tf.placeholder(tf.float32, [None, pixels])
y = tf.placeholder(tf.float32, [None, CLASSES])
layer = x
for number, units in enumerate(HIDDEN):
    layer = tf.nn.relu(add_layer(layer, units, number))
logits = add_layer(layer, CLASSES, len(HIDDEN))
loss = tf.losses.softmax_cross_entropy(onehot_labels=y, logits=logits)
total_loss = tf.losses.get_total_loss()
step_number = tf.train.get_or_create_global_step()
rate = tf.train.exponential_decay(RATE, step_number, steps, 0.9, staircase=True)
train = tf.train.GradientDescentOptimizer(rate).minimize(total_loss, global_step=step_number)
hits = tf.equal(tf.argmax(logits, 1), tf.argmax(y, 1))
accuracy = tf.reduce_mean(tf.cast(hits, tf.float32))

sizes = [np.prod(variable.shape.as_list()) for variable in tf.trainable_variables()]
print("variables: %s" % " ".join(variable.op.name for variable in tf.trainable_variables()))
print("parameters: %d" % np.sum(sizes))
config = tf.ConfigProto(intra_op_parallelism_threads=1, inter_op_parallelism_threads=1)

# Training, and what comes of it
with tf.Session(config=config) as session:
    session.run(tf.global_variables_initializer())
    stream = batches(digits.train_images, digits.train_labels, BATCH, seed=SEED)
    for epoch in range(1, EPOCHS + 1):
        costs = []
        for _ in range(steps):
            images, labels = next(stream)
            costs.append(session.run([train, total_loss], feed_dict={x: images, y: labels})[1])
        if epoch % REPORT == 0:
            print("epoch %d mean cost: %.4g" % (epoch, np.mean(costs)))
    print("learning rate at the end: %.4g" % session.run(rate))
    test_feed = {x: digits.test_images, y: digits.test_labels}
    print("test loss: %.4g" % session.run(loss, feed_dict=test_feed))
    print("test accuracy: %.3f" % session.run(accuracy, feed_dict=test_feed))
