"""Neural network: two hidden layers behind the estimator interface read handwritten digits.

Exercises tf.estimator.Estimator with a model function (train, evaluate, predict),
tf.estimator.inputs.numpy_input_fn, tf.layers.dense, tf.metrics.accuracy.

Made by make_compat.py of tensorflow_v1's script: one import is another.

Last lines in the baseline cell (TensorFlow 1.15.5, Python 3.7):

    labels: 3 3 8 8 7 2 2 4 4 2
    test loss: 0.2025
    test accuracy: 0.947
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

HIDDEN, BATCH, STEPS, RATE = (64, 32), 100, 250, 0.1
MODEL_FOLDER = "neural_network_model"

# The digits
digits = load_digits()


def find_logits(images):
    """One score a class, through two hidden layers."""
    layer = images
    for number, units in enumerate(HIDDEN):
        layer = tf.layers.dense(
            layer,
            units,
            activation=tf.nn.relu,
            kernel_initializer=tf.glorot_uniform_initializer(seed=SEED + number),
        )
    return tf.layers.dense(
        layer, CLASSES, kernel_initializer=tf.glorot_uniform_initializer(seed=SEED)
    )


def build_model(features, labels, mode):
    """The model function: what to compute for prediction, training and evaluation."""
    logits = find_logits(features["images"])
    answers = tf.argmax(logits, axis=1)
    if mode == tf.estimator.ModeKeys.PREDICT:
        return tf.estimator.EstimatorSpec(mode, predictions={"digit": answers})
    loss = tf.reduce_mean(
        tf.nn.sparse_softmax_cross_entropy_with_logits(logits=logits, labels=labels)
    )
    train = tf.train.GradientDescentOptimizer(RATE).minimize(
        loss, global_step=tf.train.get_global_step()
    )
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
