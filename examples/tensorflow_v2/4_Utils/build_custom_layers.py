"""Builds a network from layers of its own making, with a loss and a metric of its own too.

Exercises tf.keras.layers.Layer (build, call, get_config, add_weight, add_loss, add_metric),
tf.keras.Model, tf.keras.metrics.Metric and compile and fit with them.

Fails from 2.16 on: layers of Keras 3 have no add_metric.

Last lines in the baseline cell (TensorFlow 2.4.4, Python 3.8):

    test confidence: 0.9162
    test accuracy: 0.957
    metrics of a watched layer: 1
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
STEPS = 60
EPOCHS = 3

# The digits
digits = load_digits()


class Linear(tf.keras.layers.Layer):
    """A dense layer that penalizes large weights."""

    def __init__(self, units, penalty=0.0, **options):
        super(Linear, self).__init__(**options)
        self.units, self.penalty = units, penalty

    def build(self, input_shape):
        """Make the weights once the size of the input is known."""
        self.kernel = self.add_weight(name="kernel", shape=(int(input_shape[-1]), self.units))
        self.bias = self.add_weight(name="bias", shape=(self.units,), initializer="zeros")
        super(Linear, self).build(input_shape)

    def call(self, inputs):
        """Weighted sums."""
        self.add_loss(self.penalty * tf.reduce_sum(tf.square(self.kernel)))
        return tf.matmul(inputs, self.kernel) + self.bias

    def get_config(self):
        """What it takes to make the layer again."""
        config = super(Linear, self).get_config()
        config.update({"units": self.units, "penalty": self.penalty})
        return config


class Swish(tf.keras.layers.Layer):
    """x times sigmoid(slope x), with a slope that is learnt."""

    def build(self, input_shape):
        """Make the slope."""
        self.slope = self.add_weight(name="slope", shape=(), initializer="ones")

    def call(self, inputs):
        """The activation."""
        return inputs * tf.sigmoid(self.slope * inputs)


class Confidence(tf.keras.metrics.Metric):
    """The mean probability that was given to the right answer."""

    def __init__(self, name="confidence", **options):
        super(Confidence, self).__init__(name=name, **options)
        self.total = self.add_weight(name="total", initializer="zeros")
        self.count = self.add_weight(name="count", initializer="zeros")

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Take in a batch."""
        right = tf.one_hot(tf.cast(tf.reshape(y_true, [-1]), tf.int32), 10)
        given = tf.reduce_sum(tf.nn.softmax(y_pred) * right, axis=1)
        self.total.assign_add(tf.reduce_sum(given))
        self.count.assign_add(tf.cast(tf.size(given), tf.float32))

    def result(self):
        """The mean so far."""
        return self.total / self.count


class Network(tf.keras.Model):
    """Two dense layers with a learnt activation between them."""

    def __init__(self):
        super(Network, self).__init__()
        self.hidden = Linear(32, penalty=1e-3)
        self.activation = Swish()
        self.out = Linear(10)

    def call(self, inputs):
        """Logits."""
        return self.out(self.activation(self.hidden(inputs)))


def mean_cross_entropy(y_true, y_pred):
    """The cross-entropy of each row."""
    labels = tf.cast(tf.reshape(y_true, [-1]), tf.int32)
    return tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=y_pred)


dataset = tf.data.Dataset.from_tensor_slices((digits.train_images, digits.train_labels))
dataset = dataset.shuffle(2000, seed=SEED).repeat().batch(BATCH).prefetch(1)
model = Network()
model(digits.test_images[:1])  # makes the weights
model.set_weights(draw_weights(model.get_weights(), SEED))
model.compile(
    optimizer=tf.keras.optimizers.Adam(0.01),
    loss=mean_cross_entropy,
    metrics=["accuracy", Confidence()],
)

# Training
history = model.fit(dataset, epochs=EPOCHS, steps_per_epoch=STEPS, verbose=0)
for epoch, loss in enumerate(history.history["loss"]):
    print("mean loss in epoch %d: %.4g" % (epoch + 1, loss))

again = Linear.from_config(model.hidden.get_config())
results = model.evaluate(digits.test_images, digits.test_labels, batch_size=300, verbose=0)
print("layers: %s" % " ".join(type(layer).__name__ for layer in model.layers))
print("parameters: %d" % model.count_params())
print("units of the layer made again: %d" % again.units)
print("slope of the activation: %.4g" % model.activation.slope.numpy())
model(digits.test_images)  # eagerly, so that the losses below are numbers
print("penalty: %.4g" % sum(float(loss) for loss in model.losses if float(loss)))
print("test loss: %.4g" % results[0])
print("test confidence: %.4g" % results[2])
print("test accuracy: %.3f" % results[1])


class Watched(Linear):
    """A layer that reports the mean size of what it gives."""

    def call(self, inputs):
        """Weighted sums."""
        outputs = super(Watched, self).call(inputs)
        self.add_metric(tf.reduce_mean(tf.abs(outputs)), name="size", aggregation="mean")
        return outputs


watched = Watched(4)
watched(tf.ones([2, 3]))
print("metrics of a watched layer: %d" % len(watched.metrics))
