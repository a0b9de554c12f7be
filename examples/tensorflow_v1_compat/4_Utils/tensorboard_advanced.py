"""TensorBoard, advanced: histograms of weights and gradients, images, text, and two runs to compare.

Exercises tf.summary (scalar, histogram, image, text, merge, FileWriter), Optimizer's
compute_gradients and apply_gradients, tf.trainable_variables, tf.train.summary_iterator.

Made by make_compat.py of tensorflow_v1's script: one import is another.

Last lines in the baseline cell (TensorFlow 1.15.5, Python 3.7):

    train step 90 out/bias_1: histogram of 10, root mean square 0.06426
    train step 90 out/bias/gradient: histogram of 10, root mean square 0.005812
    test accuracy: 0.917
"""

from __future__ import absolute_import, division, print_function

import os
import shutil
import sys

import numpy as np
import tensorflow.compat.v1 as tf

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "data"))
from digits import CLASSES, batches, load_digits

tf.disable_v2_behavior()

# The same numbers every time
SEED = 7
tf.set_random_seed(SEED)

HIDDEN, BATCH, STEPS, EVERY, RATE = 32, 100, 90, 30, 0.3
FOLDER = "tensorboard_advanced_logs"

# The digits
digits = load_digits(one_hot=True)
height, width = load_digits(flatten=False).train_images.shape[1:]
pixels = height * width


def build_logits(inputs):
    """One score a class, through one hidden layer with seeded weights."""
    hidden = tf.layers.dense(
        inputs,
        HIDDEN,
        activation=tf.nn.relu,
        kernel_initializer=tf.glorot_uniform_initializer(seed=SEED),
        name="hidden",
    )
    return tf.layers.dense(
        hidden,
        CLASSES,
        kernel_initializer=tf.glorot_uniform_initializer(seed=SEED + 1),
        name="out",
    )


# The graph
x = tf.placeholder(tf.float32, [None, pixels], name="images")
y = tf.placeholder(tf.float32, [None, CLASSES], name="labels")
logits = build_logits(x)
with tf.name_scope("loss"):
    loss = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits_v2(logits=logits, labels=y))
with tf.name_scope("training"):
    optimizer = tf.train.GradientDescentOptimizer(RATE)
    pairs = optimizer.compute_gradients(loss, tf.trainable_variables())
    train = optimizer.apply_gradients(pairs)
with tf.name_scope("accuracy"):
    hits = tf.equal(tf.argmax(logits, 1), tf.argmax(y, 1))
    accuracy = tf.reduce_mean(tf.cast(hits, tf.float32))

scalars = tf.summary.merge([tf.summary.scalar("cost", loss), tf.summary.scalar("share", accuracy)])
details = [tf.summary.image("digits", tf.reshape(x, [-1, height, width, 1]), max_outputs=2)]
details.append(tf.summary.text("remark", tf.constant("written by the training run")))
for gradient, variable in pairs:
    details.append(tf.summary.histogram(variable.op.name, variable))
    details.append(tf.summary.histogram(variable.op.name + "/gradient", gradient))
details = tf.summary.merge(details)


def describe(value):
    """What a summary holds, in words and numbers."""
    kind = value.WhichOneof("value")
    if kind == "histo":
        histogram = value.histo
        spread = (histogram.sum_squares / histogram.num) ** 0.5
        return "histogram of %d, root mean square %.4g" % (histogram.num, spread)
    if kind == "image":
        image = value.image
        return "image %dx%dx%d" % (image.height, image.width, image.colorspace)
    if kind == "tensor":
        return "tensor %s" % tf.make_ndarray(value.tensor).ravel()[0].decode("utf-8")
    return "scalar %.4g" % value.simple_value


shutil.rmtree(FOLDER, ignore_errors=True)
config = tf.ConfigProto(intra_op_parallelism_threads=1, inter_op_parallelism_threads=1)
test_feed = {x: digits.test_images, y: digits.test_labels}

# Training, and what comes of it
with tf.Session(config=config) as session:
    session.run(tf.global_variables_initializer())
    writers = {run: tf.summary.FileWriter(os.path.join(FOLDER, run)) for run in ("train", "test")}
    stream = batches(digits.train_images, digits.train_labels, BATCH, seed=SEED)
    for step in range(1, STEPS + 1):
        images, labels = next(stream)
        feed = {x: images, y: labels}
        session.run(train, feed_dict=feed)
        if step % EVERY == 0:
            writers["train"].add_summary(session.run(scalars, feed_dict=feed), step)
            writers["test"].add_summary(session.run(scalars, feed_dict=test_feed), step)
    writers["train"].add_summary(session.run(details, feed_dict=feed), STEPS)
    for writer in writers.values():
        writer.close()
    test_accuracy = session.run(accuracy, feed_dict=test_feed)

for run in ("test", "train"):
    (name,) = os.listdir(os.path.join(FOLDER, run))
    for event in tf.train.summary_iterator(os.path.join(FOLDER, run, name)):
        for value in event.summary.value:
            print("%s step %d %s: %s" % (run, event.step, value.tag, describe(value)))
print("test accuracy: %.3f" % test_accuracy)
