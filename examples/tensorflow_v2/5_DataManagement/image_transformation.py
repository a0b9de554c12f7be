"""Turns, mirrors, resizes and recolours a digit, and a data set of digits.

Exercises tf.image: flips, rot90, resize, central_crop, pad_to_bounding_box, adjust_brightness,
adjust_contrast, adjust_hue, rgb_to_grayscale, sobel_edges, ssim and stateless_random_brightness.

Last lines in the baseline cell (TensorFlow 2.4.4, Python 3.8):

    weighted mean of first batch: 0.1016
    last batch: 50x4x4x1
    weighted mean of last batch: 0.1017
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
digits = load_digits(flatten=False)
height, width = digits.train_images.shape[1:]
grey = digits.train_images[0][:, :, np.newaxis]
ramp = np.linspace(0.2, 0.8, width, dtype=np.float32)[np.newaxis, :, np.newaxis]
image = tf.constant(np.concatenate([grey, 1.0 - grey, np.broadcast_to(ramp, grey.shape)], axis=2))


def show(name, changed):
    """Print the shape of an image and a weighted mean of its first channel.

    The weights grow with the square of the place, so a move, a mirror and a blur all show.
    """
    changed = changed.numpy()
    print("%s: %s" % (name, "x".join(str(size) for size in changed.shape)))
    channel = changed[..., 0].astype(np.float64)
    places = np.arange(channel.size).reshape(channel.shape) / float(channel.size)
    print("weighted mean of %s: %.4g" % (name, np.mean(places**2 * channel)))


show("original", image)
show("mirrored", tf.image.flip_left_right(image))
show("upside down", tf.image.flip_up_down(image))
show("turned", tf.image.rot90(image, k=1))
show("transposed", tf.image.transpose(image))
show("bilinear", tf.image.resize(image, [12, 20]))
show("nearest", tf.image.resize(image, [12, 20], method="nearest"))
show("bicubic", tf.image.resize(image, [12, 20], method=tf.image.ResizeMethod.BICUBIC))
show("shrunk", tf.image.resize(image, [5, 5], method="area"))
show("cropped", tf.image.central_crop(image, 0.5))
show("padded", tf.image.pad_to_bounding_box(image, 2, 3, height + 4, width + 4))
show("brighter", tf.image.adjust_brightness(image, 0.2))
show("contrast", tf.image.adjust_contrast(image, 1.5))
show("hue", tf.image.adjust_hue(image, 0.1))
show("saturation", tf.image.adjust_saturation(image, 0.5))
show("gamma", tf.image.adjust_gamma(image, 2.0))
show("greyscale", tf.image.rgb_to_grayscale(image))
show("standardised", tf.nn.relu(tf.image.per_image_standardization(image)))
edges = tf.image.sobel_edges(image[tf.newaxis])
show("edges", tf.sqrt(tf.reduce_sum(tf.square(edges), axis=-1))[0])

similarity = tf.image.ssim(
    tf.image.resize(image, [32, 32]), tf.image.resize(tf.image.flip_up_down(image), [32, 32]), 1.0
)
print("similarity to itself upside down: %.4g" % similarity)
print("signal to noise when brighter: %.4g" % tf.image.psnr(image, image + 0.1, 1.0))
show("random brightness", tf.image.stateless_random_brightness(image, 0.3, seed=(SEED, 1)))
cropped = tf.image.stateless_random_crop(image, (height // 2, width // 2, 3), seed=(SEED, 2))
show("random crop", cropped)

dataset = tf.data.Dataset.from_tensor_slices(digits.train_images[:200, :, :, np.newaxis])
dataset = dataset.map(tf.image.flip_left_right).shuffle(200, seed=SEED)
dataset = dataset.map(lambda x: tf.image.resize(x, [4, 4])).batch(50)
batches = list(dataset)
print("batches: %d" % len(batches))
show("first batch", batches[0])
show("last batch", batches[-1])
