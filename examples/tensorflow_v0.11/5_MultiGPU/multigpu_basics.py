"""Raises two matrices to a power on two devices and adds the results on one.

The devices are two CPU devices, so it runs anywhere. Exercises tf.device,
tf.ConfigProto(device_count), tf.matmul and tf.add_n.

Last lines in the baseline cell (TensorFlow 0.12.1, Python 3.6):

    sum: 117.3
    corner: 0.03465
    agrees with numpy: yes
"""

import numpy as np
import tensorflow as tf

# The same numbers every time
SEED = 7
tf.set_random_seed(SEED)

SIZE = 60
POWER = 6

generator = np.random.RandomState(SEED)
left = generator.uniform(0.0, 2.0 / SIZE, (SIZE, SIZE)).astype(np.float32)
right = generator.uniform(0.0, 2.0 / SIZE, (SIZE, SIZE)).astype(np.float32)


def raise_matrix(matrix, power):
    """The matrix multiplied with itself, as operations of the graph."""
    if power <= 1:
        return matrix
    return tf.matmul(matrix, raise_matrix(matrix, power - 1))


a = tf.placeholder(tf.float32, [SIZE, SIZE])
b = tf.placeholder(tf.float32, [SIZE, SIZE])
powers = []
for device, matrix in (("/cpu:1", a), ("/cpu:2", b)):
    with tf.device(device):
        powers.append(raise_matrix(matrix, POWER))
with tf.device("/cpu:0"):
    total = tf.add_n(powers)
    trace = tf.reduce_sum(tf.diag_part(total))

config = tf.ConfigProto(
    device_count={"CPU": 3}, intra_op_parallelism_threads=1, inter_op_parallelism_threads=1
)
with tf.Session(config=config) as session:
    added, traced = session.run([total, trace], feed_dict={a: left, b: right})

expected = np.linalg.matrix_power(left.astype(np.float64), POWER)
expected += np.linalg.matrix_power(right.astype(np.float64), POWER)
print("devices used: %d" % len(set(tensor.device for tensor in powers + [total])))
print("first device number: %s" % powers[0].device[-1])
print("trace: %.4g" % traced)
print("sum: %.4g" % added.sum())
print("corner: %.4g" % added[0, 0])
print("agrees with numpy: %s" % ("yes" if np.allclose(added, expected, rtol=1e-4) else "no"))
