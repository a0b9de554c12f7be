"""Tells rising sequences of unequal length from random ones with an LSTM that stops at their end.

Exercises tf.nn.dynamic_rnn with sequence_length, tf.gather of the last output of each sequence and
tf.nn.sparse_softmax_cross_entropy_with_logits(logits, labels) by position.

Last lines in the baseline cell (TensorFlow 0.12.1, Python 3.6):

    test accuracy: 0.970
    state at the end is the last output: yes
    outputs after the end are zero: yes
"""

import numpy as np
import tensorflow as tf

# The same numbers every time
SEED = 7
tf.set_random_seed(SEED)
ONE_THREAD = tf.ConfigProto(intra_op_parallelism_threads=1, inter_op_parallelism_threads=1)

LONGEST = 12
UNITS = 24
BATCH = 100
STEPS = 180
RATE = 0.02


def make_sequences(count, seed):
    """Padded sequences (count, LONGEST, 1), their lengths, and 1 for the rising ones."""
    generator = np.random.RandomState(seed)
    values = np.zeros((count, LONGEST, 1), dtype=np.float32)
    lengths = generator.randint(3, LONGEST + 1, count).astype(np.int32)
    rising = generator.randint(0, 2, count).astype(np.int32)
    for row, (length, rises) in enumerate(zip(lengths, rising)):
        if rises:
            first = generator.uniform(0.0, 1.0)
            values[row, :length, 0] = first + 0.1 * np.arange(length)
        else:
            values[row, :length, 0] = generator.uniform(0.0, 2.0, length)
    return values, lengths, rising


values, lengths, rising = make_sequences(1000, SEED)
test_values, test_lengths, test_rising = make_sequences(400, SEED + 1)

# The graph
x = tf.placeholder(tf.float32, [None, LONGEST, 1])
y = tf.placeholder(tf.int32, [None])
length = tf.placeholder(tf.int32, [None])
start = tf.random_uniform_initializer(-0.3, 0.3, seed=1)
with tf.variable_scope("reader", initializer=start):
    cell = tf.nn.rnn_cell.BasicLSTMCell(UNITS)
    outputs, state = tf.nn.dynamic_rnn(cell, x, sequence_length=length, dtype=tf.float32)
last = tf.range(0, tf.shape(outputs)[0]) * LONGEST + (length - 1)
relevant = tf.gather(tf.reshape(outputs, [-1, UNITS]), last)
weights = tf.Variable(tf.random_normal([UNITS, 2], stddev=0.3, seed=2))
logits = tf.matmul(relevant, weights) + tf.Variable(tf.zeros([2]))
cost = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(logits, y))
train = tf.train.AdamOptimizer(RATE).minimize(cost)
accuracy = tf.reduce_mean(tf.cast(tf.nn.in_top_k(logits, y, 1), tf.float32))

# Training, and what comes of it
with tf.Session(config=ONE_THREAD) as session:
    session.run(tf.initialize_all_variables())
    for step in range(STEPS):
        rows = np.arange(step * BATCH, (step + 1) * BATCH) % len(values)
        fed = {x: values[rows], y: rising[rows], length: lengths[rows]}
        loss = session.run([train, cost], feed_dict=fed)[1]
        if step % 60 == 0:
            print("cost at step %d: %.4g" % (step, loss))
    unseen = {x: test_values, y: test_rising, length: test_lengths}
    print("test cost: %.4g" % session.run(cost, feed_dict=unseen))
    print("test accuracy: %.3f" % session.run(accuracy, feed_dict=unseen))
    ends, padded = session.run([state.h, outputs], feed_dict=unseen)
    agree = np.allclose(ends[0], padded[0, test_lengths[0] - 1], atol=1e-6)
    print("state at the end is the last output: %s" % ("yes" if agree else "no"))
    quiet = not padded[test_lengths < LONGEST][:, -1].any()
    print("outputs after the end are zero: %s" % ("yes" if quiet else "no"))
