"""Trains with callbacks that stop early, keep the best weights, log, and save every other epoch.

Exercises EarlyStopping, CSVLogger, LambdaCallback and ModelCheckpoint with period and with
save_weights_only.

Fails from 2.16 on: ModelCheckpoint of Keras 3 does not take period.

Last lines in the baseline cell (TensorFlow 2.4.4, Python 3.8):

    columns of the log: epoch,accuracy,loss,val_accuracy,val_loss
    files kept: epoch_2.h5 epoch_4.h5 epoch_6.h5 epoch_8.h5
    last file holds the last weights: yes
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
EPOCHS = 8

digits = load_digits()
pixels = digits.train_images.shape[1]


def make_model():
    """One softmax layer; the same weights every time."""
    model = tf.keras.Sequential([tf.keras.layers.Dense(10, input_shape=(pixels,))])
    model.set_weights(draw_weights(model.get_weights(), SEED))
    loss = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(tf.keras.optimizers.SGD(0.5), loss, metrics=["accuracy"])
    return model


def fit(model, *callbacks):
    """Train in the same order of rows every time; the history."""
    return model.fit(
        digits.train_images,
        digits.train_labels,
        batch_size=BATCH,
        epochs=EPOCHS,
        shuffle=False,
        validation_data=(digits.test_images, digits.test_labels),
        callbacks=list(callbacks),
        verbose=0,
    ).history


# Stop once the loss falls by less than a tenth an epoch
stopping = tf.keras.callbacks.EarlyStopping(monitor="val_loss", min_delta=0.1, patience=1)
seen = []
counting = tf.keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append(epoch))
history = fit(make_model(), stopping, counting, tf.keras.callbacks.CSVLogger("log.csv"))
print("epochs until it stopped: %d" % len(seen))
print("last test loss: %.4g" % history["val_loss"][-1])
with open("log.csv") as stream:
    print("columns of the log: %s" % stream.readline().strip())

# Keep the weights of every other epoch
model = make_model()
keeping = tf.keras.callbacks.ModelCheckpoint("epoch_{epoch}.h5", save_weights_only=True, period=2)
fit(model, keeping)
kept = sorted(name for name in os.listdir(".") if name.startswith("epoch_"))
print("files kept: %s" % " ".join(kept))
restored = make_model()
restored.load_weights("epoch_8.h5")
same = np.allclose(restored.get_weights()[0], model.get_weights()[0])
print("last file holds the last weights: %s" % ("yes" if same else "no"))
