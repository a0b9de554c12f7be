"""Image data set: digits written as PNG and JPEG files, read back through queues, and trained on.

Exercises tf.image (encode_png, encode_jpeg, decode_png, decode_jpeg, resize_images), tf.write_file,
tf.read_file, tf.train (slice_input_producer, batch, Coordinator, start_queue_runners), tf.layers.

Last lines in the baseline cell (TensorFlow 1.13.2, Python 3.7):

    steps to 60 mean accuracy: 0.920
    steps to 80 mean loss: 0.1634
    steps to 80 mean accuracy: 0.947
    test images: 124
    test accuracy: 0.919
"""

from __future__ import absolute_import, division, print_function

import os
import shutil
import sys

import numpy as np
import tensorflow as tf

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "data"))
from digits import load_digits

# The same numbers every time
SEED = 7
tf.set_random_seed(SEED)

FOLDER, ROWS, KINDS, BATCH, STEPS, REPORT, RATE = "image_dataset", 400, 4, 32, 80, 20, 0.01
SIDE = 16  # of the images as the model sees them
CONFIG = tf.ConfigProto(intra_op_parallelism_threads=1, inter_op_parallelism_threads=1)

# The digits
digits = load_digits(flatten=False)


def write_images(kind, encode):
    """Writes the first ROWS digits below KINDS, a folder a label; returns names and labels."""
    chosen = np.flatnonzero(digits.train_labels < KINDS)[:ROWS]
    names, labels = [], []
    with tf.Graph().as_default(), tf.Session(config=CONFIG) as session:
        pixels = tf.placeholder(tf.uint8, [None, None, 1])
        name = tf.placeholder(tf.string, [])
        write = tf.write_file(name, encode(pixels))
        for row in chosen:
            label = int(digits.train_labels[row])
            folder = os.path.join(FOLDER, kind, "%d" % label)
            if not os.path.isdir(folder):
                os.makedirs(folder)
            names.append(os.path.join(folder, "%04d.%s" % (row, kind)))
            labels.append(label)
            image = np.rint(digits.train_images[row] * 255).astype(np.uint8)[..., np.newaxis]
            session.run(write, feed_dict={name: names[-1], pixels: image})
    return names, labels


def read_images(names, labels, decode):
    """A batch of images and labels: names shuffled once a pass, one reading thread, in order."""
    name, label = tf.train.slice_input_producer([names, labels], shuffle=True, seed=SEED)
    image = tf.to_float(decode(tf.read_file(name), channels=1)) / 255.0
    image = tf.image.resize_images(image, [SIDE, SIDE], align_corners=True)
    image.set_shape([SIDE, SIDE, 1])
    return tf.train.batch([image, label], batch_size=BATCH, capacity=4 * BATCH, num_threads=1)


def build_logits(images):
    """One score a label from a convolution and a dense layer with seeded weights."""
    layer = tf.layers.conv2d(
        images,
        8,
        3,
        strides=2,
        activation=tf.nn.relu,
        kernel_initializer=tf.glorot_uniform_initializer(seed=SEED),
    )
    layer = tf.layers.max_pooling2d(layer, 2, 2)
    return tf.layers.dense(
        tf.layers.flatten(layer),
        KINDS,
        kernel_initializer=tf.glorot_uniform_initializer(seed=SEED + 1),
    )


shutil.rmtree(FOLDER, ignore_errors=True)
png_names, labels = write_images("png", tf.image.encode_png)
jpg_names, _ = write_images("jpg", lambda pixels: tf.image.encode_jpeg(pixels, quality=90))
print("files: %d" % (len(png_names) + len(jpg_names)))
print("images of each label: %s" % " ".join("%d" % count for count in np.bincount(labels)))

png_images, png_labels = read_images(png_names, labels, tf.image.decode_png)
jpg_images, jpg_labels = read_images(jpg_names, labels, tf.image.decode_jpeg)
build = tf.make_template("model", build_logits)  # one set of weights, used twice
logits = build(png_images)
loss = tf.reduce_mean(
    tf.nn.sparse_softmax_cross_entropy_with_logits(logits=logits, labels=png_labels)
)
hits = tf.equal(tf.argmax(logits, 1), tf.cast(png_labels, tf.int64))
accuracy = tf.reduce_mean(tf.cast(hits, tf.float32))
train = tf.train.AdamOptimizer(RATE).minimize(loss)

# Digits that were not written to files, to test it with
unseen = digits.test_labels < KINDS
test_images = tf.constant(digits.test_images[unseen][..., np.newaxis])
test_images = tf.image.resize_images(test_images, [SIDE, SIDE], align_corners=True)
test_hits = tf.equal(tf.argmax(build(test_images), 1), digits.test_labels[unseen])
test_accuracy = tf.reduce_mean(tf.cast(test_hits, tf.float32))

# Training, and what comes of it
with tf.Session(config=CONFIG) as session:
    session.run(tf.global_variables_initializer())
    coordinator = tf.train.Coordinator()
    threads = tf.train.start_queue_runners(sess=session, coord=coordinator)
    values = session.run([png_images, png_labels, jpg_images, jpg_labels])
    print("shape of a batch: %s" % "x".join("%d" % size for size in values[0].shape))
    print("labels of a batch: %s" % " ".join("%d" % label for label in values[1][:12]))
    print("same order in both formats: %s" % np.array_equal(values[1], values[3]))
    print("mean of a PNG batch: %.4g" % np.mean(values[0]))
    print("mean of a JPEG batch: %.4g" % np.mean(values[2]))
    print("mean loss of JPEG: %.4g" % np.mean(np.abs(values[0] - values[2])))
    totals = np.zeros(2)
    for step in range(1, STEPS + 1):
        totals += session.run([train, loss, accuracy])[1:]
        if step % REPORT == 0:
            print("steps to %d mean loss: %.4g" % (step, totals[0] / REPORT))
            print("steps to %d mean accuracy: %.3f" % (step, totals[1] / REPORT))
            totals = np.zeros(2)
    print("test images: %d" % unseen.sum())
    print("test accuracy: %.3f" % session.run(test_accuracy))
    coordinator.request_stop()
    coordinator.join(threads)
