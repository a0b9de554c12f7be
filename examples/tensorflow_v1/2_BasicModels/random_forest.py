"""Random forest: extremely random trees, grown batch by batch, vote on handwritten digits.

Exercises tf.contrib.tensor_forest: ForestHParams, RandomForestGraphs (training_graph,
inference_graph, average_size, average_impurity), and shared resources' initialisation.

Last lines in the baseline cell (TensorFlow 1.13.2, Python 3.7):

    step 30 batch accuracy: 0.984
    step 40 mean nodes of a tree: 383
    step 40 batch accuracy: 0.986
    mean share of the winning vote: 0.6898
    test accuracy: 0.933
"""

from __future__ import absolute_import, division, print_function

import os
import sys

import numpy as np
import tensorflow as tf
from tensorflow.contrib.tensor_forest.python import tensor_forest
from tensorflow.python.ops import resources

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "data"))
from digits import CLASSES, batches, load_digits

# The same numbers every time
SEED = 7
tf.set_random_seed(SEED)

TREES, NODES, BATCH, STEPS, REPORT = 10, 1000, 500, 40, 10

# The digits
digits = load_digits()
pixels = digits.train_images.shape[1]

# The graph
x = tf.placeholder(tf.float32, [None, pixels])
y = tf.placeholder(tf.int32, [None])
params = tensor_forest.ForestHParams(
    num_classes=CLASSES,
    num_features=pixels,
    num_trees=TREES,
    max_nodes=NODES,
    split_after_samples=50,
    base_random_seed=SEED,
).fill()
forest = tensor_forest.RandomForestGraphs(params)
train = forest.training_graph(x, y)
loss = forest.training_loss(x, y)  # minus the mean number of nodes of a tree
votes, _, _ = forest.inference_graph(x)
hits = tf.equal(tf.argmax(votes, 1), tf.cast(y, tf.int64))
accuracy = tf.reduce_mean(tf.cast(hits, tf.float32))
initialize = tf.group(
    tf.global_variables_initializer(),
    resources.initialize_resources(resources.shared_resources()),
)

config = tf.ConfigProto(intra_op_parallelism_threads=1, inter_op_parallelism_threads=1)

# Training, and what comes of it
with tf.Session(config=config) as session:
    session.run(initialize)
    stream = batches(digits.train_images, digits.train_labels, BATCH, seed=SEED)
    for step in range(1, STEPS + 1):
        images, labels = next(stream)
        session.run([train, loss], feed_dict={x: images, y: labels})
        if step % REPORT == 0:
            size, share = session.run(
                [forest.average_size(), accuracy], feed_dict={x: images, y: labels}
            )
            print("step %d mean nodes of a tree: %.4g" % (step, size))
            print("step %d batch accuracy: %.3f" % (step, share))

    test_feed = {x: digits.test_images, y: digits.test_labels}
    test_votes = session.run(votes, feed_dict=test_feed)
    print("mean share of the winning vote: %.4g" % np.mean(np.max(test_votes, axis=1)))
    print("test accuracy: %.3f" % session.run(accuracy, feed_dict=test_feed))
