"""K-means: clusters of digits found without labels, then named by the digit most seen in each.

Exercises tf.contrib.factorization.KMeans and its training_graph, tf.tables_initializer,
tf.nn.embedding_lookup.

Last lines in the baseline cell (TensorFlow 1.13.2, Python 3.7):

    step 20 mean square distance: 1.964
    cluster sizes: 28 32 32 34 36 38 45 46 48 50 50 50 51 56 60 65 74 74 74 75 77 78 80 95 149
    clusters of each digit: 1 3 2 2 2 4 2 2 4 3
    test mean square distance: 2.073
    test accuracy: 0.887
"""

from __future__ import absolute_import, division, print_function

import os
import sys

import numpy as np
import tensorflow as tf
from tensorflow.contrib.factorization import KMeans

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "data"))
from digits import CLASSES, load_digits

# The same numbers every time
SEED = 7
tf.set_random_seed(SEED)

CLUSTERS, STEPS, REPORT, ROWS = 25, 20, 5, 5000

# The digits
digits = load_digits(one_hot=True)
train_images, train_labels = digits.train_images[:ROWS], digits.train_labels[:ROWS]
pixels = train_images.shape[1]

# The graph
x = tf.placeholder(tf.float32, [None, pixels])
y = tf.placeholder(tf.float32, [None, CLASSES])
kmeans = KMeans(
    inputs=x,
    num_clusters=CLUSTERS,
    initial_clusters="kmeans_plus_plus",
    distance_metric="squared_euclidean",
    use_mini_batch=False,
    random_seed=SEED,
)
_, clusters, distances, initialized, initialize, train = kmeans.training_graph()
cluster = clusters[0]  # one list entry for each tensor of inputs
mean_distance = tf.reduce_mean(distances[0])

config = tf.ConfigProto(intra_op_parallelism_threads=1, inter_op_parallelism_threads=1)

# Training, and what comes of it
with tf.Session(config=config) as session:
    session.run(tf.global_variables_initializer(), feed_dict={x: train_images})
    session.run(initialize, feed_dict={x: train_images})
    print("centers chosen: %s" % session.run(initialized))
    for step in range(1, STEPS + 1):
        _, distance, assigned = session.run(
            [train, mean_distance, cluster], feed_dict={x: train_images}
        )
        if step == 1 or step % REPORT == 0:
            print("step %d mean square distance: %.4g" % (step, distance))

    counts = np.zeros([CLUSTERS, CLASSES])
    np.add.at(counts, assigned, train_labels)
    names = tf.convert_to_tensor(np.argmax(counts, axis=1))
    found = tf.nn.embedding_lookup(names, cluster)
    hits = tf.equal(found, tf.argmax(y, 1))
    accuracy = tf.reduce_mean(tf.cast(hits, tf.float32))
    sizes = np.sort(counts.sum(axis=1).astype(int))
    print("cluster sizes: %s" % " ".join("%d" % size for size in sizes))
    clusters_of = np.bincount(np.argmax(counts, axis=1), minlength=CLASSES)
    print("clusters of each digit: %s" % " ".join("%d" % count for count in clusters_of))
    test_feed = {x: digits.test_images, y: digits.test_labels}
    test_distance, test_accuracy = session.run([mean_distance, accuracy], feed_dict=test_feed)
    print("test mean square distance: %.4g" % test_distance)
    print("test accuracy: %.3f" % test_accuracy)
