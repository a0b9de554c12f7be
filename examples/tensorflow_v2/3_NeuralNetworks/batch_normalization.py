"""Normalizes batches of images, and measures with the moving averages afterwards.

Exercises BatchNormalization on images and on vectors, its momentum, and its moving mean and
variance.

Differs from 2.16 on: the moving variance of images is that of the batch, no longer corrected.

Last lines in the baseline cell (TensorFlow 2.4.4, Python 3.8):

    spread of images by moving averages: 0.9353
    moving variance of vectors: 5.915 4.177 6.206
    spread of vectors by moving averages: 0.9999
"""

import numpy as np
import tensorflow as tf

# The same numbers every time
SEED = 7
tf.random.set_seed(SEED)
tf.config.threading.set_intra_op_parallelism_threads(1)
tf.config.threading.set_inter_op_parallelism_threads(1)

STEPS = 20

generator = np.random.RandomState(SEED)
images = generator.normal(2.0, 3.0, (2, 2, 2, 3)).astype(np.float32)  # 8 values a channel
vectors = images.reshape(-1, 3)
inputs = {"images": images, "vectors": vectors}
layers = {name: tf.keras.layers.BatchNormalization(momentum=0.5) for name in inputs}

for name in sorted(inputs):
    layer = layers[name]
    outputs = layer(inputs[name], training=True).numpy()
    print("values a channel of %s: %d" % (name, outputs.size // 3))
    print("spread after normalizing %s: %.4g" % (name, outputs.std()))
    for _ in range(STEPS):
        layer(inputs[name], training=True)
    gamma, beta, mean, variance = layer.get_weights()
    print("scales of %s: %s" % (name, " ".join("%g" % value for value in gamma)))
    print("moving mean of %s: %s" % (name, " ".join("%.4g" % value for value in mean)))

# The variance is that of the batch, or, corrected for its few values, that of all images
print("variance of the batch: %s" % " ".join("%.4g" % value for value in vectors.var(axis=0)))
for name in sorted(inputs):
    variance = layers[name].get_weights()[3]
    print("moving variance of %s: %s" % (name, " ".join("%.4g" % value for value in variance)))
    outputs = layers[name](inputs[name], training=False).numpy()
    print("spread of %s by moving averages: %.4g" % (name, outputs.std()))
