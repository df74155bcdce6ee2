import keras
import numpy as np
import pytest

from visualize.figures.occlusion.sliding_occluder import SlidingOccluder
from zfkeras.errors import UsageError


def pixel_model(height, width, weights):
    """Logits that are weighted sums of the pixels of one colour."""
    dense = keras.layers.Dense(len(weights), use_bias=False)
    model = keras.Sequential(
        [keras.Input((height, width, 1)), keras.layers.Flatten(), dense]
    )
    dense.set_weights([np.reshape(weights, (len(weights), -1)).T])
    return model


def convolutional_model(seed=0, shape=(13, 9, 3), classes=5):
    keras.utils.set_random_seed(seed)
    layers = [
        keras.layers.Conv2D(4, 3, strides=2, activation="relu", name="maps"),
        keras.layers.MaxPooling2D(2, name="pool"),
        keras.layers.Flatten(),
        keras.layers.Dense(classes, activation="softmax", kernel_initializer="normal"),
    ]
    return keras.Sequential([keras.Input(shape), *layers])


def slow_maps(model, image, size, starts, layer, value):
    """One occluded copy at a time, and every pixel's mean over the squares on it."""
    watched = keras.Model(
        model.inputs[0], [model.get_layer(layer).output, *model.outputs]
    )
    grid = [[None for _ in starts[1]] for _ in starts[0]]
    totals = np.zeros((2, *image.shape[:2]))
    coverage = np.zeros(image.shape[:2])
    maps, outputs = watched(image[None])
    channel = int(np.asarray(maps)[0].max(axis=(0, 1)).argmax())
    label = int(np.asarray(outputs)[0].argmax())
    for i, top in enumerate(starts[0]):
        for j, left in enumerate(starts[1]):
            copy = image.copy()
            copy[top : top + size[0], left : left + size[1]] = value
            maps, outputs = (np.asarray(part)[0] for part in watched(copy[None]))
            answer = (maps[..., channel].sum(), outputs[label], outputs.argmax())
            grid[i][j] = answer
            inside = (slice(top, top + size[0]), slice(left, left + size[1]))
            totals[(slice(None), *inside)] += np.reshape(answer[:2], (2, 1, 1))
            coverage[inside] += 1
    return np.moveaxis(np.array(grid), 2, 0), totals / coverage


def test_a_4x4_case_computed_by_hand():
    # Class 0 counts the pixel at (1, 1) as 3, class 1 that at (3, 3) as 2.
    weights = np.zeros((2, 4, 4))
    weights[0, 1, 1], weights[1, 3, 3] = 3, 2
    occluder = SlidingOccluder(pixel_model(4, 4, weights))
    maps = occluder.maps(np.ones((4, 4, 1)), patch_size=2, patch_stride=2)
    assert (maps.label, maps.predicted, maps.probability) == (0, 0, 3)
    assert maps.probabilities.tolist() == [[0, 3], [3, 3]]
    assert maps.labels.tolist() == [[1, 0], [0, 0]]
    assert maps.probability_map.tolist() == [[0, 0, 3, 3]] * 2 + [[3] * 4] * 2
    assert maps.label_map.tolist() == [[1, 1, 0, 0]] * 2 + [[0] * 4] * 2
    assert maps.activation_map is None

    one = occluder.maps(np.ones((4, 4, 1)), patch_size=2, patch_stride=1)
    assert one.probabilities.tolist() == [[0, 0, 3], [0, 0, 3], [3, 3, 3]]
    # A pixel's mean: (1, 1) lies under four squares that hide it, (2, 2) under four of
    # which one hides (1, 1), (0, 2) under two of which one does.
    assert one.probability_map[1, 1] == 0
    assert one.probability_map[2, 2] == 3 * 3 / 4
    assert one.probability_map[0, 2] == 3 / 2


