"""Start weights that numpy draws: the same on every version of TensorFlow.

Keras' own initialisers give other numbers on some versions. Where that is not a script's topic, its
model starts from these: ``model.set_weights(draw_weights(model.get_weights(), SEED))``.
"""

import numpy as np


def draw_weights(weights, seed):
    """New arrays for the weights of layers, in their order.

    Kernels (two or more axes) are drawn uniformly between -limit and limit, with
    limit = sqrt(6 / (inputs + outputs)), as Glorot and Bengio have it (2010). Biases and scales
    stay as they are.
    """
    generator = np.random.RandomState(seed)
    drawn = []
    for array in weights:
        if array.ndim > 1:
            field = np.prod(array.shape[:-2]) if array.ndim > 2 else 1
            limit = np.sqrt(6.0 / (field * (array.shape[-2] + array.shape[-1])))
            array = generator.uniform(-limit, limit, array.shape).astype(np.float32)
        drawn.append(array)
    return drawn
