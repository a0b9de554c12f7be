"""Turns a table of mixed columns into the inputs of a linear model.

Exercises tf.feature_column (numeric, bucketized, vocabulary, crossed, embedding, indicator),
tf.keras.layers.DenseFeatures and tf.io.parse_example with a specification made of them.

Fails from 2.16 on: Keras 3 has no DenseFeatures.

Last lines in the baseline cell (TensorFlow 2.4.4, Python 3.8):

    crosses in use: 10
    price a year: 0.5
    price in Oslo: 30
"""

import numpy as np
import tensorflow as tf

# The same numbers every time
SEED = 7
tf.random.set_seed(SEED)
tf.config.threading.set_intra_op_parallelism_threads(1)
tf.config.threading.set_inter_op_parallelism_threads(1)

generator = np.random.RandomState(SEED)
COUNT = 200
ages = generator.randint(18, 80, COUNT).astype(np.float32)
towns = generator.choice(["Bern", "Lima", "Oslo"], COUNT)
prices = 10.0 + 0.5 * ages + 20.0 * (towns == "Oslo")
table = {"age": ages[:, np.newaxis], "town": towns[:, np.newaxis]}

column = tf.feature_column
age = column.numeric_column("age")
groups = column.bucketized_column(age, boundaries=[30.5, 50.5, 65.5])
town = column.categorical_column_with_vocabulary_list("town", ["Bern", "Lima", "Oslo"])
crossed = column.crossed_column([groups, town], hash_bucket_size=20)
print("buckets: %d" % groups.num_buckets)
print("names of the columns: %s" % " ".join(sorted([age.name, groups.name, town.name])))

# What they are read from
wanted = column.make_parse_example_spec([age, town])
example = tf.train.Example(
    features=tf.train.Features(
        feature={
            "age": tf.train.Feature(float_list=tf.train.FloatList(value=[41.0])),
            "town": tf.train.Feature(bytes_list=tf.train.BytesList(value=[b"Lima"])),
        }
    )
)
parsed = tf.io.parse_example([example.SerializeToString()], wanted)
print("age read from an example: %g" % parsed["age"].numpy()[0, 0])

# A layer of them, and a linear model on it
layer = tf.keras.layers.DenseFeatures([age, groups, column.indicator_column(town)])
inputs = layer(table).numpy()
print("shape of the inputs: %dx%d" % inputs.shape)
print("sums of the inputs: %s" % " ".join("%.4g" % total for total in inputs.sum(axis=0) / 100.0))
cross = tf.keras.layers.DenseFeatures([column.indicator_column(crossed)])(table).numpy()
print("crosses in use: %d" % np.count_nonzero(cross.sum(axis=0)))
weights, _, _, _ = np.linalg.lstsq(inputs[:, [0, 5, 6, 7]], prices, rcond=None)
print("price a year: %.4g" % weights[0])
print("price in Oslo: %.4g" % weights[3])
