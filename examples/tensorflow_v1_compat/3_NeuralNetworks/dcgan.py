"""Deep convolutional GAN: the two networks of the game made of (transposed) convolutions.

Exercises tf.layers (dense, conv2d, conv2d_transpose, batch_normalization),
tf.variable_scope(reuse), tf.get_collection, tf.control_dependencies on UPDATE_OPS,
tf.nn.leaky_relu.

A game between two networks amplifies rounding errors, and more so where Adam scales up tiny
gradients: hence few steps and a large epsilon.

Made by make_compat.py of tensorflow_v1's script: one import is another.

Last lines in the baseline cell (TensorFlow 1.15.5, Python 3.7):

    ink of the digits: 0.3058
    mean image became more similar: True
    similarity of the mean drawn image: 0.7328
"""

from __future__ import absolute_import, division, print_function

import os
import sys

import numpy as np
import tensorflow.compat.v1 as tf

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "data"))
from digits import batches, load_digits

tf.disable_v2_behavior()

# The same numbers every time
SEED = 7
tf.set_random_seed(SEED)

NOISE, FILTERS, BATCH, STEPS, REPORT, RATE = 16, 16, 50, 60, 30, 0.002
EPSILON = 1e-3

# The digits
digits = load_digits(flatten=False)
height, width = digits.train_images.shape[1:]


def make_initializer(number):
    """A seeded initialiser for the layer of this number."""
    return tf.glorot_uniform_initializer(seed=SEED + number)


def generate(noise, training, reuse=False):
    """Images from noise, twice doubled in height and width."""
    with tf.variable_scope("generator", reuse=reuse):
        units = (height // 4) * (width // 4) * 2 * FILTERS
        layer = tf.layers.dense(noise, units, kernel_initializer=make_initializer(0))
        layer = tf.nn.relu(tf.layers.batch_normalization(layer, training=training))
        layer = tf.reshape(layer, [-1, height // 4, width // 4, 2 * FILTERS])
        layer = tf.layers.conv2d_transpose(
            layer, FILTERS, 4, 2, padding="same", kernel_initializer=make_initializer(1)
        )
        layer = tf.nn.relu(tf.layers.batch_normalization(layer, training=training))
        layer = tf.layers.conv2d_transpose(
            layer, 1, 4, 2, padding="same", kernel_initializer=make_initializer(2)
        )
        return tf.nn.sigmoid(layer)


def discriminate(images, reuse=False):
    """Logits: the second column is for images held to be real."""
    with tf.variable_scope("discriminator", reuse=reuse):
        layer = images
        for number in (3, 4):
            layer = tf.layers.conv2d(
                layer, FILTERS, 3, 2, padding="same", kernel_initializer=make_initializer(number)
            )
            layer = tf.nn.leaky_relu(layer)
        layer = tf.reshape(layer, [-1, int(np.prod(layer.shape.as_list()[1:]))])
        return tf.layers.dense(layer, 2, kernel_initializer=make_initializer(5))


def find_loss(logits, answer):
    """Mean cross entropy if the answer is right (1 real, 0 generated)."""
    answers = tf.fill([tf.shape(logits)[0]], answer)
    return tf.reduce_mean(
        tf.nn.sparse_softmax_cross_entropy_with_logits(logits=logits, labels=answers)
    )


def make_training(loss, scope, after):
    """A training step of one network's variables, after the given operations."""
    optimizer = tf.train.AdamOptimizer(learning_rate=RATE, beta1=0.5, epsilon=EPSILON)
    variables = tf.get_collection(tf.GraphKeys.TRAINABLE_VARIABLES, scope=scope)
    print("variables of the %s: %d" % (scope, len(variables)))
    with tf.control_dependencies(after):
        return optimizer.minimize(loss, var_list=variables)


# The graph
x = tf.placeholder(tf.float32, [None, height, width, 1])
noise = tf.placeholder(tf.float32, [None, NOISE])
fake = generate(noise, training=True)
finished = generate(noise, training=False, reuse=True)
real_logits, fake_logits = discriminate(x), discriminate(fake, reuse=True)
generator_loss = find_loss(fake_logits, 1)
discriminator_loss = (find_loss(real_logits, 1) + find_loss(fake_logits, 0)) / 2
updates = tf.get_collection(tf.GraphKeys.UPDATE_OPS, scope="generator")
train_generator = make_training(generator_loss, "generator", updates)
train_discriminator = make_training(discriminator_loss, "discriminator", [])
config = tf.ConfigProto(intra_op_parallelism_threads=1, inter_op_parallelism_threads=1)

# Training, and what comes of it
with tf.Session(config=config) as session:
    session.run(tf.global_variables_initializer())
    stream = batches(digits.train_images, digits.train_labels, BATCH, seed=SEED)
    draw = np.random.RandomState(SEED)
    before = session.run(fake, feed_dict={noise: draw.uniform(-1, 1, [200, NOISE])})
    totals = np.zeros(2)
    for step in range(1, STEPS + 1):
        images, _ = next(stream)
        feed = {x: images[..., np.newaxis], noise: draw.uniform(-1, 1, [BATCH, NOISE])}
        _, caught = session.run([train_discriminator, discriminator_loss], feed_dict=feed)
        _, drawn = session.run([train_generator, generator_loss], feed_dict=feed)
        totals += [caught, drawn]
        if step % REPORT == 0:
            print("steps to %d mean discriminator loss: %.4g" % (step, totals[0] / REPORT))
            print("steps to %d mean generator loss: %.4g" % (step, totals[1] / REPORT))
            totals = np.zeros(2)
    last = session.run(finished, feed_dict={noise: draw.uniform(-1, 1, [200, NOISE])})

# What comes of it
mean_digit = digits.train_images.mean(axis=0)


def compare(drawn):
    """Correlation of the mean image with the mean digit, place by place."""
    return np.corrcoef(drawn.mean(axis=0).ravel(), mean_digit.ravel())[0, 1]


print("drawn images: %s" % "x".join("%d" % size for size in last.shape))
print("ink of the drawn images: %.4g" % np.mean(last))
print("ink of the digits: %.4g" % np.mean(mean_digit))
print("mean image became more similar: %s" % (compare(last) > compare(before) + 0.2))
print("similarity of the mean drawn image: %.4g" % compare(last))
