"""Writes the digits to TFRecord files as tf.train.Example and reads them back.

Exercises tf.io.TFRecordWriter with compression, tf.train.Example, tf.data.TFRecordDataset,
tf.io.parse_single_example, tf.io.parse_example, tf.io.VarLenFeature and tf.io.decode_raw.

Last lines in the baseline cell (TensorFlow 2.4.4, Python 3.8):

    keys: image ink inked label
    mean ink of 0: 20.02
    mean ink of 1: 20.52
"""

import os
import sys

import numpy as np
import tensorflow as tf

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "data"))
from digits import load_digits

# The same numbers every time
SEED = 7
tf.random.set_seed(SEED)
tf.config.threading.set_intra_op_parallelism_threads(1)
tf.config.threading.set_inter_op_parallelism_threads(1)

COUNT = 300

# The digits
digits = load_digits()


def make_example(image, label):
    """One image as a protocol buffer, with its inked places as a list of unequal length."""
    levels = np.rint(image * 255).astype(np.uint8)
    inked = np.flatnonzero(levels > 200)
    return tf.train.Example(
        features=tf.train.Features(
            feature={
                "image": tf.train.Feature(bytes_list=tf.train.BytesList(value=[levels.tobytes()])),
                "label": tf.train.Feature(int64_list=tf.train.Int64List(value=[int(label)])),
                "ink": tf.train.Feature(float_list=tf.train.FloatList(value=[image.sum()])),
                "inked": tf.train.Feature(int64_list=tf.train.Int64List(value=inked)),
            }
        )
    )


half = COUNT // 2
for name, rows in (("first.tfrecords", slice(0, half)), ("second.tfrecords", slice(half, COUNT))):
    with tf.io.TFRecordWriter(name, tf.io.TFRecordOptions(compression_type="GZIP")) as writer:
        for image, label in zip(digits.train_images[rows], digits.train_labels[rows]):
            writer.write(make_example(image, label).SerializeToString())

features = {
    "image": tf.io.FixedLenFeature([], tf.string),
    "label": tf.io.FixedLenFeature([], tf.int64),
    "ink": tf.io.FixedLenFeature([], tf.float32),
    "inked": tf.io.VarLenFeature(tf.int64),
    "colour": tf.io.FixedLenFeature([], tf.string, default_value="grey"),
}


def parse(record):
    """The image from 0 to 1, its label, its ink, how many places are inked, its colour."""
    example = tf.io.parse_single_example(record, features)
    image = tf.cast(tf.io.decode_raw(example["image"], tf.uint8), tf.float32) / 255.0
    return image, example["label"], example["ink"], tf.size(example["inked"]), example["colour"]


raw = tf.data.TFRecordDataset(["first.tfrecords", "second.tfrecords"], compression_type="GZIP")
images, labels, inks, inked, colours = zip(*raw.map(parse).as_numpy_iterator())
print("records: %d" % len(labels))
print("labels agree: %s" % ("yes" if np.array_equal(labels, digits.train_labels[:COUNT]) else "no"))
same = np.allclose(images, digits.train_images[:COUNT], atol=1e-6)
print("images agree: %s" % ("yes" if same else "no"))
print("colour: %s" % " ".join(sorted(set(colour.decode("ascii") for colour in colours))))
print("mean ink: %.4g" % np.mean(inks))
print("most inked places: %d" % max(inked))

batch = tf.io.parse_example(list(raw.take(32).as_numpy_iterator()), features)
print("batch of labels: %s" % " ".join(str(label) for label in batch["label"].numpy()[:8]))
print("shape of the sparse part: %dx%d" % tuple(batch["inked"].dense_shape.numpy()))
example = tf.train.Example.FromString(next(iter(raw)).numpy())
print("keys: %s" % " ".join(sorted(example.features.feature)))
for digit in (0, 1):
    ink = np.mean([ink for ink, label in zip(inks, labels) if label == digit])
    print("mean ink of %d: %.4g" % (digit, ink))
