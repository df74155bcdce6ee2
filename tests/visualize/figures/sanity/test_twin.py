import keras
import numpy as np
import pytest

from visualize.figures.sanity.twin import Twin


def network():
    return keras.Sequential(
        [
            keras.Input((12, 12, 3)),
            keras.layers.Conv2D(4, 3, use_bias=False, name="low"),
            keras.layers.BatchNormalization(name="norm"),
            keras.layers.ReLU(name="relu"),
            keras.layers.Conv2D(5, 3, activation="relu", name="middle"),
            keras.layers.MaxPooling2D(name="pool"),
            keras.layers.Conv2D(2, 1, name="high"),
            keras.layers.GlobalAveragePooling2D(name="mean"),
            keras.layers.Dense(3, name="classes"),
        ]
    )


@pytest.fixture
def model():
    model = network()
    random = np.random.default_rng(0)
    for variable in model.weights:
        variable.assign(random.uniform(0.5, 1, variable.shape))
    return model


@pytest.fixture
def images():
    return np.random.default_rng(1).normal(size=(6, 12, 12, 3)).astype(np.float32)


def names(stages):
    return [[operation.name for operation in stage] for stage in stages]


def changed(model, twin):
    """Names of the layers whose weights are not those of the model."""
    pairs = zip(model.layers, twin.model.layers, strict=True)
    return [
        own.name
        for own, other in pairs
        if any(
            not np.array_equal(a, b)
            for a, b in zip(own.get_weights(), other.get_weights(), strict=True)
        )
    ]


def test_stages_go_from_the_top_down_and_norms_go_with_their_filters(model, images):
    twin = Twin(model, ["high", "norm"], images)
    assert names(twin.stages("high")) == [["high"], ["middle"], ["low", "norm"]]
    assert names(twin.stages("norm")) == [["low", "norm"]]


def test_the_topmost_filters_are_a_stage_alone_however_many_there_are_below():
    convs = [keras.layers.Conv2D(3, 1, name=f"conv{n}") for n in range(12)]
    model = keras.Sequential([keras.Input((4, 4, 3)), *convs])
    stages = Twin(model, ["conv11"], np.zeros((1, 4, 4, 3))).stages("conv11")
    assert [len(stage) for stage in stages] == [1, 3, 3, 3, 2]


def test_only_what_is_named_gets_new_weights_and_all_can_be_restored(model, images):
    before = [value.copy() for value in model.get_weights()]
    twin = Twin(model, ["high"], images)
    assert changed(model, twin) == []
    top, *_ = twin.stages("high")
    twin.replace(top)
    assert changed(model, twin) == ["high"]
    twin.replace_all()
    assert changed(model, twin) == ["low", "norm", "middle", "high"]
    again = Twin(model, ["high"], images)
    again.replace_all()
    for one, other in zip(twin.model.weights, again.model.weights, strict=True):
        np.testing.assert_array_equal(one, other)
    twin.restore()
    assert changed(model, twin) == []
    for one, other in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_new_kernels_are_hes_and_new_norms_know_the_images(model, images):
    twin = Twin(model, ["high"], images, seed=3)
    twin.replace_all()
    kernel = np.asarray(twin.model.get_layer("middle").kernel)
    assert kernel.std() == pytest.approx(np.sqrt(2 / 36), rel=0.15)
    assert not np.any(twin.model.get_layer("middle").bias)
    norm = twin.model.get_layer("norm")
    maps = np.asarray(twin.model.get_layer("low")(images))
    np.testing.assert_allclose(norm.moving_mean, maps.mean((0, 1, 2)), atol=1e-5)
    np.testing.assert_allclose(norm.moving_variance, maps.var((0, 1, 2)), rtol=1e-4)


def test_norms_that_keep_their_weights_keep_their_statistics(model, images):
    twin = Twin(model, ["high"], images)
    twin.replace([*twin.stages("high")[0], *twin.stages("high")[1]])
    assert changed(model, twin) == ["middle", "high"]
