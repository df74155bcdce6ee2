import keras
import numpy as np
import pytest

from tests.helpers.other_networks import as_classifier
from visualize.figures.occlusion.sliding_occluder import SlidingOccluder
from zfkeras.errors import UsageError

IMAGE = np.random.default_rng(1).normal(size=(13, 9, 3)).astype(np.float32)


def pixel_model(height, width, weights):
    """Logits that are weighted sums of the pixels of one colour."""
    dense = keras.layers.Dense(len(weights), use_bias=False)
    model = keras.Sequential(
        [keras.Input((height, width, 1)), keras.layers.Flatten(), dense]
    )
    dense.set_weights([np.reshape(weights, (len(weights), -1)).T])
    return model


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(0)
    layers = [
        keras.layers.Conv2D(4, 3, strides=2, activation="relu", name="maps"),
        keras.layers.MaxPooling2D(2, name="pool"),
        keras.layers.Flatten(),
        keras.layers.Dense(5, activation="softmax", kernel_initializer="normal"),
    ]
    return keras.Sequential([keras.Input(IMAGE.shape), *layers])


def slow_maps(model, image, size, starts, layer, value):
    """One occluded copy at a time, and every pixel's mean over the squares on it."""
    watched = keras.Model(
        model.inputs[0], [model.get_layer(layer).output, *model.outputs]
    )
    grid = np.zeros((3, len(starts[0]), len(starts[1])))
    totals, coverage = np.zeros((2, *image.shape[:2])), np.zeros(image.shape[:2])
    maps, outputs = watched(image[None])
    channel = int(np.asarray(maps)[0].max(axis=(0, 1)).argmax())
    label = int(np.asarray(outputs)[0].argmax())
    for i, j in np.ndindex(*grid.shape[1:]):
        inside = tuple(
            slice(side[n], side[n] + length)
            for side, n, length in zip(starts, (i, j), size, strict=True)
        )
        copy = image.copy()
        copy[inside] = value
        maps, outputs = (np.asarray(part)[0] for part in watched(copy[None]))
        grid[:, i, j] = maps[..., channel].sum(), outputs[label], outputs.argmax()
        totals[(slice(None), *inside)] += grid[:2, i, j, None, None]
        coverage[inside] += 1
    return grid, totals / coverage


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
def test_maps_of_images_that_are_not_square_equal_a_slow_twin(
    model, size, stride, starts
):
    options = {"patch_size": size, "patch_stride": stride, "occlusion_value": 0.3}
    found = SlidingOccluder(model, "pool").maps(IMAGE, batch_size=7, **options)
    assert (found.tops.tolist(), found.lefts.tolist()) == starts
    grid, averaged = slow_maps(model, IMAGE, size, starts, "pool", 0.3)
    near = {"rtol": 1e-5, "atol": 1e-5}
    np.testing.assert_allclose(found.activations, grid[0], **near)
    np.testing.assert_allclose(found.probabilities, grid[1], **near)
    assert found.labels.tolist() == grid[2].tolist()
    np.testing.assert_allclose(found.activation_map, averaged[0], **near)
    np.testing.assert_allclose(found.probability_map, averaged[1], **near)


def test_channel_and_class_are_the_strongest_unless_they_are_named(model):
    look = keras.Model(model.inputs[0], model.get_layer("maps").output)
    maps, output = np.asarray(look(IMAGE[None]))[0], model(IMAGE[None]).numpy()[0]
    weights, image = [w.copy() for w in model.get_weights()], IMAGE.copy()
    occluder = SlidingOccluder(model, "maps")
    found = occluder.maps(image, patch_size=3, patch_stride=3)
    assert found.channel == maps.max(axis=(0, 1)).argmax()
    assert found.label == found.predicted == output.argmax()
    assert found.activation == pytest.approx(maps[..., found.channel].sum(), rel=1e-5)
    named = occluder.maps(image, patch_size=3, patch_stride=3, channel=1, label=2)
    assert (named.channel, named.label) == (1, 2)
    assert named.probability == pytest.approx(output[2], rel=1e-5)
    assert named.predicted == output.argmax()
    # Model and image stay as they are.
    assert (image == IMAGE).all()
    assert all(map(np.array_equal, weights, model.get_weights()))


@pytest.mark.parametrize(
    ("argument", "arguments"),
    [
        ("patch_size", {"patch_size": 0}),
        ("patch_size", {"patch_size": 3.7}),
        ("patch_size", {"patch_size": (3, 3, 3)}),
        ("patch_stride", {"patch_stride": 4}),
        ("patch_stride", {"patch_stride": (1, 0)}),
        ("channel", {"channel": 4}),
        ("label", {"label": -1}),
        ("batch_size", {"batch_size": 0}),
        ("occlusion_value", {"occlusion_value": np.ones(2)}),
        ("image", {"image": np.zeros((9, 13, 3))}),
        ("image", {"image": "cat.jpg"}),
    ],
)
def test_arguments_out_of_range_are_named(model, argument, arguments):
    with pytest.raises(UsageError) as caught:
        SlidingOccluder(model, "maps").maps(
            **{"image": IMAGE, "patch_size": 3, **arguments}
        )
    assert caught.value.argument == argument


def test_a_classifier_and_one_of_several_calls_are_taken():
    shared = keras.layers.Conv2D(3, 3, padding="same", name="shared")
    image = keras.Input((32, 32, 3))
    maps = keras.layers.GlobalAveragePooling2D()(shared(shared(image)))
    model = keras.Model(image, keras.layers.Dense(3)(maps))
    picture = np.random.default_rng(0).normal(size=(32, 32, 3)).astype("f")
    occluder = SlidingOccluder(as_classifier(model, 3), "shared@2")
    found = occluder.maps(picture, patch_size=16, patch_stride=16, channel=1)
    hidden = picture.copy()
    hidden[16:, :16] = 0
    expected = np.asarray(shared(shared(hidden[None])))[..., 1].sum()
    np.testing.assert_allclose(found.activations[1, 0], expected, rtol=1e-4)


def test_models_and_layers_of_other_kinds_are_refused(model):
    for layer in (None, "maps"):
        with pytest.raises(UsageError) as caught:
            SlidingOccluder("quarter", layer)
        assert caught.value.argument == "model"
    with pytest.raises(UsageError) as caught:
        SlidingOccluder(model, "none")
    assert caught.value.argument == "layer"
    maps = keras.Model(model.inputs[0], model.get_layer("maps").output)
    with pytest.raises(UsageError) as caught:
        SlidingOccluder(maps).maps(IMAGE, patch_size=3)
    assert caught.value.argument == "model"
