"""Learns word vectors from a small text by the skip-gram model with noise-contrastive loss.

Words of one topic keep company in the text, so their vectors should come to lie together.
Exercises tf.nn.embedding_lookup, tf.random.log_uniform_candidate_sampler, tf.nn.nce_loss and
tf.GradientTape with sparse gradients.

Differs from 2.16 on: Adam of Keras 3 treats a row that comes twice in a batch otherwise.

Last lines in the baseline cell (TensorFlow 2.4.4, Python 3.8):

    similarity between topics is lower: yes
    least similarity: -0.5145
    nearest noun is of the same topic: 1.000
"""

import collections
import os
import sys

import numpy as np
import tensorflow as tf

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "data"))
from digits import load_words

# The same numbers every time
SEED = 7
tf.random.set_seed(SEED)
tf.config.threading.set_intra_op_parallelism_threads(1)
tf.config.threading.set_inter_op_parallelism_threads(1)

SIZE = 16
WINDOW = 2
SAMPLED = 12
BATCH = 256
STEPS = 500
FREQUENT = 0.03
TOPICS = {
    "sea": ["ship", "sailor", "harbour", "wave", "anchor", "captain"],
    "kitchen": ["bread", "cook", "oven", "soup", "butter", "knife"],
    "court": ["king", "queen", "crown", "castle", "throne", "knight"],
    "farm": ["horse", "cow", "barn", "field", "farmer", "plough"],
}

# The text
words = load_words()
counts = collections.Counter(words)
words = [word for word in words if counts[word] < FREQUENT * len(words)]
counts = collections.Counter(words)
vocabulary = sorted(counts, key=lambda word: (-counts[word], word))  # sampler wants rank order
number = {word: index for index, word in enumerate(vocabulary)}
text = np.array([number[word] for word in words])
print("words in the text: %d" % len(text))
print("words in the vocabulary: %d" % len(vocabulary))

centres = np.concatenate([text[WINDOW:-WINDOW]] * (2 * WINDOW))
shifts = [shift for shift in range(-WINDOW, WINDOW + 1) if shift]
company = np.concatenate([np.roll(text, -shift)[WINDOW:-WINDOW] for shift in shifts])

generator = np.random.RandomState(SEED)
start = generator.uniform(-0.5, 0.5, (len(vocabulary), SIZE)).astype(np.float32)
embedding = tf.Variable(start, name="embedding")
nce_weights = tf.Variable(generator.normal(0.0, 0.1, start.shape).astype(np.float32))
nce_biases = tf.Variable(tf.zeros([len(vocabulary)]))
optimizer = tf.optimizers.Adam(0.02)


@tf.function
def train(x, y):
    """One step; the loss before it."""
    sampled = tf.random.log_uniform_candidate_sampler(
        y, num_true=1, num_sampled=SAMPLED, unique=True, range_max=len(vocabulary), seed=SEED
    )
    with tf.GradientTape() as tape:
        vectors = tf.nn.embedding_lookup(embedding, x)
        losses = tf.nn.nce_loss(
            weights=nce_weights,
            biases=nce_biases,
            labels=y,
            inputs=vectors,
            num_sampled=SAMPLED,
            num_classes=len(vocabulary),
            sampled_values=sampled,
        )
        loss = tf.reduce_mean(losses)
    variables = [embedding, nce_weights, nce_biases]
    optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables))
    return loss


total = 0.0

# Training
for step in range(STEPS):
    rows = generator.randint(0, len(centres), BATCH)
    total += float(train(tf.constant(centres[rows]), tf.constant(company[rows][:, np.newaxis])))
    if step % 100 == 99:
        print("mean loss to step %d: %.4g" % (step + 1, total / 100))
        total = 0.0

# What comes of it
centred = embedding - tf.reduce_mean(embedding, axis=0)  # all vectors share a direction
vectors = tf.nn.l2_normalize(centred, axis=1).numpy()
similarity = vectors.dot(vectors.T)
nouns = [(topic, number[noun]) for topic in sorted(TOPICS) for noun in TOPICS[topic]]
within = [similarity[i, j] for s, i in nouns for t, j in nouns if s == t and i != j]
between = [similarity[i, j] for s, i in nouns for t, j in nouns if s != t]
hits = 0
for topic, index in nouns:
    others = [(similarity[index, j], t) for t, j in nouns if j != index]
    hits += int(max(others)[1] == topic)
print("similarity within a topic: %.4g" % np.mean(within))
print("similarity between topics is lower: %s" % ("yes" if np.mean(between) < 0.1 else "no"))
print("least similarity: %.4g" % np.min(between))
print("nearest noun is of the same topic: %.3f" % (hits / float(len(nouns))))
