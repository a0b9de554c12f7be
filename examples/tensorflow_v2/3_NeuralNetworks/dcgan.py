"""Makes digits from noise: a generator and a discriminator of convolutions train each other.

A short training, so that its numbers repeat: the images come nearer to digits, no more.
Exercises Conv2DTranspose, BatchNormalization(training), LeakyReLU,
tf.nn.sigmoid_cross_entropy_with_logits and two optimizers under one tf.function.

Last lines in the baseline cell (TensorFlow 2.4.4, Python 3.8):

    numbers in the discriminator: 4929
    distance after training: 0.3928
    distance with moving averages: 0.4981
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

BATCH = 50
STEPS = 40
NOISE = 16

# The digits
digits = load_digits(flatten=False)
height, width = digits.train_images.shape[1:]  # multiples of four, as 8 and 28 are
images = digits.train_images[..., np.newaxis] * 2.0 - 1.0


generator = tf.keras.Sequential(
    [
        tf.keras.layers.Dense(height // 4 * (width // 4) * 32, input_shape=(NOISE,)),
        tf.keras.layers.BatchNormalization(),
        tf.keras.layers.ReLU(),
        tf.keras.layers.Reshape((height // 4, width // 4, 32)),
        tf.keras.layers.Conv2DTranspose(16, 4, 2, padding="same"),
        tf.keras.layers.BatchNormalization(),
        tf.keras.layers.ReLU(),
        tf.keras.layers.Conv2DTranspose(1, 4, 2, padding="same", activation="tanh"),
    ]
)
discriminator = tf.keras.Sequential(
    [
        tf.keras.layers.Conv2D(16, 3, 2, padding="same", input_shape=(height, width, 1)),
        tf.keras.layers.LeakyReLU(0.2),
        tf.keras.layers.Conv2D(32, 3, 2, padding="same"),
        tf.keras.layers.LeakyReLU(0.2),
        tf.keras.layers.Flatten(),
        tf.keras.layers.Dense(1),
    ]
)
generator.set_weights(draw_weights(generator.get_weights(), 1))
discriminator.set_weights(draw_weights(discriminator.get_weights(), 2))
# With the usual epsilon, 1e-7, Adam takes whole steps along gradients that are mere rounding.
generator_optimizer = tf.optimizers.Adam(0.002, beta_1=0.5, epsilon=1e-3)
discriminator_optimizer = tf.optimizers.Adam(0.002, beta_1=0.5, epsilon=1e-3)


def cross_entropy(logits, truth):
    """The mean cross-entropy where all answers should be truth, 0.0 or 1.0."""
    truths = tf.fill(tf.shape(logits), truth)
    return tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(labels=truths, logits=logits))


@tf.function
def train(real, noise):
    """One step of both; their losses before it."""
    with tf.GradientTape() as generator_tape, tf.GradientTape() as discriminator_tape:
        fake = generator(noise, training=True)
        on_real, on_fake = discriminator(real), discriminator(fake)
        generator_loss = cross_entropy(on_fake, 1.0)
        discriminator_loss = cross_entropy(on_real, 1.0) + cross_entropy(on_fake, 0.0)
    for tape, loss, net, optimizer in (
        (generator_tape, generator_loss, generator, generator_optimizer),
        (discriminator_tape, discriminator_loss, discriminator, discriminator_optimizer),
    ):
        gradients = tape.gradient(loss, net.trainable_variables)
        optimizer.apply_gradients(zip(gradients, net.trainable_variables))
    return generator_loss, discriminator_loss


def measure_distance(noise, training):
    """Root mean square between the mean generated image and the mean digit.

    While training, normalization uses the batch at hand, and afterwards its moving averages.
    """
    made = generator(noise, training=training).numpy()
    return np.sqrt(np.mean((made.mean(axis=0) - images.mean(axis=0)) ** 2))


random_numbers = np.random.RandomState(SEED)
probe = random_numbers.normal(size=(200, NOISE)).astype(np.float32)
print("distance before training: %.4g" % measure_distance(probe, True))
drawn = batches(images, digits.train_labels, BATCH, seed=SEED)

# Training
for step in range(STEPS):
    noise = random_numbers.normal(size=(BATCH, NOISE)).astype(np.float32)
    losses = train(next(drawn)[0], noise)
    if step % 10 == 9:
        print("generator loss at step %d: %.4g" % (step + 1, losses[0]))
        print("discriminator loss at step %d: %.4g" % (step + 1, losses[1]))

print("shape of an image: %s" % "x".join(str(size) for size in generator(probe).shape[1:]))
print("numbers in the generator: %d" % generator.count_params())
print("numbers in the discriminator: %d" % discriminator.count_params())
print("distance after training: %.4g" % measure_distance(probe, True))
print("distance with moving averages: %.4g" % measure_distance(probe, False))
