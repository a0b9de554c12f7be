"""Feeds data to a model in five ways: arrays, a generator, text lines, CSV and zipped data sets.

Exercises tf.data.Dataset.from_tensor_slices, from_generator(output_types, output_shapes),
TextLineDataset, tf.io.decode_csv, zip, map, filter, batch, shuffle(seed), window and
tf.data.experimental.cardinality and tf.data.Options.

Fails from 2.6 on: the option map_vectorization was removed.

Last lines in the baseline cell (TensorFlow 2.4.4, Python 3.8):

    rows after ten: 7 9 3 6 2
    repeated: 0 1 2 0 1 2 10 11
    with options: [0 2 4] [ 6  8 10]
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

# The digits
digits = load_digits()


def total(dataset):
    """The sum of a data set of numbers."""
    return float(dataset.reduce(np.float64(0.0), lambda so_far, x: so_far + tf.cast(x, tf.float64)))


arrays = tf.data.Dataset.from_tensor_slices((digits.train_images, digits.train_labels))
print("images in arrays: %d" % tf.data.experimental.cardinality(arrays).numpy())
images, labels = next(iter(arrays.batch(64)))
print("shape of a batch: %dx%d" % tuple(images.shape))
print("mean of a batch: %.4g" % tf.reduce_mean(images))
print("sum of its labels: %d" % tf.reduce_sum(labels))

shuffled = arrays.shuffle(2000, seed=SEED).batch(8)
first = [" ".join(str(label) for label in batch[1].numpy()) for batch in shuffled.take(2)]
print("shuffled labels: %s" % first[0])
print("shuffled further: %s" % first[1])

threes = arrays.filter(lambda image, label: tf.equal(label, 3))
print("threes: %d" % len(list(threes)))
ink = total(threes.map(lambda image, label: tf.reduce_sum(image)))
print("mean ink of the threes: %.4g" % (ink / len(list(threes))))


def count_squares():
    """The squares of 0 to 9 with their roots."""
    for number in range(10):
        yield number * number, [float(number)]


squares = tf.data.Dataset.from_generator(
    count_squares, output_types=(tf.int64, tf.float32), output_shapes=([], [1])
)
print("sum of squares: %d" % total(squares.map(lambda square, root: square)))
windows = squares.map(lambda square, root: square).window(4, shift=2, drop_remainder=True)
sums = [int(total(window)) for window in windows]
print("sums of windows: %s" % " ".join(str(number) for number in sums))

with open("digits.csv", "w") as stream:
    for image, label in zip(digits.test_images[:50], digits.test_labels[:50]):
        stream.write("%d,%.6f,%s\n" % (label, image.sum(), "even" if label % 2 == 0 else "odd"))
rows = tf.data.TextLineDataset("digits.csv").map(lambda row: tf.io.decode_csv(row, [0, 0.0, ""]))
print("rows of CSV: %d" % len(list(rows)))
print("ink in CSV: %.4g" % total(rows.map(lambda label, ink, kind: ink)))
odd = rows.filter(lambda label, ink, kind: tf.equal(kind, "odd"))
print("odd rows: %d" % len(list(odd)))

pairs = tf.data.Dataset.zip((tf.data.Dataset.range(100), rows)).skip(10).take(5)
print("rows after ten: %s" % " ".join(str(int(row[1][0])) for row in pairs))
repeated = tf.data.Dataset.range(3).repeat(2).concatenate(tf.data.Dataset.range(10, 12))
print("repeated: %s" % " ".join(str(number) for number in repeated.as_numpy_iterator()))

# Options change how a pipeline runs, not what it gives.
options = tf.data.Options()
options.experimental_deterministic = True
options.experimental_optimization.map_vectorization.enabled = True
doubled = tf.data.Dataset.range(6).map(lambda x: 2 * x).batch(3).with_options(options)
print("with options: %s" % " ".join(str(batch) for batch in doubled.as_numpy_iterator()))
