"""Logs a training run for TensorBoard: scalars, histograms, an image and a graph; reads it back.

Exercises tf.summary.create_file_writer, tf.summary.scalar, histogram, image, trace_on, trace_export
and the event files' protocol buffers.

Last lines in the baseline cell (TensorFlow 2.4.4, Python 3.8):

    buckets of the weights: 20x3
    weights in the buckets: 640
    greatest weight: 0.6652
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
tf.random.set_seed(SEED)
tf.config.threading.set_intra_op_parallelism_threads(1)
tf.config.threading.set_inter_op_parallelism_threads(1)

FOLDER = "tensorboard_summaries_logs"
BATCH = 100
STEPS = 50

# The digits
digits = load_digits(one_hot=True, flatten=False)
height, width = digits.train_images.shape[1:]
pixels = height * width
generator = np.random.RandomState(SEED)
weights = tf.Variable(generator.normal(0.0, 0.1, (pixels, 10)).astype(np.float32), name="weights")
biases = tf.Variable(tf.zeros([10]), name="biases")
optimizer = tf.optimizers.SGD(0.5)


@tf.function
def train(x, y):
    """One step; the loss before it and the gradient of the weights."""
    with tf.GradientTape() as tape:
        logits = tf.matmul(tf.reshape(x, [-1, pixels]), weights) + biases
        loss = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(labels=y, logits=logits))
    gradients = tape.gradient(loss, [weights, biases])
    optimizer.apply_gradients(zip(gradients, [weights, biases]))
    return loss, gradients[0]


shutil.rmtree(FOLDER, ignore_errors=True)  # an earlier run's log would be read as well
writer = tf.summary.create_file_writer(FOLDER)
drawn = batches(digits.train_images, digits.train_labels, BATCH, seed=SEED)

# Training
for step in range(STEPS):
    images, labels = next(drawn)
    if step == 0:
        tf.summary.trace_on(graph=True)
    loss, gradient = train(images, labels)
    with writer.as_default():
        if step == 0:
            tf.summary.trace_export(name="train", step=0)
            tf.summary.image("digit", images[:2, :, :, np.newaxis], step=0, max_outputs=2)
        tf.summary.scalar("loss", loss, step=step)
        if step % 10 == 0:
            tf.summary.histogram("weights", weights, step=step, buckets=20)
            tf.summary.histogram("gradient", gradient, step=step, buckets=20)
writer.close()

# What comes of it
found = {}
for path in glob.glob(os.path.join(FOLDER, "*tfevents*")):
    for record in tf.data.TFRecordDataset(path):
        for value in tf.compat.v1.Event.FromString(record.numpy()).summary.value:
            found.setdefault(value.tag, []).append(value)
for tag in sorted(found):
    print("values of %s: %d" % (tag, len(found[tag])))
    print("plugin of %s: %s" % (tag, found[tag][0].metadata.plugin_data.plugin_name))
losses = [tf.make_ndarray(value.tensor) for value in found["loss"]]
buckets = tf.make_ndarray(found["weights"][-1].tensor)
print("first loss: %.4g" % losses[0])
print("last loss: %.4g" % losses[-1])
print("buckets of the weights: %dx%d" % buckets.shape)
print("weights in the buckets: %d" % buckets[:, 2].sum())
print("greatest weight: %.4g" % buckets[-1, 1])
