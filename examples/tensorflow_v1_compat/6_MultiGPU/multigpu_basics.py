"""Several devices, basics: matrix powers computed on two devices and added up on a third.

The devices are CPUs, so that it runs anywhere: a session may split the processor into several.

Exercises tf.device, tf.add_n, tf.ConfigProto (device_count, allow_soft_placement),
Session.list_devices, tf.RunMetadata and tf.RunOptions to see where operations ran.

Made by make_compat.py of tensorflow_v1's script: one import is another.

Last lines in the baseline cell (TensorFlow 1.15.5, Python 3.7):

    mean of the sum: 0.03234
    same on one and two devices: True
    near numpy's result: True
"""

from __future__ import absolute_import, division, print_function

import numpy as np
import tensorflow.compat.v1 as tf

tf.disable_v2_behavior()

# The same numbers every time
SEED = 7
np.random.seed(SEED)
tf.set_random_seed(SEED)

SIZE, POWER, DEVICES = 60, 8, 3


def raise_to_power(matrix, exponent):
    """The matrix multiplied by itself exponent - 1 times, as so many operations."""
    result = matrix
    for _ in range(exponent - 1):
        result = tf.matmul(result, matrix)
    return result


def compute(devices):
    """The sum of two matrix powers with the powers on the given devices; and what ran where."""
    with tf.Graph().as_default():
        a = tf.placeholder(tf.float32, [SIZE, SIZE])
        b = tf.placeholder(tf.float32, [SIZE, SIZE])
        powers = []
        for device, matrix in zip(devices, (a, b)):
            with tf.device(device):
                powers.append(raise_to_power(matrix, POWER))
        with tf.device("/cpu:0"):
            total = tf.add_n(powers)
        config = tf.ConfigProto(
            device_count={"CPU": DEVICES},
            allow_soft_placement=True,
            intra_op_parallelism_threads=1,
            inter_op_parallelism_threads=1,
        )
        with tf.Session(config=config) as session:
            names = [device.name.split("/")[-1] for device in session.list_devices()]
            options = tf.RunOptions(trace_level=tf.RunOptions.FULL_TRACE)
            metadata = tf.RunMetadata()
            value = session.run(total, {a: first, b: second}, options, metadata)
        used = {}
        for device in metadata.step_stats.dev_stats:
            operations = [node.node_name.split(":")[0] for node in device.node_stats]
            used[device.device.split("/")[-1]] = sum("MatMul" in name for name in operations)
        return value, names, used


# Rows add up to about one, so that powers neither grow nor vanish.
first = (np.random.rand(SIZE, SIZE) * 2 / SIZE).astype(np.float32)
second = (np.random.rand(SIZE, SIZE) * 2 / SIZE).astype(np.float32)
one, names, used_by_one = compute(["/cpu:0", "/cpu:0"])
two, _, used_by_two = compute(["/cpu:1", "/cpu:2"])
expected = np.linalg.matrix_power(first, POWER) + np.linalg.matrix_power(second, POWER)

cpus = sorted(name for name in names if "CPU" in name and "XLA" not in name)
print("devices: %s" % " ".join(cpus))
for title, used in (("one device", used_by_one), ("two devices", used_by_two)):
    shares = ["%s %d" % (name, used[name]) for name in sorted(used) if name in cpus and used[name]]
    print("products on %s: %s" % (title, ", ".join(shares)))
print("trace on one device: %.4g" % np.trace(one))
print("trace on two devices: %.4g" % np.trace(two))
print("mean of the sum: %.4g" % np.mean(two))
print("same on one and two devices: %s" % np.array_equal(one, two))
print("near numpy's result: %s" % np.allclose(two, expected, rtol=1e-4))