@pytest.mark.parametrize(
    ("size", "stride", "starts"),
    [
        ((3, 3), (3, 3), ([0, 3, 6, 9, 10], [0, 3, 6])),
        ((4, 2), (3, 2), ([0, 3, 6, 9], [0, 2, 4, 6, 7])),
        ((5, 4), (1, 1), ([*range(9)], [*range(6)])),
        ((13, 9), (7, 9), ([0], [0])),
    ],
)
def test_maps_of_images_that_are_not_square_equal_a_slow_twin(size, stride, starts):
    model = convolutional_model()
    image = np.random.default_rng(1).normal(size=(13, 9, 3)).astype(np.float32)
    found = SlidingOccluder(model, "pool").maps(
        image, patch_size=size, patch_stride=stride, occlusion_value=0.3, batch_size=7
    )
    assert (found.tops.tolist(), found.lefts.tolist()) == starts
    grid, averaged = slow_maps(model, image, size, starts, "pool", 0.3)
    np.testing.assert_allclose(found.activations, grid[0], rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(found.probabilities, grid[1], rtol=1e-5, atol=1e-6)
    assert found.labels.tolist() == grid[2].tolist()
    np.testing.assert_allclose(found.activation_map, averaged[0], rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(found.probability_map, averaged[1], rtol=1e-5, atol=1e-6)


def test_model_and_image_stay_as_they_are():
    model = convolutional_model()
    image = np.random.default_rng(3).normal(size=(13, 9, 3)).astype(np.float32)
    weights = [weight.copy() for weight in model.get_weights()]
    image_before, answer = image.copy(), model.predict(image[None], verbose=0)
    SlidingOccluder(model, "maps").maps(image, patch_size=3, patch_stride=3)
    assert (image == image_before).all()
    for before, after in zip(weights, model.get_weights(), strict=True):
        assert (before == after).all()
    assert (model.predict(image[None], verbose=0) == answer).all()


def test_channel_and_class_are_the_strongest_unless_they_are_named():
    model = convolutional_model()
    image = np.random.default_rng(4).normal(size=(13, 9, 3)).astype(np.float32)
    maps = np.asarray(
        keras.Model(model.inputs[0], model.get_layer("maps").output)(image[None])
    )
    output = model.predict(image[None], verbose=0)[0]
    occluder = SlidingOccluder(model, "maps")
    found = occluder.maps(image, patch_size=3, patch_stride=3)
    assert found.channel == maps[0].max(axis=(0, 1)).argmax()
    assert found.label == found.predicted == output.argmax()
    assert found.activation == pytest.approx(
        maps[0, ..., found.channel].sum(), rel=1e-5
    )
    named = occluder.maps(image, patch_size=3, patch_stride=3, channel=1, label=2)
    assert (named.channel, named.label) == (1, 2)
    assert named.probability == pytest.approx(output[2], rel=1e-5)
    assert named.predicted == output.argmax()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"patch_size": 0}, "`patch_size` must be from 1 to 13"),
        ({"patch_size": 3, "patch_stride": 4}, "`patch_stride` must be from 1 to 3"),
        ({"patch_size": 3, "patch_stride": (1, 0)}, "are missed. Received: 0"),
        ({"patch_size": 3, "channel": 4}, "`channel` must be from 0 to 3"),
        ({"patch_size": 3, "label": -1}, "`label` must be from 0 to 4"),
        ({"patch_size": 3.7}, "`patch_size` must be a whole number. Received: .*3.7"),
        ({"patch_size": (3, 3, 3)}, "`patch_size` must be one number or two"),
        (
            {"patch_size": 3, "batch_size": 0},
            "`batch_size` must be a whole number from",
        ),
        ({"patch_size": 3, "occlusion_value": np.ones(2)}, r"Received: .*\(2,\)"),
    ],
)
def test_arguments_out_of_range_are_named(arguments, message):
    occluder = SlidingOccluder(convolutional_model(), "maps")
    with pytest.raises(UsageError, match=message):
        occluder.maps(np.zeros((13, 9, 3)), **arguments)


def test_images_and_models_of_other_kinds_are_refused():
    model = convolutional_model()
    with pytest.raises(UsageError, match=r"Received: image.shape=\(9, 13, 3\)"):
        SlidingOccluder(model).maps(np.zeros((9, 13, 3)), patch_size=3)
    with pytest.raises(UsageError, match="`image` must be numbers"):
        SlidingOccluder(model).maps("cat.jpg", patch_size=3)
    for layer in (None, "maps"):  # previously accepted until it was asked
        with pytest.raises(UsageError, match="Keras model. Received: str"):
            SlidingOccluder("quarter", layer)
    with pytest.raises(UsageError, match="Received: layer='none'"):
        SlidingOccluder(model, "none")
    maps = keras.Model(model.inputs[0], model.get_layer("maps").output)
    with pytest.raises(UsageError, match=r"one output \(batch, classes\)"):
        SlidingOccluder(maps).maps(np.zeros((13, 9, 3)), patch_size=3)
