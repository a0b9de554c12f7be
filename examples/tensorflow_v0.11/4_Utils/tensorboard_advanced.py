"""Logs weights and gradients as histograms and digits as images, and reads the log back.

Exercises tf.histogram_summary, tf.image_summary, tf.scalar_summary, tf.merge_summary,
tf.train.SummaryWriter, tf.gradients and apply_gradients.

Last lines in the baseline cell (TensorFlow 0.12.1, Python 3.6):

    values of model/out_weights/gradient: 40
    numbers in model/out_weights/gradient: 320
    sum of squares of model/out_weights/gradient: 0.209
"""

import glob
import os
import shutil
import sys

import numpy as np
import tensorflow as tf

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "data"))
from digits import batches, load_digits

# The same numbers every time
SEED = 7
tf.set_random_seed(SEED)
ONE_THREAD = tf.ConfigProto(intra_op_parallelism_threads=1, inter_op_parallelism_threads=1)

FOLDER = "tensorboard_advanced_logs"
BATCH = 100
STEPS = 40
RATE = 0.3
HIDDEN = 32

# The digits
digits = load_digits(one_hot=True)
height, width = load_digits(flatten=False).train_images.shape[1:]
pixels = height * width

# The graph
x = tf.placeholder(tf.float32, [None, pixels], name="pixels")
y = tf.placeholder(tf.float32, [None, 10], name="labels")
with tf.name_scope("model"):
    hidden_start = tf.random_normal([pixels, HIDDEN], stddev=0.1, seed=1)
    hidden_weights = tf.Variable(hidden_start, name="hidden_weights")
    hidden = tf.nn.relu(tf.matmul(x, hidden_weights))
    out_start = tf.random_normal([HIDDEN, 10], stddev=0.1, seed=2)
    out_weights = tf.Variable(out_start, name="out_weights")
    logits = tf.matmul(hidden, out_weights)
with tf.name_scope("loss"):
    cost = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(logits, y))
with tf.name_scope("train"):
    optimizer = tf.train.GradientDescentOptimizer(RATE)
    variables = tf.trainable_variables()
    gradients = list(zip(tf.gradients(cost, variables), variables))
    train = optimizer.apply_gradients(gradients)
accuracy = tf.reduce_mean(tf.cast(tf.equal(tf.argmax(logits, 1), tf.argmax(y, 1)), tf.float32))

summaries = [
    tf.scalar_summary("loss", cost),
    tf.image_summary("digit", tf.reshape(x, [-1, height, width, 1]), max_images=2),
]
for gradient, variable in gradients:
    name = variable.op.name
    summaries.append(tf.histogram_summary(name, variable))
    summaries.append(tf.histogram_summary(name + "/gradient", gradient))
merged = tf.merge_summary(summaries)

shutil.rmtree(FOLDER, ignore_errors=True)  # an earlier run's log would be read as well

# Training, and what comes of it
with tf.Session(config=ONE_THREAD) as session:
    session.run(tf.initialize_all_variables())
    writer = tf.train.SummaryWriter(FOLDER, graph=tf.get_default_graph())
    drawn = batches(digits.train_images, digits.train_labels, BATCH, seed=SEED)
    for step in range(STEPS):
        images, labels = next(drawn)
        summary = session.run([train, merged], feed_dict={x: images, y: labels})[1]
        writer.add_summary(summary, step)
    writer.close()
    unseen = {x: digits.test_images, y: digits.test_labels}
    print("test accuracy: %.3f" % session.run(accuracy, feed_dict=unseen))

# What comes of it
found = {}
for path in glob.glob(os.path.join(FOLDER, "*tfevents*")):
    for event in tf.train.summary_iterator(path):
        for value in event.summary.value:
            found.setdefault(value.tag, []).append(value)
for tag in sorted(found):
    last = found[tag][-1]
    print("values of %s: %d" % (tag, len(found[tag])))
    if last.HasField("image"):
        print("size of %s: %dx%d" % (tag, last.image.height, last.image.width))
    elif last.HasField("histo"):
        print("numbers in %s: %d" % (tag, last.histo.num))
        print("sum of squares of %s: %.4g" % (tag, last.histo.sum_squares))
    else:
        print("last %s: %.4g" % (tag, last.simple_value))
