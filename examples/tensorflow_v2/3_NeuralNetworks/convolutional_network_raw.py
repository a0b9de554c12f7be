"""Classifies digits with convolutions made of plain variables.

Exercises tf.nn.conv2d, tf.nn.max_pool2d, tf.nn.bias_add, tf.GradientTape and tf.optimizers.SGD
with momentum, seen by get_slot.

Fails from 2.11 on: the new optimizers have no get_slot.

Last lines in the baseline cell (TensorFlow 2.4.4, Python 3.8):

    parameters: 13706
    test accuracy: 0.967
    shape of the momentum: 3x3x1x16
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

BATCH = 64
STEPS = 180

# The digits
digits = load_digits(flatten=False)
height, width = digits.train_images.shape[1:]
train_images = digits.train_images[..., np.newaxis]
test_images = digits.test_images[..., np.newaxis]
dataset = tf.data.Dataset.from_tensor_slices((train_images, digits.train_labels))
dataset = dataset.shuffle(2000, seed=SEED).repeat().batch(BATCH).prefetch(1)
generator = np.random.RandomState(SEED)


def make_weights(*shape):
    """Weights scaled to the inputs of a unit, so that training is smooth from the start."""
    scale = np.prod(shape[:-1]) ** -0.5
    return tf.Variable(generator.normal(0.0, scale, shape).astype(np.float32))


flat = -(-height // 4) * -(-width // 4) * 32  # each pooling halves, rounding up
weights = [
    make_weights(3, 3, 1, 16),
    make_weights(3, 3, 16, 32),
    make_weights(flat, 64),
    make_weights(64, 10),
]
biases = [tf.Variable(tf.zeros([w.shape[-1]])) for w in weights]
optimizer = tf.optimizers.SGD(0.03, momentum=0.8)


def convolve(x, layer):
    """3x3 convolution of the same size, bias, rectifier, then 2x2 pooling."""
    x = tf.nn.conv2d(x, weights[layer], strides=[1, 1, 1, 1], padding="SAME")
    x = tf.nn.relu(tf.nn.bias_add(x, biases[layer]))
    return tf.nn.max_pool2d(x, ksize=2, strides=2, padding="SAME")


def predict(x):
    """Probabilities of the ten digits."""
    x = convolve(convolve(x, 0), 1)
    x = tf.reshape(x, [-1, flat])
    x = tf.nn.relu(tf.matmul(x, weights[2]) + biases[2])
    return tf.nn.softmax(tf.matmul(x, weights[3]) + biases[3])


def cross_entropy(predicted, true):
    """The mean cross-entropy against labels 0 to 9."""
    predicted = tf.clip_by_value(predicted, 1e-9, 1.0)
    return tf.reduce_mean(-tf.reduce_sum(tf.one_hot(true, 10) * tf.math.log(predicted), axis=1))


@tf.function
def train(x, y):
    """One step; the loss before it."""
    with tf.GradientTape() as tape:
        loss = cross_entropy(predict(x), y)
    variables = weights + biases
    optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables))
    return loss


# Training
for step, (images, labels) in enumerate(dataset.take(STEPS)):
    loss = train(images, labels)
    if step % 60 == 0:
        print("loss at step %d: %.4g" % (step, loss))

# What comes of it
predicted = predict(test_images)
hits = tf.equal(tf.argmax(predicted, 1), digits.test_labels)
print("test loss: %.4g" % cross_entropy(predicted, digits.test_labels))
print("parameters: %d" % sum(int(tf.size(v)) for v in weights + biases))
print("test accuracy: %.3f" % tf.reduce_mean(tf.cast(hits, tf.float32)))
speed = optimizer.get_slot(weights[0], "momentum")
print("shape of the momentum: %s" % "x".join(str(size) for size in speed.shape))
