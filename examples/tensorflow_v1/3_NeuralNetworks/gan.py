"""Generative adversarial network: one network draws digits, another learns to tell them from real.

Exercises tf.Variable lists, minimize(var_list), tf.truncated_normal,
tf.nn.sigmoid_cross_entropy_with_logits, two optimizers that take turns.

A game between two networks amplifies rounding errors, and more so where Adam scales up tiny
gradients: hence few steps and a large epsilon.

Last lines in the baseline cell (TensorFlow 1.13.2, Python 3.7):

    ink of the first images: 0.5003
    ink of the last images: 0.416
    ink of the digits: 0.3058
    similarity of the mean first image: -0.04
    similarity of the mean last image: 0.6272
"""

from __future__ import absolute_import, division, print_function

import os
import sys

import numpy as np
import tensorflow as tf

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "data"))
from digits import batches, load_digits

# The same numbers every time
SEED = 7
tf.set_random_seed(SEED)

NOISE, HIDDEN, BATCH, STEPS, REPORT, RATE = 16, 64, 100, 240, 80, 0.004
SLOWER = 0.1  # a discriminator that learns as fast wins, and the generator learns nothing
EPSILON = 1e-2

# The digits
digits = load_digits()
pixels = digits.train_images.shape[1]


def draw_weights(rows, columns, number):
    """A variable of seeded weights, scaled to the number of inputs."""
    values = tf.truncated_normal([rows, columns], stddev=rows**-0.5, seed=SEED + number)
    return tf.Variable(values)


generator = [
    draw_weights(NOISE, HIDDEN, 0),
    tf.Variable(tf.zeros([HIDDEN])),
    draw_weights(HIDDEN, pixels, 1),
    tf.Variable(tf.zeros([pixels])),
]
discriminator = [
    draw_weights(pixels, HIDDEN, 2),
    tf.Variable(tf.zeros([HIDDEN])),
    draw_weights(HIDDEN, 1, 3),
    tf.Variable(tf.zeros([1])),
]


def generate(noise):
    """Images from noise."""
    hidden = tf.nn.tanh(tf.matmul(noise, generator[0]) + generator[1])
    return tf.nn.sigmoid(tf.matmul(hidden, generator[2]) + generator[3])


def discriminate(images):
    """Logits: positive for images held to be real."""
    hidden = tf.nn.tanh(tf.matmul(images, discriminator[0]) + discriminator[1])
    return tf.matmul(hidden, discriminator[2]) + discriminator[3]


def find_loss(logits, answer):
    """Mean cross entropy if the answer is right (1 real, 0 generated)."""
    answers = tf.ones_like(logits) * answer
    return tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(logits=logits, labels=answers))


# The graph
x = tf.placeholder(tf.float32, [None, pixels])
noise = tf.placeholder(tf.float32, [None, NOISE])
fake = generate(noise)
real_logits, fake_logits = discriminate(x), discriminate(fake)
generator_loss = find_loss(fake_logits, 1.0)
discriminator_loss = (find_loss(real_logits, 1.0) + find_loss(fake_logits, 0.0)) / 2
train_generator = tf.train.AdamOptimizer(RATE, epsilon=EPSILON).minimize(
    generator_loss, var_list=generator
)
train_discriminator = tf.train.AdamOptimizer(RATE * SLOWER, epsilon=EPSILON).minimize(
    discriminator_loss, var_list=discriminator
)
config = tf.ConfigProto(intra_op_parallelism_threads=1, inter_op_parallelism_threads=1)

# Training, and what comes of it
with tf.Session(config=config) as session:
    session.run(tf.global_variables_initializer())
    stream = batches(digits.train_images, digits.train_labels, BATCH, seed=SEED)
    draw = np.random.RandomState(SEED)
    totals = np.zeros(2)
    first = session.run(fake, feed_dict={noise: draw.uniform(-1, 1, [BATCH, NOISE])})
    for step in range(1, STEPS + 1):
        images, _ = next(stream)
        feed = {x: images, noise: draw.uniform(-1, 1, [BATCH, NOISE])}
        # One after the other: each network's step moves what the other one's is computed from.
        _, caught = session.run([train_discriminator, discriminator_loss], feed)
        _, drawn = session.run([train_generator, generator_loss], feed)
        totals += drawn, caught
        if step % REPORT == 0:
            print("steps to %d mean generator loss: %.4g" % (step, totals[0] / REPORT))
            print("steps to %d mean discriminator loss: %.4g" % (step, totals[1] / REPORT))
            totals = np.zeros(2)
    last = session.run(fake, feed_dict={noise: draw.uniform(-1, 1, [500, NOISE])})

# What comes of it
mean_digit = digits.train_images.mean(axis=0)


def compare(images):
    """Correlation of the mean image with the mean digit, pixel by pixel."""
    return np.corrcoef(images.mean(axis=0), mean_digit)[0, 1]


print("ink of the first images: %.4g" % np.mean(first))
print("ink of the last images: %.4g" % np.mean(last))
print("ink of the digits: %.4g" % np.mean(mean_digit))
print("similarity of the mean first image: %.2f" % compare(first))
print("similarity of the mean last image: %.4g" % compare(last))
