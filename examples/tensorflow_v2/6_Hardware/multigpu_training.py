"""Trains one model on two devices at once, which gives what one device would.

The devices are two logical CPU devices, so it runs anywhere. Exercises
tf.config.set_logical_device_configuration, tf.distribute.MirroredStrategy, strategy.run,
experimental_distribute_dataset and strategy.reduce.

Differs on 2.16: with Keras 3.4, gradients of two devices are not added up.

Last lines in the baseline cell (TensorFlow 2.4.4, Python 3.8):

    two devices agree with one: yes
    mean largest logit: 3.122
    test accuracy: 0.887
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
STEPS = 80
RATE = 0.2

cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)

# The digits
digits = load_digits()
pixels = digits.train_images.shape[1]
dataset = tf.data.Dataset.from_tensor_slices((digits.train_images, digits.train_labels))
dataset = dataset.shuffle(2000, seed=SEED, reshuffle_each_iteration=False)
dataset = dataset.repeat().batch(BATCH).take(STEPS)


def make_model():
    """A network of one hidden layer; the same weights every time."""
    model = tf.keras.Sequential(
        [
            tf.keras.layers.Dense(32, activation="relu", input_shape=(pixels,)),
            tf.keras.layers.Dense(10),
        ]
    )
    model.set_weights(draw_weights(model.get_weights(), SEED))
    return model


def train_step(model, optimizer, images, labels):
    """One step on this device's share of the batch; its share of the loss before it."""
    with tf.GradientTape() as tape:
        logits = model(images, training=True)
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits)
        loss = tf.nn.compute_average_loss(losses, global_batch_size=BATCH)
    gradients = tape.gradient(loss, model.trainable_variables)
    optimizer.apply_gradients(zip(gradients, model.trainable_variables))
    return loss


def train_on(strategy):
    """The model trained under the strategy; prints losses on the way."""
    with strategy.scope():
        model = make_model()
        optimizer = tf.keras.optimizers.SGD(RATE)

    @tf.function
    def train(images, labels):
        losses = strategy.run(train_step, args=(model, optimizer, images, labels))
        return strategy.reduce(tf.distribute.ReduceOp.SUM, losses, axis=None)

    for step, batch in enumerate(strategy.experimental_distribute_dataset(dataset)):
        loss = train(*batch)
        if step % 20 == 0:
            print("loss at step %d: %.4g" % (step, loss))
    return model


print("logical devices: %d" % len(tf.config.list_logical_devices("CPU")))
both = tf.distribute.MirroredStrategy(
    ["/cpu:0", "/cpu:1"], cross_device_ops=tf.distribute.ReductionToOneDevice()
)
print("replicas: %d" % both.num_replicas_in_sync)
shared = train_on(both)
single = train_on(tf.distribute.OneDeviceStrategy("/cpu:0"))
near = all(np.allclose(a, b, atol=1e-3) for a, b in zip(shared.get_weights(), single.get_weights()))
print("two devices agree with one: %s" % ("yes" if near else "no"))
logits = shared(digits.test_images).numpy()
print("mean largest logit: %.4g" % logits.max(axis=1).mean())
print("test accuracy: %.3f" % np.mean(logits.argmax(axis=1) == digits.test_labels))
