"""Convolutional network: two convolutions, pooling and dropout behind the estimator interface.

Exercises tf.estimator.Estimator, tf.layers (conv2d, max_pooling2d, dense, dropout),
tf.layers.flatten, tf.variable_scope(reuse), tf.estimator.inputs.numpy_input_fn.

Made by make_compat.py of tensorflow_v1's script.
flatten of tf.contrib.layers is tf.layers.flatten.

Last lines in the baseline cell (TensorFlow 1.15.5, Python 3.7):

    labels: 3 3 8 8 7 2 2 4 4 2
    test loss: 0.1794
    test accuracy: 0.927
"""

from __future__ import absolute_import, division, print_function

import os
import shutil
import sys

import numpy as np
import tensorflow.compat.v1 as tf

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "data"))
from digits import CLASSES, load_digits

tf.disable_v2_behavior()

# The same numbers every time
SEED = 7
np.random.seed(SEED)
tf.set_random_seed(SEED)

FILTERS, HIDDEN, DROPOUT, BATCH, STEPS, RATE = (8, 16), 64, 0.25, 64, 120, 0.015
MODEL_FOLDER = "convolutional_network_model"

# The digits
digits = load_digits(flatten=False)
height, width = digits.train_images.shape[1:]


def make_initializer(number):
    """A seeded initialiser for the layer of this number."""
    return tf.glorot_uniform_initializer(seed=SEED + number)


def find_logits(images, training, reuse):
    """One score a class; dropout is active in training alone, the weights are the same."""
    with tf.variable_scope("network", reuse=reuse):
        layer = tf.reshape(images, [-1, height, width, 1])
        for number, filters in enumerate(FILTERS):
            layer = tf.layers.conv2d(
                layer,
                filters,
                3,
                padding="same",
                activation=tf.nn.relu,
                kernel_initializer=make_initializer(number),
            )
            layer = tf.layers.max_pooling2d(layer, 2, 2)
        layer = tf.layers.flatten(layer)
        layer = tf.layers.dense(
            layer, HIDDEN, activation=tf.nn.relu, kernel_initializer=make_initializer(2)
        )
        layer = tf.layers.dropout(layer, rate=DROPOUT, training=training, seed=SEED)
        return tf.layers.dense(layer, CLASSES, kernel_initializer=make_initializer(3))


def build_model(features, labels, mode):
    """The model function: two uses of one network, with and without dropout."""
    train_logits = find_logits(features["images"], training=True, reuse=False)
    test_logits = find_logits(features["images"], training=False, reuse=True)
    answers = tf.argmax(test_logits, axis=1)
    if mode == tf.estimator.ModeKeys.PREDICT:
        return tf.estimator.EstimatorSpec(mode, predictions={"digit": answers})
    logits = train_logits if mode == tf.estimator.ModeKeys.TRAIN else test_logits
    loss = tf.reduce_mean(
        tf.nn.sparse_softmax_cross_entropy_with_logits(logits=logits, labels=labels)
    )
    # With the usual epsilon, 1e-8, Adam takes whole steps along gradients that are mere rounding.
    optimizer = tf.train.AdamOptimizer(RATE, epsilon=1e-3)
    train = optimizer.minimize(loss, global_step=tf.train.get_global_step())
    accuracy = tf.metrics.accuracy(labels=labels, predictions=answers)
    return tf.estimator.EstimatorSpec(
        mode, loss=loss, train_op=train, eval_metric_ops={"accuracy": accuracy}
    )


shutil.rmtree(MODEL_FOLDER, ignore_errors=True)
model = tf.estimator.Estimator(
    build_model,
    model_dir=MODEL_FOLDER,
    config=tf.estimator.RunConfig(
        tf_random_seed=SEED,
        session_config=tf.ConfigProto(
            intra_op_parallelism_threads=1, inter_op_parallelism_threads=1
        ),
    ),
)
# The queue keeps the rows' order: shuffled reading would depend on its threads.
order = np.random.permutation(len(digits.train_images))
train_input = tf.estimator.inputs.numpy_input_fn(
    x={"images": digits.train_images[order]},
    y=digits.train_labels[order],
    batch_size=BATCH,
    num_epochs=None,
    shuffle=False,
)
test_input = tf.estimator.inputs.numpy_input_fn(
    x={"images": digits.test_images},
    y=digits.test_labels,
    batch_size=BATCH,
    num_epochs=1,
    shuffle=False,
)
model.train(train_input, steps=STEPS)
scores = model.evaluate(test_input)
answers = [answer["digit"] for answer in model.predict(test_input)]

for name in sorted(model.get_variable_names()):
    if name.endswith(("kernel", "bias")):
        value = model.get_variable_value(name)
        print("shape of %s: %s" % (name, "x".join("%d" % size for size in value.shape)))
print("steps: %d" % scores["global_step"])
print("answers: %s" % " ".join("%d" % answer for answer in answers[:10]))
print("labels: %s" % " ".join("%d" % label for label in digits.test_labels[:10]))
print("test loss: %.4g" % scores["loss"])
print("test accuracy: %.3f" % scores["accuracy"])
