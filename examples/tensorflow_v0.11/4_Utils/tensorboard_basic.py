"""Logs the cost and accuracy of a training run for TensorBoard and reads the log back.

Exercises tf.scalar_summary, tf.merge_all_summaries, tf.train.SummaryWriter, tf.name_scope and
tf.train.summary_iterator.

Last lines in the baseline cell (TensorFlow 0.12.1, Python 3.6):

    values of loss: 60
    first loss: 2.303
    last loss: 0.5454
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

FOLDER = "tensorboard_basic_logs"
BATCH = 100
STEPS = 60
RATE = 0.5

# The digits
digits = load_digits(one_hot=True)
pixels = digits.train_images.shape[1]

# The graph
x = tf.placeholder(tf.float32, [None, pixels], name="pixels")
y = tf.placeholder(tf.float32, [None, 10], name="labels")
with tf.name_scope("model"):
    weights = tf.Variable(tf.zeros([pixels, 10]), name="weights")
    biases = tf.Variable(tf.zeros([10]), name="biases")
    predicted = tf.nn.softmax(tf.matmul(x, weights) + biases)
with tf.name_scope("loss"):
    cost = tf.reduce_mean(-tf.reduce_sum(y * tf.log(predicted), reduction_indices=1))
with tf.name_scope("train"):
    train = tf.train.GradientDescentOptimizer(RATE).minimize(cost)
with tf.name_scope("accuracy"):
    correct = tf.equal(tf.argmax(predicted, 1), tf.argmax(y, 1))
    accuracy = tf.reduce_mean(tf.cast(correct, tf.float32))

tf.scalar_summary("loss", cost)
tf.scalar_summary("accuracy", accuracy)
merged = tf.merge_all_summaries()

shutil.rmtree(FOLDER, ignore_errors=True)  # an earlier run's log would be read as well

# Training, and what comes of it
with tf.Session(config=ONE_THREAD) as session:
    session.run(tf.initialize_all_variables())
    writer = tf.train.SummaryWriter(FOLDER, session.graph)
    drawn = batches(digits.train_images, digits.train_labels, BATCH, seed=SEED)
    for step in range(STEPS):
        images, labels = next(drawn)
        summary = session.run([train, merged], feed_dict={x: images, y: labels})[1]
        writer.add_summary(summary, step)
    writer.close()
    unseen = {x: digits.test_images, y: digits.test_labels}
    print("test accuracy: %.3f" % session.run(accuracy, feed_dict=unseen))

# What comes of it
series = {}
graphs = 0
for path in glob.glob(os.path.join(FOLDER, "*tfevents*")):
    for event in tf.train.summary_iterator(path):
        graphs += int(bool(event.graph_def))
        for value in event.summary.value:
            series.setdefault(value.tag, []).append(value.simple_value)
print("graphs logged: %d" % graphs)
for tag in sorted(series):
    print("values of %s: %d" % (tag, len(series[tag])))
    print("first %s: %.4g" % (tag, series[tag][0]))
    print("last %s: %.4g" % (tag, series[tag][-1]))
