"""Dynamic network: an LSTM tells rising sequences from shuffled ones, whatever their length.

Exercises tf.nn.dynamic_rnn with sequence_length, tf.nn.rnn_cell.BasicLSTMCell, tf.gather_nd,
tf.sequence_mask.

Made by make_compat.py of tensorflow_v1's script: one import is another.

Last lines in the baseline cell (TensorFlow 1.15.5, Python 3.7):

    last output is the state: True
    test loss: 0.2291
    test accuracy: 0.923
"""

from __future__ import absolute_import, division, print_function

import numpy as np
import tensorflow.compat.v1 as tf

tf.disable_v2_behavior()

# The same numbers every time
SEED = 7
tf.set_random_seed(SEED)

LONGEST, SHORTEST, HIDDEN, BATCH, STEPS, REPORT, RATE = 12, 5, 24, 128, 300, 100, 0.01
EPSILON = 1e-3  # with the usual one, 1e-8, steps follow gradients that are mere rounding
TRAIN, TEST, LARGEST = 1000, 300, 500


def make_sequences(count, seed):
    """Padded sequences, their lengths, and labels one-hot: 0 shuffled, 1 rising by one a step."""
    draw = np.random.RandomState(seed)
    values = np.zeros([count, LONGEST, 1], np.float32)
    lengths = draw.randint(SHORTEST, LONGEST + 1, count)
    kinds = draw.randint(0, 2, count)
    for row in range(count):
        start = draw.randint(0, LARGEST - LONGEST)
        rising = np.arange(start, start + lengths[row])
        anything = draw.randint(0, LARGEST, lengths[row])
        values[row, : lengths[row], 0] = (rising if kinds[row] else anything) / LARGEST
    return values, lengths, np.eye(2, dtype=np.float32)[kinds]


train_values, train_lengths, train_labels = make_sequences(TRAIN, SEED)
test_values, test_lengths, test_labels = make_sequences(TEST, SEED + 1)

# The graph
x = tf.placeholder(tf.float32, [None, LONGEST, 1])
lengths = tf.placeholder(tf.int32, [None])
y = tf.placeholder(tf.float32, [None, 2])
with tf.variable_scope("reader", initializer=tf.glorot_uniform_initializer(seed=SEED)):
    cell = tf.nn.rnn_cell.BasicLSTMCell(HIDDEN)
    outputs, state = tf.nn.dynamic_rnn(cell, x, sequence_length=lengths, dtype=tf.float32)
places = tf.stack([tf.range(tf.shape(x)[0]), lengths - 1], axis=1)
last = tf.gather_nd(outputs, places)  # each sequence's output at its own end
padding = tf.logical_not(tf.sequence_mask(lengths, LONGEST))
beyond = tf.reduce_max(tf.abs(tf.boolean_mask(outputs, padding)))
apart = tf.reduce_max(tf.abs(last - state.h))
weights = tf.Variable(tf.random_normal([HIDDEN, 2], stddev=0.2, seed=SEED))
logits = tf.matmul(last, weights) + tf.Variable(tf.zeros([2]))
loss = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits_v2(logits=logits, labels=y))
train = tf.train.AdamOptimizer(RATE, epsilon=EPSILON).minimize(loss)
hits = tf.equal(tf.argmax(logits, 1), tf.argmax(y, 1))
accuracy = tf.reduce_mean(tf.cast(hits, tf.float32))

config = tf.ConfigProto(intra_op_parallelism_threads=1, inter_op_parallelism_threads=1)

# Training, and what comes of it
with tf.Session(config=config) as session:
    session.run(tf.global_variables_initializer())
    draw = np.random.RandomState(SEED)
    total = 0.0
    for step in range(1, STEPS + 1):
        rows = draw.randint(0, TRAIN, BATCH)
        feed = {x: train_values[rows], lengths: train_lengths[rows], y: train_labels[rows]}
        total += session.run([train, loss], feed_dict=feed)[1]
        if step % REPORT == 0:
            print("steps to %d mean loss: %.4g" % (step, total / REPORT))
            total = 0.0
    feed = {x: test_values, lengths: test_lengths, y: test_labels}
    test_loss, share, past, gap = session.run([loss, accuracy, beyond, apart], feed_dict=feed)

print("mean length: %.4g" % np.mean(test_lengths))
print("outputs past the end are zero: %s" % (past == 0.0))
print("last output is the state: %s" % (gap == 0.0))
print("test loss: %.4g" % test_loss)
print("test accuracy: %.3f" % share)
