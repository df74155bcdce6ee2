import itertools

import numpy as np
import tensorflow as tf

from visualize.images.occluders import occlude, window_starts


def test_each_image_has_its_own_box_covered():
    images = np.arange(2 * 3 * 4).reshape(2, 3, 4, 1).astype(np.float32)
    boxes = np.array([[0, 1, 2, 3], [2, 0, 3, 4]], np.int32)
    wanted = images.copy()
    wanted[0, 0:2, 1:3] = -1
    wanted[1, 2:3, 0:4] = -1
    for run in (occlude, tf.function(occlude), tf.function(occlude, jit_compile=True)):
        found = run(tf.constant(images), tf.constant(boxes), -1.0)
        assert found.numpy().tolist() == wanted.tolist()


def test_one_image_serves_several_boxes_and_an_empty_one_covers_nothing():
    image = np.ones((1, 2, 2, 3), np.float32)
    boxes = tf.constant([[0, 0, 0, 0], [1, 1, 2, 2], [0, 1, 2, 1]])
    found = occlude(tf.constant(image), boxes).numpy()
    assert found.shape == (3, 2, 2, 3)
    assert found.sum(axis=(1, 2, 3)).tolist() == [12, 9, 12]


def test_no_pixel_is_missed():
    for length, size, stride in itertools.product(range(1, 12), repeat=3):
        if not stride <= size <= length:
            continue
        starts = window_starts(length, size, stride)
        covered = {pixel for start in starts for pixel in range(start, start + size)}
        assert covered == {*range(length)}
        assert len({*starts.tolist()}) == len(starts)
