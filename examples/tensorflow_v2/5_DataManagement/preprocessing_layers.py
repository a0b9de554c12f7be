"""Prepares numbers, words and images by layers that learn from the data what they need.

Exercises Normalization, TextVectorization, Discretization, Rescaling, Resizing, CenterCrop and
CategoryEncoding of tf.keras.layers.experimental.preprocessing.

Fails from 2.16 on: Keras 3 has no layers.experimental.

Last lines in the baseline cell (TensorFlow 2.4.4, Python 3.8):

    shape after resizing: 2x4x4x1
    mean after resizing: 117.2
    mean of the centre: 114
"""

import numpy as np
import tensorflow as tf

# The same numbers every time
SEED = 7
tf.random.set_seed(SEED)
tf.config.threading.set_intra_op_parallelism_threads(1)
tf.config.threading.set_inter_op_parallelism_threads(1)

generator = np.random.RandomState(SEED)
numbers = generator.normal(5.0, 2.0, (200, 2)).astype(np.float32)
images = generator.uniform(0.0, 255.0, (2, 8, 8, 1)).astype(np.float32)
texts = np.array([["the ship sails"], ["the cook bakes the bread"], ["a ship"]])

preprocessing = tf.keras.layers.experimental.preprocessing

# Numbers
normalization = preprocessing.Normalization()
normalization.adapt(numbers)
scaled = normalization(numbers).numpy()
print("largest mean below 0.001: %s" % ("yes" if abs(scaled.mean(axis=0)).max() < 1e-3 else "no"))
print("spread after normalizing: %.4g" % scaled.std())
print("first numbers: %.4g %.4g" % tuple(scaled[0]))

# Words
vectorization = preprocessing.TextVectorization(max_tokens=8, output_sequence_length=5)
vectorization.adapt(texts)
words = vectorization.get_vocabulary()
print("words that are known: %d" % len(words))
print("commonest word: %s" % words[2])
print("first text: %s" % " ".join(str(number) for number in vectorization(texts).numpy()[0]))

# Images
print("sum after rescaling: %.4g" % preprocessing.Rescaling(1.0 / 255.0)(images).numpy().sum())
resized = preprocessing.Resizing(4, 4)(images).numpy()
print("shape after resizing: %s" % "x".join(str(size) for size in resized.shape))
print("mean after resizing: %.4g" % resized.mean())
cropped = preprocessing.CenterCrop(4, 4)(images).numpy()
print("mean of the centre: %.4g" % cropped.mean())
