import gc
import weakref

import keras
import numpy as np

from tests.helpers.deconvnet_networks import chain
from visualize import Deconvnet
from visualize.recent import Recent
from visualize.sliding_occluder import SlidingOccluder


def test_the_latest_are_kept_and_older_ones_made_again():
    kept, made = Recent(most=3), []

    def make(key):
        return kept.get(key, lambda: made.append(key) or f"made {key}")

    for key in (1, 2, 3, 1, 4, 1, 2):
        assert make(key) == f"made {key}"
    assert made == [1, 2, 3, 4, 2]  # 2 was let go for 4
    assert [*kept] == [4, 1, 2]


def living(functions):
    gc.collect()
    return sum(function() is not None for function in functions)


def test_a_deconvnet_forgets_what_it_compiled_for_many_sizes(monkeypatch):
    # previously it kept a compiled function for every size of image it ever saw
    conv = keras.layers.Conv2D(2, 3, activation="relu", name="conv")
    fixed = chain(conv)
    model = keras.Sequential([keras.Input((None, None, 3)), *fixed.layers])
    deconvnet, functions = Deconvnet(model), []
    compiled = deconvnet._function

    def watched(*arguments):
        function = compiled(*arguments)
        functions.append(weakref.ref(function))
        return function

    monkeypatch.setattr(deconvnet, "_function", watched)
    for side in range(5, 17):
        images = np.ones((1, side, side, 3), np.float32)
        assert deconvnet.project(images, "conv", 1).shape == images.shape
    assert len(functions) == 12
    assert living(functions) == 8


def test_an_occluder_forgets_what_it_compiled_for_many_squares(monkeypatch):
    # previously it kept a compiled function for every size of square it ever had
    layers = [
        keras.layers.Conv2D(2, 3, activation="relu"),
        keras.layers.GlobalAveragePooling2D(),
        keras.layers.Dense(2, activation="softmax"),
    ]
    occluder = SlidingOccluder(chain(*layers, shape=(24, 24, 3)))
    sizes, functions = set(), []
    compiled = occluder._function

    def watched(plan):
        function = compiled(plan)
        sizes.add(plan.sizes)
        functions.append(weakref.ref(function))
        return function

    monkeypatch.setattr(occluder, "_function", watched)
    image = np.ones((24, 24, 3), np.float32)
    for side in range(1, 11):
        occluder.maps(image, patch_size=side, patch_stride=side)
    assert len(sizes) == 10
    assert living(functions) == 8
