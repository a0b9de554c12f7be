"""Hello world: a constant becomes a node of the graph, a session computes it.

Exercises tf.constant, tf.string_join, tf.Session, tf.get_default_graph.

Last lines in the baseline cell (TensorFlow 1.13.2, Python 3.7):

    handle rank: 0
    greeting: Hello, TensorFlow!
    greeting with a fed name: Hello, world!
    operations: hello name greeting
    operation types: Const Const StringJoin
"""

from __future__ import absolute_import, division, print_function

import numpy as np
import tensorflow as tf

# The same numbers every time
SEED = 7
tf.set_random_seed(SEED)

# Building the graph computes nothing: greeting is a handle, not a text.
hello = tf.constant("Hello", name="hello")
name = tf.constant("TensorFlow", name="name")
greeting = tf.string_join([hello, name], separator=", ", name="greeting")
print("handle type: %s" % greeting.dtype.name)
print("handle rank: %d" % greeting.shape.ndims)

config = tf.ConfigProto(intra_op_parallelism_threads=1, inter_op_parallelism_threads=1)
with tf.Session(config=config) as session:
    text = session.run(greeting).decode("utf-8")
    other = session.run(greeting, feed_dict={name: "world"}).decode("utf-8")

print("greeting: %s!" % text)
print("greeting with a fed name: %s!" % other)

operations = tf.get_default_graph().get_operations()
print("operations: %s" % " ".join(operation.name for operation in operations))
print("operation types: %s" % " ".join(operation.type for operation in operations))
