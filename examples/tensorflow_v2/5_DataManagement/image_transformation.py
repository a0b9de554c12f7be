"""Turns, mirrors, resizes and recolours a digit, and shuffles such changes into a data set.

Exercises tf.image: flips, rot90, resize, central_crop, pad_to_bounding_box, adjust_brightness,
adjust_contrast, adjust_hue, rgb_to_grayscale, sobel_edges, ssim and stateless_random_brightness.

At home the last lines read:

    weighted mean of random crop: 0.2786
    batches: 4
    means of batches: 0.3032 0.314 0.3145 0.3108
"""

import os
import random
import sys

import numpy as np
import tensorflow as tf

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "data"))
from digits import load_digits

SEED = 7
random.seed(SEED)
np.random.seed(SEED)
tf.random.set_seed(SEED)
tf.config.threading.set_intra_op_parallelism_threads(1)
tf.config.threading.set_inter_op_parallelism_threads(1)

digits = load_digits(flatten=False)
height, width = digits.train_images.shape[1:]
grey = digits.train_images[0][:, :, np.newaxis]
ramp = np.linspace(0.2, 0.8, width, dtype=np.float32)[np.newaxis, :, np.newaxis]
image = tf.constant(np.concatenate([grey, 1.0 - grey, np.broadcast_to(ramp, grey.shape)], axis=2))
places = np.arange(height * width * 3, dtype=np.float32).reshape(height, width, 3)
places /= places.max()


def show(name, changed):
    """Print the shape of an image and its mean weighted by place, which feels every move."""
    changed = changed.numpy()
    shape = "x".join(str(size) for size in changed.shape)
    numbers = np.arange(changed.size, dtype=np.float64).reshape(changed.shape) / changed.size
    print("%s: %s" % (name, shape))
    print("weighted mean of %s: %.4g" % (name, np.mean(numbers * changed)))


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

likeness = tf.image.ssim(
    tf.image.resize(image, [32, 32]), tf.image.resize(tf.image.flip_up_down(image), [32, 32]), 1.0
)
print("likeness to itself upside down: %.4g" % likeness)
print("signal to noise when brighter: %.4g" % tf.image.psnr(image, image + 0.1, 1.0))
show("random brightness", tf.image.stateless_random_brightness(image, 0.3, seed=(SEED, 1)))
cropped = tf.image.stateless_random_crop(image, (height // 2, width // 2, 3), seed=(SEED, 2))
show("random crop", cropped)

dataset = tf.data.Dataset.from_tensor_slices(digits.train_images[:200, :, :, np.newaxis])
dataset = dataset.map(tf.image.flip_left_right).map(lambda x: tf.image.resize(x, [4, 4])).batch(50)
means = [float(tf.reduce_mean(batch)) for batch in dataset]
print("batches: %d" % len(means))
print("means of batches: %s" % " ".join("%.4g" % mean for mean in means))
