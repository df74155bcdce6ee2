"""Top activations by brute force: everything in memory, one Python loop each."""

import keras
import numpy as np


def all_maps(model: keras.Model, layer_name: str, inputs: np.ndarray) -> np.ndarray:
    """A layer's output for all inputs at once: (n, height, width, channels)."""
    output = model.get_layer(layer_name).output
    tensor = output[0] if isinstance(output, (list, tuple)) else output
    maps = keras.Model(model.inputs, tensor).predict_on_batch(inputs)
    return maps if maps.ndim == 4 else maps.reshape(len(maps), 1, 1, -1)


def strongest(maps: np.ndarray, count: int) -> list[list[tuple]]:
    """For each channel the best (value, image, y, x), at most one an image.

    Of equal values the earlier image, and in an image the first position.
    """
    number, height, width, channels = maps.shape
    answer = []
    for channel in range(channels):
        best = []
        for image in range(number):
            places = [(y, x) for y in range(height) for x in range(width)]
            # min() keeps the first of equals.
            y, x = min(places, key=lambda p, i=image: -maps[i, p[0], p[1], channel])
            best.append((float(maps[image, y, x, channel]), image, y, x))
        best.sort(key=lambda row: (-row[0], row[1]))
        answer.append(best[:count])
    return answer
