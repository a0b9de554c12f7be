"""Trains a small network, saves it, and restores it: by a checkpoint and by its weights alone.

Exercises tf.train.Checkpoint and CheckpointManager with the optimizer's state, and
Model.save_weights in TensorFlow's format. saved_model and keras_h5 save whole models.

Fails from 2.16 on: save_weights of Keras 3 wants a name that ends in .weights.h5.

Last lines in the baseline cell (TensorFlow 2.4.4, Python 3.8):

    optimizer steps: 200
    accuracy after training on: 0.967
    weights give the same logits: yes
"""

import os
import sys

import numpy as np
import tensorflow as tf

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "data"))
from digits import batches, load_digits
from weights import draw_weights

# The same numbers every time
SEED = 7
tf.random.set_seed(SEED)
tf.config.threading.set_intra_op_parallelism_threads(1)
tf.config.threading.set_inter_op_parallelism_threads(1)

BATCH = 100

# The digits
digits = load_digits()
pixels = digits.train_images.shape[1]


def make_model():
    """An untrained network and its optimizer; the same weights every time."""
    model = tf.keras.Sequential(
        [
            tf.keras.layers.Dense(32, activation="relu", input_shape=(pixels,)),
            tf.keras.layers.Dense(10),
        ]
    )
    model.set_weights(draw_weights(model.get_weights(), SEED))
    return model, tf.keras.optimizers.Adam(0.005)


def train(model, optimizer, steps, seed):
    """Train the model for some steps."""
    drawn = batches(digits.train_images, digits.train_labels, BATCH, seed=seed)

    @tf.function
    def step(x, y):
        with tf.GradientTape() as tape:
            loss = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=model(x))
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables))

    for _ in range(steps):
        step(*next(drawn))


def score(model):
    """The share of right answers on the test digits."""
    return np.mean(np.argmax(model(digits.test_images), axis=1) == digits.test_labels)


def agree(model):
    """yes if the model's logits are those of the trained model."""
    return "yes" if np.allclose(model(digits.test_images), trained, atol=1e-5) else "no"


model, optimizer = make_model()
print("untrained accuracy: %.3f" % score(model))
train(model, optimizer, 100, SEED)
trained = model(digits.test_images).numpy()
print("trained accuracy: %.3f" % score(model))

checkpoint = tf.train.Checkpoint(step=tf.Variable(100), model=model, optimizer=optimizer)
manager = tf.train.CheckpointManager(checkpoint, "checkpoints", max_to_keep=2)
for number in (1, 2, 3):
    manager.save(checkpoint_number=number)
print("checkpoints kept: %d" % len(manager.checkpoints))
print("newest checkpoint: %s" % os.path.basename(manager.latest_checkpoint))

restored, new_optimizer = make_model()
fresh = tf.train.Checkpoint(step=tf.Variable(0), model=restored, optimizer=new_optimizer)
fresh.restore(manager.latest_checkpoint)
print("step in the checkpoint: %d" % fresh.step.numpy())
print("checkpoint gives the same logits: %s" % agree(restored))

train(restored, new_optimizer, 100, SEED + 1)
print("optimizer steps: %d" % new_optimizer.iterations.numpy())
print("accuracy after training on: %.3f" % score(restored))

# The weights alone, without the optimizer's state
model.save_weights(os.path.join("weights", "model"))
weighted = make_model()[0]
weighted.load_weights(os.path.join("weights", "model"))
print("weights give the same logits: %s" % agree(weighted))
