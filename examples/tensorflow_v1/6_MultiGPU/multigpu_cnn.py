"""Several devices, convolutional network: each device takes its part of the batch, gradients are
averaged on the first one, which holds the variables.

The devices are CPUs, so that it runs anywhere: a session may split the processor into several.

Exercises tf.device with a placement function, tf.variable_scope(reuse), tf.split,
tf.layers (conv2d, max_pooling2d, dense), Optimizer's compute_gradients and apply_gradients.

Last lines in the baseline cell (TensorFlow 1.13.2, Python 3.7):

    steps to 40 mean loss: 0.6413
    steps to 60 mean loss: 0.3008
    steps to 80 mean loss: 0.1792
    test loss: 0.1648
    test accuracy: 0.960
"""

from __future__ import absolute_import, division, print_function

import os
import sys

import numpy as np
import tensorflow as tf

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "data"))
from digits import CLASSES, batches, load_digits

# The same numbers every time
SEED = 7
tf.set_random_seed(SEED)

DEVICES, FILTERS, HIDDEN, BATCH, STEPS, REPORT, RATE = 2, 12, 48, 64, 80, 20, 0.005
VARIABLE_TYPES = ("Variable", "VariableV2", "AutoReloadVariable", "VarHandleOp")

# The digits
digits = load_digits(one_hot=True, flatten=False)
height, width = digits.train_images.shape[1:]


def make_initializer(number):
    """A seeded initialiser for the layer of this number."""
    return tf.glorot_uniform_initializer(seed=SEED + number)


def build_logits(images, reuse):
    """One score a class, with the same variables on each device."""
    with tf.variable_scope("network", reuse=reuse):
        layer = tf.layers.conv2d(
            tf.expand_dims(images, 3),
            FILTERS,
            3,
            padding="same",
            activation=tf.nn.relu,
            kernel_initializer=make_initializer(0),
        )
        layer = tf.layers.flatten(tf.layers.max_pooling2d(layer, 2, 2))
        layer = tf.layers.dense(
            layer, HIDDEN, activation=tf.nn.relu, kernel_initializer=make_initializer(1)
        )
        return tf.layers.dense(layer, CLASSES, kernel_initializer=make_initializer(2))


def place_on(device):
    """A placement function: variables on the first device, all else on the given one."""
    return lambda operation: "/cpu:0" if operation.type in VARIABLE_TYPES else device


def average_gradients(towers):
    """(gradient, variable) pairs with each variable's gradients of all towers averaged."""
    averages = []
    for pairs in zip(*towers):
        gradients = tf.stack([gradient for gradient, _ in pairs])
        averages.append((tf.reduce_mean(gradients, axis=0), pairs[0][1]))
    return averages


with tf.device("/cpu:0"):
    x = tf.placeholder(tf.float32, [None, height, width])
    y = tf.placeholder(tf.float32, [None, CLASSES])
    optimizer = tf.train.AdamOptimizer(RATE)
    towers, losses, scores = [], [], []
    parts = zip(tf.split(x, DEVICES), tf.split(y, DEVICES))
    for number, (images, labels) in enumerate(parts):
        with tf.device(place_on("/cpu:%d" % (number + 1))):
            logits = build_logits(images, reuse=number > 0)
            errors = tf.nn.softmax_cross_entropy_with_logits_v2(logits=logits, labels=labels)
            losses.append(tf.reduce_mean(errors))
            scores.append(logits)
            towers.append(optimizer.compute_gradients(losses[-1]))
    loss = tf.add_n(losses) / DEVICES
    train = optimizer.apply_gradients(average_gradients(towers))
    hits = tf.equal(tf.argmax(tf.concat(scores, 0), 1), tf.argmax(y, 1))
    accuracy = tf.reduce_mean(tf.cast(hits, tf.float32))

for logits in scores:
    print("device of a tower: %s" % logits.device.lower().split("/")[-1])
print(
    "devices of the variables: %s"
    % " ".join(
        sorted({variable.device.lower().split("/")[-1] for variable in tf.trainable_variables()})
    )
)
print("variables: %d" % len(tf.trainable_variables()))

config = tf.ConfigProto(
    device_count={"CPU": DEVICES + 1},
    allow_soft_placement=True,
    intra_op_parallelism_threads=1,
    inter_op_parallelism_threads=1,
)

# Training, and what comes of it
with tf.Session(config=config) as session:
    session.run(tf.global_variables_initializer())
    stream = batches(digits.train_images, digits.train_labels, BATCH, seed=SEED)
    total = 0.0
    for step in range(1, STEPS + 1):
        images, labels = next(stream)
        total += session.run([train, loss], feed_dict={x: images, y: labels})[1]
        if step % REPORT == 0:
            print("steps to %d mean loss: %.4g" % (step, total / REPORT))
            total = 0.0
    count = len(digits.test_images) // DEVICES * DEVICES
    test_feed = {x: digits.test_images[:count], y: digits.test_labels[:count]}
    print("test loss: %.4g" % session.run(loss, feed_dict=test_feed))
    print("test accuracy: %.3f" % session.run(accuracy, feed_dict=test_feed))
