"""TensorBoard, basics: named scopes and scalar summaries, written to an event file and read back.

Exercises tf.name_scope, tf.summary (scalar, merge_all, FileWriter), tf.train.summary_iterator.

Made by make_compat.py of tensorflow_v1's script: one import is another.

Last lines in the baseline cell (TensorFlow 1.15.5, Python 3.7):

    step 120 cost: 0.5126
    step 120 accuracy_1: 0.93
    test accuracy: 0.923
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

BATCH, STEPS, EVERY, RATE = 100, 120, 20, 0.3
FOLDER = "tensorboard_basic_logs"

# The digits
digits = load_digits(one_hot=True)
pixels = digits.train_images.shape[1]

# The graph
x = tf.placeholder(tf.float32, [None, pixels], name="images")
y = tf.placeholder(tf.float32, [None, CLASSES], name="labels")
with tf.name_scope("model"):
    weights = tf.Variable(tf.zeros([pixels, CLASSES]), name="weights")
    biases = tf.Variable(tf.zeros([CLASSES]), name="biases")
    prediction = tf.nn.softmax(tf.matmul(x, weights) + biases)
with tf.name_scope("loss"):
    cost = tf.reduce_mean(-tf.reduce_sum(y * tf.log(prediction), axis=1))
with tf.name_scope("training"):
    train = tf.train.GradientDescentOptimizer(RATE).minimize(cost)
with tf.name_scope("accuracy"):
    hits = tf.equal(tf.argmax(prediction, 1), tf.argmax(y, 1))
    accuracy = tf.reduce_mean(tf.cast(hits, tf.float32))
tf.summary.scalar("cost", cost)
tf.summary.scalar("accuracy", accuracy)
summaries = tf.summary.merge_all()

shutil.rmtree(FOLDER, ignore_errors=True)
config = tf.ConfigProto(intra_op_parallelism_threads=1, inter_op_parallelism_threads=1)

# Training, and what comes of it
with tf.Session(config=config) as session:
    session.run(tf.global_variables_initializer())
    writer = tf.summary.FileWriter(FOLDER, graph=session.graph)
    stream = batches(digits.train_images, digits.train_labels, BATCH, seed=SEED)
    for step in range(1, STEPS + 1):
        images, labels = next(stream)
        _, summary = session.run([train, summaries], feed_dict={x: images, y: labels})
        if step % EVERY == 0:
            writer.add_summary(summary, step)
    writer.close()
    test_feed = {x: digits.test_images, y: digits.test_labels}
    test_accuracy = session.run(accuracy, feed_dict=test_feed)

(name,) = os.listdir(FOLDER)
for event in tf.train.summary_iterator(os.path.join(FOLDER, name)):
    if event.graph_def:
        graph = tf.GraphDef.FromString(event.graph_def)
        scopes = {node.name.split("/")[0] for node in graph.node if "/" in node.name}
        print("scopes of the saved graph: %s" % " ".join(sorted(scopes)))
    for value in event.summary.value:
        print("step %d %s: %.4g" % (event.step, value.tag, value.simple_value))
print("test accuracy: %.3f" % test_accuracy)
