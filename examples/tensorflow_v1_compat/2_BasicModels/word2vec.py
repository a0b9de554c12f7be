"""Word2vec: a skip-gram model learns vectors in which words that keep company lie close.

Exercises tf.nn.embedding_lookup, tf.nn.nce_loss, tf.nn.log_uniform_candidate_sampler,
tf.train.AdagradOptimizer, tf.nn.l2_normalize.

Made by make_compat.py of tensorflow_v1's script: one import is another.

Last lines in the baseline cell (TensorFlow 1.15.5, Python 3.7):

    similarity within a topic: 0.7037
    similarity across topics is lower: True
    largest similarity across topics: 0.2655
"""

from __future__ import absolute_import, division, print_function

import collections
import os
import sys

import numpy as np
import tensorflow.compat.v1 as tf

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "data"))
from digits import load_words

tf.disable_v2_behavior()

# The same numbers every time
SEED = 7
tf.set_random_seed(SEED)

MIN_COUNT, WINDOW, SKIPS = 50, 3, 2
SIZE, SAMPLED, BATCH, RATE, STEPS, REPORT = 16, 16, 256, 0.5, 1500, 500
#: Words of the same topic of the text, three a topic.
TOPICS = (
    ("ship", "sailor", "stormy"),
    ("bread", "oven", "sweet"),
    ("king", "castle", "royal"),
    ("horse", "barn", "muddy"),
    ("teacher", "book", "clever"),
)


def make_vocabulary(words):
    """Frequent words, the most frequent first, as the sampler of the loss expects; ties by name."""
    counts = collections.Counter(words)
    frequent = [word for word, count in counts.items() if count >= MIN_COUNT]
    return sorted(frequent, key=lambda word: (-counts[word], word))


def make_pairs(ids):
    """(center, context) ids: SKIPS contexts drawn from the WINDOW words on either side."""
    draw = np.random.RandomState(SEED)
    offsets = [offset for offset in range(-WINDOW, WINDOW + 1) if offset != 0]
    centers, contexts = [], []
    for position in range(WINDOW, len(ids) - WINDOW):
        for choice in draw.permutation(len(offsets))[:SKIPS]:
            centers.append(ids[position])
            contexts.append(ids[position + offsets[choice]])
    return np.array(centers, dtype=np.int32), np.array(contexts, dtype=np.int64)


# The text
words = load_words()
vocabulary = make_vocabulary(words)
index = {word: number for number, word in enumerate(vocabulary)}
centers, contexts = make_pairs([index[word] for word in words if word in index])
print("words: %d" % len(words))
print("vocabulary: %d" % len(vocabulary))
print("most frequent: %s" % " ".join(vocabulary[:5]))
print("pairs: %d" % len(centers))

# The graph
x = tf.placeholder(tf.int32, [None])
y = tf.placeholder(tf.int64, [None, 1])
embeddings = tf.Variable(tf.random_normal([len(vocabulary), SIZE], stddev=0.3, seed=SEED))
nce_weights = tf.Variable(tf.random_normal([len(vocabulary), SIZE], stddev=0.3, seed=SEED + 1))
nce_biases = tf.Variable(tf.zeros([len(vocabulary)]))
noise = tf.nn.log_uniform_candidate_sampler(
    true_classes=y,
    num_true=1,
    num_sampled=SAMPLED,
    unique=True,
    range_max=len(vocabulary),
    seed=SEED,
)
loss = tf.reduce_mean(
    tf.nn.nce_loss(
        weights=nce_weights,
        biases=nce_biases,
        labels=y,
        inputs=tf.nn.embedding_lookup(embeddings, x),
        num_sampled=SAMPLED,
        num_classes=len(vocabulary),
        sampled_values=noise,
    )
)
train = tf.train.AdagradOptimizer(RATE).minimize(loss)

# What comes of it
centred = embeddings - tf.reduce_mean(embeddings, 0)  # all vectors share a direction
normalized = tf.nn.l2_normalize(centred, 1)
similarity = tf.matmul(normalized, normalized, transpose_b=True)

config = tf.ConfigProto(intra_op_parallelism_threads=1, inter_op_parallelism_threads=1)

# Training, and what comes of it
with tf.Session(config=config) as session:
    session.run(tf.global_variables_initializer())
    draw = np.random.RandomState(SEED)
    total = 0.0
    for step in range(1, STEPS + 1):
        rows = draw.randint(0, len(centers), BATCH)
        _, value = session.run(
            [train, loss], feed_dict={x: centers[rows], y: contexts[rows].reshape(-1, 1)}
        )
        total += value
        if step % REPORT == 0:
            print("steps to %d mean loss: %.4g" % (step, total / REPORT))
            total = 0.0
    table = session.run(similarity)

for topic in TOPICS:
    row = table[index[topic[0]]]
    closest = [vocabulary[number] for number in np.argsort(-row, kind="mergesort")[1:4]]
    print("closest to %s: %s" % (topic[0], " ".join(closest)))

groups = [[index[word] for word in topic] for topic in TOPICS]
within = [table[a, b] for group in groups for a in group for b in group if a < b]
across = [
    table[a, b]
    for place, group in enumerate(groups)
    for other in groups[place + 1 :]
    for a in group
    for b in other
]
print("similarity within a topic: %.4g" % np.mean(within))
print("similarity across topics is lower: %s" % (np.mean(across) < 0.1))
print("largest similarity across topics: %.4g" % np.max(across))
