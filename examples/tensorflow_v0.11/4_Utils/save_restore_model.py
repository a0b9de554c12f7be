"""Trains a small network, saves it, restores it in a new session and trains on.

Exercises tf.train.Saver (save, restore), tf.train.latest_checkpoint and
tf.train.NewCheckpointReader.

Last lines in the baseline cell (TensorFlow 0.12.1, Python 3.6):

    saved hidden_biases: 32
    saved out: 32x10
    saved out_biases: 10
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

BATCH = 100
RATE = 0.005
HIDDEN = 32

# The digits
digits = load_digits(one_hot=True)
pixels = digits.train_images.shape[1]

# The graph
x = tf.placeholder(tf.float32, [None, pixels], name="pixels")
y = tf.placeholder(tf.float32, [None, 10], name="labels")
hidden_weights = tf.Variable(tf.random_normal([pixels, HIDDEN], stddev=0.1, seed=1), name="hidden")
hidden_biases = tf.Variable(tf.zeros([HIDDEN]), name="hidden_biases")
out_weights = tf.Variable(tf.random_normal([HIDDEN, 10], stddev=0.1, seed=2), name="out")
out_biases = tf.Variable(tf.zeros([10]), name="out_biases")
hidden = tf.nn.relu(tf.matmul(x, hidden_weights) + hidden_biases)
logits = tf.matmul(hidden, out_weights) + out_biases
cost = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(logits, y))
train = tf.train.AdamOptimizer(RATE).minimize(cost)
correct = tf.equal(tf.argmax(logits, 1), tf.argmax(y, 1))
accuracy = tf.reduce_mean(tf.cast(correct, tf.float32))
unseen = {x: digits.test_images, y: digits.test_labels}
weights = [hidden_weights, hidden_biases, out_weights, out_biases]
saver = tf.train.Saver(weights)


def train_steps(session, steps, seed):
    """Train in the session; the test accuracy afterwards."""
    drawn = batches(digits.train_images, digits.train_labels, BATCH, seed=seed)
    for _ in range(steps):
        images, labels = next(drawn)
        session.run(train, feed_dict={x: images, y: labels})
    return session.run(accuracy, feed_dict=unseen)


# Training, and what comes of it
with tf.Session(config=ONE_THREAD) as session:
    session.run(tf.initialize_all_variables())
    print("first accuracy: %.3f" % train_steps(session, 60, SEED))
    saved_cost = session.run(cost, feed_dict=unseen)
    path = saver.save(session, os.path.join(os.getcwd(), "model.ckpt"), global_step=60)

with tf.Session(config=ONE_THREAD) as session:
    session.run(tf.initialize_all_variables())
    print("accuracy before restoring: %.3f" % session.run(accuracy, feed_dict=unseen))
    saver.restore(session, path)
    print("restored accuracy: %.3f" % session.run(accuracy, feed_dict=unseen))
    same = abs(session.run(cost, feed_dict=unseen) - saved_cost) < 1e-6
    print("restored cost is the saved one: %s" % ("yes" if same else "no"))
    print("accuracy after training on: %.3f" % train_steps(session, 120, SEED + 1))
    print("cost after training on: %.4g" % session.run(cost, feed_dict=unseen))

print("latest checkpoint: %s" % os.path.basename(tf.train.latest_checkpoint(os.getcwd())))
shapes = tf.train.NewCheckpointReader(path).get_variable_to_shape_map()
for name in sorted(shapes):
    print("saved %s: %s" % (name, "x".join(str(size) for size in shapes[name])))
