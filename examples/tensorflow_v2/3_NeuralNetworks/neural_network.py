"""Classifies digits with a subclass of tf.keras.Model, trained by a tape.

Exercises tf.keras.Model, tf.keras.layers.Dense, names of weights,
tf.nn.sparse_softmax_cross_entropy_with_logits and tf.optimizers.SGD.

Differs from 2.16 on: weights are named kernel, no longer neural_net/dense/kernel:0.

Last lines in the baseline cell (TensorFlow 2.4.4, Python 3.8):

    parameters: 6570
    test accuracy: 0.960
    names of the weights: neural_net/dense/kernel:0 neural_net/dense/bias:0
"""

import os
import sys

import numpy as np
import tensorflow as tf

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "data"))
from digits import load_digits
from weights import draw_weights

# The same numbers every time
SEED = 7
tf.random.set_seed(SEED)
tf.config.threading.set_intra_op_parallelism_threads(1)
tf.config.threading.set_inter_op_parallelism_threads(1)

BATCH = 100
STEPS = 400

# The digits
digits = load_digits()
dataset = tf.data.Dataset.from_tensor_slices((digits.train_images, digits.train_labels))
dataset = dataset.shuffle(2000, seed=SEED).repeat().batch(BATCH).prefetch(1)


class NeuralNet(tf.keras.Model):
    """Two hidden layers; logits, or probabilities once trained."""

    def __init__(self):
        super(NeuralNet, self).__init__()
        self.first = tf.keras.layers.Dense(64, activation=tf.nn.relu)
        self.second = tf.keras.layers.Dense(32, activation=tf.nn.relu)
        self.out = tf.keras.layers.Dense(10)

    def call(self, x, training=False):
        """Logits while training, else probabilities."""
        logits = self.out(self.second(self.first(x)))
        return logits if training else tf.nn.softmax(logits)


# The model
net = NeuralNet()
net(digits.test_images[:1])  # makes the weights
net.set_weights(draw_weights(net.get_weights(), SEED))
optimizer = tf.optimizers.SGD(0.2)


def cross_entropy(logits, labels):
    """The mean cross-entropy of logits against labels 0 to 9."""
    labels = tf.cast(labels, tf.int64)
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits)
    return tf.reduce_mean(losses)


@tf.function
def train(x, y):
    """One step of gradient descent; the loss before it."""
    with tf.GradientTape() as tape:
        loss = cross_entropy(net(x, training=True), y)
    gradients = tape.gradient(loss, net.trainable_variables)
    optimizer.apply_gradients(zip(gradients, net.trainable_variables))
    return loss


# Training
for step, (images, labels) in enumerate(dataset.take(STEPS)):
    loss = train(images, labels)
    if step % 100 == 0:
        print("loss at step %d: %.4g" % (step, loss))

# What comes of it
predicted = net(digits.test_images).numpy()
print("test loss: %.4g" % cross_entropy(net(digits.test_images, training=True), digits.test_labels))
print("mean confidence: %.4g" % predicted.max(axis=1).mean())
print("parameters: %d" % net.count_params())
print("test accuracy: %.3f" % np.mean(predicted.argmax(axis=1) == digits.test_labels))
print("names of the weights: %s" % " ".join(weight.name for weight in net.weights[:2]))
