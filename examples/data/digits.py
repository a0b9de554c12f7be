"""The handwritten digits and the small text that the examples share.

Standard library and numpy only, Python 2.7 to 3.13, so that data is never what differs between
two versions of TensorFlow. The files lie beside this module, or in the folder that the environment
variable CALIPER_DATA names (``fetch_mnist.py`` fills one with the real MNIST, 28x28). Both sets are
in MNIST's own IDX format under MNIST's own names, so an example takes the image size from the data.
"""

from __future__ import division

import collections
import gzip
import io
import os
import struct

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
CLASSES = 10

#: IDX type codes and the numpy types they stand for; all are big-endian.
IDX_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}

#: Images: float32 from 0 to 1, (n, height * width) or (n, height, width).
#: Labels: int64 (n,), or float32 one-hot (n, 10).
Digits = collections.namedtuple(
    "Digits", ["train_images", "train_labels", "test_images", "test_labels"]
)


def data_folder():
    """The folder that the data files are read from."""
    return os.environ.get("CALIPER_DATA") or HERE


def load_digits(one_hot=False, flatten=True):
    """The digits as a ``Digits``; flatten=False keeps height and width in the images' shape."""
    train_images = read_idx("train-images-idx3-ubyte.gz")
    test_images = read_idx("t10k-images-idx3-ubyte.gz")
    train_labels = read_idx("train-labels-idx1-ubyte.gz").astype(np.int64)
    test_labels = read_idx("t10k-labels-idx1-ubyte.gz").astype(np.int64)
    return Digits(
        prepare_images(train_images, flatten),
        encode_one_hot(train_labels) if one_hot else train_labels,
        prepare_images(test_images, flatten),
        encode_one_hot(test_labels) if one_hot else test_labels,
    )


def load_words():
    """The words of the small text (see make_text.py), in order, lower case, without stops."""
    path = os.path.join(data_folder(), "text.txt")
    if not os.path.exists(path):  # a folder made for the real MNIST holds no text
        path = os.path.join(HERE, "text.txt")
    with io.open(path, encoding="ascii") as stream:
        return [str(word) for word in stream.read().replace(".", " ").split()]


def batches(images, labels, size, seed=0, epochs=None):
    """Whole shuffled batches (images, labels) of ``size`` rows; without end if epochs is None.

    The same seed gives the same batches on every version of numpy: RandomState's stream is frozen.
    """
    count = len(images)
    if not 0 < size <= count:
        raise ValueError("size is %r: choose a batch of 1 to %d rows" % (size, count))
    generator = np.random.RandomState(seed)
    epoch = 0
    while epochs is None or epoch < epochs:
        order = generator.permutation(count)
        for start in range(0, count - size + 1, size):
            rows = order[start : start + size]
            yield images[rows], labels[rows]
        epoch += 1


def prepare_images(images, flatten):
    """Bytes (n, height, width) as float32 from 0 to 1, one row an image if flatten."""
    scaled = images.astype(np.float32) / np.float32(255)
    return scaled.reshape(len(images), -1) if flatten else scaled


def encode_one_hot(labels):
    """Labels (n,) as float32 (n, 10) with a single 1 a row."""
    return np.eye(CLASSES, dtype=np.float32)[labels]


def read_idx(name):
    """The array in a gzipped IDX file of the data folder."""
    path = os.path.join(data_folder(), name)
    if not os.path.exists(path):
        raise IOError(
            "%s is not there: make it with make_digits.py or fetch_mnist.py (both in "
            "examples/data), or correct CALIPER_DATA" % path
        )
    with gzip.open(path, "rb") as stream:
        content = stream.read()
    zero, code, rank = struct.unpack(">HBB", content[:4])
    if zero != 0 or code not in IDX_TYPES:
        raise ValueError("%s is not an IDX file: it starts with %r" % (path, content[:4]))
    shape = struct.unpack(">%dI" % rank, content[4 : 4 + 4 * rank])
    return np.frombuffer(content, dtype=IDX_TYPES[code], offset=4 + 4 * rank).reshape(shape)
