"""Save and restore: a trained model's weights go to a checkpoint, and training goes on from there.

Exercises tf.train.Saver (save, restore, max_to_keep), tf.train.latest_checkpoint,
tf.train.list_variables, tf.train.load_variable, tf.train.import_meta_graph, tf.add_to_collection.

Last lines in the baseline cell (TensorFlow 1.13.2, Python 3.7):

    trained further test loss: 0.1425
    trained further test accuracy: 0.960
    imported checkpoint: model-200
    imported test loss: 0.1425
    imported test accuracy: 0.960
"""

from __future__ import absolute_import, division, print_function

import os
import shutil
import sys

import numpy as np
import tensorflow as tf

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "data"))
from digits import CLASSES, batches, load_digits

# The same numbers every time
SEED = 7
tf.set_random_seed(SEED)

HIDDEN, BATCH, STEPS, RATE = 48, 100, 100, 0.2
FOLDER = "save_restore_checkpoints"

# The digits
digits = load_digits(one_hot=True)
pixels = digits.train_images.shape[1]


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
x = tf.placeholder(tf.float32, [None, pixels], name="x")
y = tf.placeholder(tf.float32, [None, CLASSES], name="y")
logits = build_logits(x)
loss = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits_v2(logits=logits, labels=y))
step_number = tf.train.get_or_create_global_step()
train = tf.train.MomentumOptimizer(RATE, 0.5).minimize(loss, global_step=step_number)
hits = tf.equal(tf.argmax(logits, 1), tf.argmax(y, 1))
accuracy = tf.reduce_mean(tf.cast(hits, tf.float32), name="accuracy")
tf.add_to_collection("findings", loss)
tf.add_to_collection("findings", accuracy)
saver = tf.train.Saver(max_to_keep=2)
config = tf.ConfigProto(intra_op_parallelism_threads=1, inter_op_parallelism_threads=1)
test_feed = {x: digits.test_images, y: digits.test_labels}


def train_on(session, seed):
    """STEPS more steps of training, then what the test digits say."""
    stream = batches(digits.train_images, digits.train_labels, BATCH, seed=seed)
    for _ in range(STEPS):
        images, labels = next(stream)
        session.run(train, feed_dict={x: images, y: labels})


def report(session, name):
    """Prints loss and accuracy on the test digits."""
    values = session.run([loss, accuracy], feed_dict=test_feed)
    print("%s test loss: %.4g" % (name, values[0]))
    print("%s test accuracy: %.3f" % (name, values[1]))


shutil.rmtree(FOLDER, ignore_errors=True)
os.makedirs(FOLDER)

# Training, and what comes of it
with tf.Session(config=config) as session:
    session.run(tf.global_variables_initializer())
    report(session, "untrained")
    train_on(session, SEED)
    saver.save(session, os.path.join(FOLDER, "model"), global_step=step_number)
    saved_logits = session.run(logits, feed_dict=test_feed)
    report(session, "saved")

checkpoint = tf.train.latest_checkpoint(FOLDER)
print("checkpoint: %s" % os.path.basename(checkpoint))
for name, shape in tf.train.list_variables(checkpoint):
    print("shape of %s: %s" % (name, "x".join("%d" % size for size in shape) or "scalar"))
print("saved step: %d" % tf.train.load_variable(checkpoint, "global_step"))

with tf.Session(config=config) as session:
    saver.restore(session, checkpoint)
    restored_logits = session.run(logits, feed_dict=test_feed)
    print("restored as saved: %s" % np.array_equal(saved_logits, restored_logits))
    train_on(session, SEED + 1)
    saver.save(session, os.path.join(FOLDER, "model"), global_step=step_number)
    report(session, "trained further")

# The graph itself comes back from the checkpoint's meta file, without the code above.
checkpoint = tf.train.latest_checkpoint(FOLDER)
with tf.Graph().as_default() as graph, tf.Session(config=config, graph=graph) as session:
    tf.train.import_meta_graph(checkpoint + ".meta").restore(session, checkpoint)
    feed = {"x:0": digits.test_images, "y:0": digits.test_labels}
    values = session.run(tf.get_collection("findings"), feed_dict=feed)
    print("imported checkpoint: %s" % os.path.basename(checkpoint))
    print("imported test loss: %.4g" % values[0])
    print("imported test accuracy: %.3f" % values[1])
