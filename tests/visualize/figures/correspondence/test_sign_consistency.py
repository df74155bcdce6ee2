import itertools

import keras
import numpy as np
import pytest

from visualize.figures.correspondence.sign_consistency import measure_sign_changes
from zfkeras.errors import UsageError


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(5)
    layers = [
        keras.layers.Conv2D(6, 3, activation="relu", name="low"),
        keras.layers.Flatten(),
        keras.layers.Dense(8, activation="relu", name="high"),
        keras.layers.Dense(2, activation="softmax"),
    ]
    return keras.Sequential([keras.Input((8, 8, 3)), *layers])


@pytest.mark.parametrize("batch_size", [5, 64])
def test_sign_changes_equal_a_slow_twin(model, batch_size):
    random = np.random.default_rng(0)
    images = random.normal(size=(3, 8, 8, 3)).astype(np.float32)
    corners = random.integers(0, 6, (4, 3, 2))
    masks = np.concatenate([corners, corners + 3], axis=-1).clip(0, 8)
    options = {"occlusion_value": 0.5, "batch_size": batch_size}
    found = measure_sign_changes(model, images, masks, ["low", "high"], **options)
    for layer in ("low", "high"):
        look = keras.Model(model.inputs[0], model.get_layer(layer).output)
        before = np.asarray(look(images)).reshape(3, -1)
        for number, mask in enumerate(masks):
            occluded = images.copy()
            for image, (top, left, bottom, right) in zip(occluded, mask, strict=True):
                image[top:bottom, left:right] = 0.5
            change = before - np.asarray(look(occluded)).reshape(3, -1)
            change[np.abs(change) < 1e-5] = 0
            wanted = [
                np.mean(a != b) for a, b in itertools.combinations(np.sign(change), 2)
            ]
            np.testing.assert_allclose(found.distances[layer][number], wanted)
            np.testing.assert_allclose(
                found.changed[layer][number], np.mean(change != 0, axis=1)
            )


def test_an_empty_mask_changes_nothing_and_equal_images_change_alike(model):
    image = np.random.default_rng(1).normal(size=(1, 8, 8, 3))
    masks = np.array([[[0, 0, 0, 0]] * 2, [[2, 2, 5, 5]] * 2])
    found = measure_sign_changes(model, np.repeat(image, 2, 0), masks, ["low"])
    assert found.distances["low"].tolist() == [[0], [0]]
    assert found.changed["low"][0].tolist() == [0, 0]
    assert (found.changed["low"][1] > 0).all()


@pytest.mark.parametrize(("images", "masks"), [(2, (1, 3, 4)), (1, (1, 1, 4))])
def test_masks_that_do_not_fit_are_refused(model, images, masks):
    with pytest.raises(UsageError) as caught:
        measure_sign_changes(
            model, np.zeros((images, 8, 8, 3)), np.zeros(masks), ["low"]
        )
    assert caught.value.argument == "masks" and str(masks) in caught.value.received
