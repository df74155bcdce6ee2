import dataclasses
import itertools

import keras
import numpy as np
import pytest

from visualize.figures.correspondence.sign_consistency import measure_sign_changes
from visualize.figures.correspondence.sign_table import SignTable
from zfkeras.errors import UsageError


def small_model():
    keras.utils.set_random_seed(5)
    layers = [
        keras.layers.Conv2D(6, 3, activation="relu", name="low"),
        keras.layers.Flatten(),
        keras.layers.Dense(8, activation="relu", name="high"),
        keras.layers.Dense(2, activation="softmax"),
    ]
    return keras.Sequential([keras.Input((8, 8, 3)), *layers])


@pytest.mark.parametrize("batch_size", [1, 4, 64])
def test_sign_changes_equal_a_slow_twin(batch_size):
    model = small_model()
    random = np.random.default_rng(0)
    images = random.normal(size=(3, 8, 8, 3)).astype(np.float32)
    corners = random.integers(0, 6, (4, 3, 2))
    masks = np.concatenate([corners, corners + 3], axis=-1).clip(0, 8)
    found = measure_sign_changes(
        model,
        images,
        masks,
        ["low", "high"],
        occlusion_value=0.5,
        batch_size=batch_size,
    )
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
                sum(a != b for a, b in zip(*np.sign(change)[[*pair]], strict=True))
                / change.shape[1]
                for pair in itertools.combinations(range(3), 2)
            ]
            np.testing.assert_allclose(found.distances[layer][number], wanted)
            np.testing.assert_allclose(
                found.changed[layer][number], np.mean(change != 0, axis=1)
            )


def test_an_empty_mask_changes_nothing_and_equal_images_change_alike():
    model = small_model()
    image = np.random.default_rng(1).normal(size=(1, 8, 8, 3))
    masks = np.array([[[0, 0, 0, 0]] * 2, [[2, 2, 5, 5]] * 2])
    found = measure_sign_changes(model, np.repeat(image, 2, 0), masks, ["low"])
    assert found.distances["low"].tolist() == [[0], [0]]
    assert found.changed["low"][0].tolist() == [0, 0]
    assert (found.changed["low"][1] > 0).all()


def test_masks_that_do_not_fit_are_refused():
    images = np.zeros((2, 8, 8, 3))
    with pytest.raises(UsageError, match=r"masks.shape=\(1, 3, 4\)"):
        measure_sign_changes(small_model(), images, np.zeros((1, 3, 4)), ["low"])
    with pytest.raises(UsageError, match="n at least 2"):
        measure_sign_changes(small_model(), images[:1], np.zeros((1, 1, 4)), ["low"])
    with pytest.raises(UsageError, match=r"write \['low'\]"):
        measure_sign_changes(small_model(), images, np.zeros((1, 2, 4)), "low")


@pytest.fixture
def table():
    low = np.array([[0.1, 0.3], [0.2, 0.2], [0.5, 0.3], [0.2, 0.4], [0.1, 0.1]])
    high = np.array([[0.2, 0.2], [0.2, 0.2], [0.2, 0.2], [0.2, 0.2], [0.2, 0.2]])
    changed = np.full((5, 3), 0.5)
    paper = [{"nose": (0.079, 0.017)}, {"nose": (0.069, 0.011)}]
    return SignTable(
        ["nose", "eye"], ["layer 5", "layer 7"], [low, high], [changed] * 2, paper
    )


def test_the_table_is_that_computed_by_hand(table):
    mean, deviation = table.mean_and_deviation("nose", 0)
    assert (mean, deviation) == (pytest.approx(0.2), pytest.approx(0.1))
    chance = (0.5 + 0.3 + 0.2 + 0.4 + 0.1 + 0.1) / 6
    assert table.mean_and_deviation("random", 0)[0] == pytest.approx(chance)
    assert table.margin(0) == pytest.approx(1 - 0.2 / chance)
    assert table.margin(1) == pytest.approx(0)
    # Trials have means 0.4, 0.3 and 0.1; one is as low as 0.2.
    assert table.share_of_lower_trials("nose", 0) == pytest.approx(1 / 3)
    lines = table.as_markdown().splitlines()
    assert lines[0] == "| occluded | layer 5 | paper | layer 7 | paper |"
    assert lines[2] == (
        "| nose | 0.200 ± 0.100 | 0.079 ± 0.017 | 0.200 ± 0.000 | 0.069 ± 0.011 |"
    )
    assert lines[3].startswith("| eye | 0.200 ± 0.000 | – |")
    assert table.summary()[-1].endswith("in direction as the paper reports.")
    assert table.summary()[0].startswith("At layer 5 parts lie 25.0% below random")
    record = table.to_json()
    assert record["layer 5"]["nose"]["share_of_random_trials_as_low"] == (
        pytest.approx(1 / 3)
    )
    assert record["layer 5"]["eye"]["paper"] is None
    assert record["layer 7"]["random"]["deviation_of_trial_means"] < 1e-12


def test_the_size_of_the_paper_s_margin_stands_beside_ours(table):
    assert "in the paper" not in table.summary()[0]  # it has no "eye"
    table.paper[0].update(eye=(0.067, 0.007), random=(0.107, 0.017))
    table.paper[1].update(eye=(0.069, 0.015), random=(0.073, 0.014))
    # (0.079 + 0.067) / 2 is 31.8 % below the 0.107 of random places.
    assert "random places (in the paper 31.8% below);" in table.summary()[0]


def test_a_layer_the_paper_does_not_tell_of_has_no_column_of_it(table):
    some = dataclasses.replace(table, paper=[{}, {"nose": (0.069, 0.011)}])
    lines = some.as_markdown().splitlines()
    assert lines[0] == "| occluded | layer 5 | layer 7 | paper |"
    assert lines[2] == "| nose | 0.200 ± 0.100 | 0.200 ± 0.000 | 0.069 ± 0.011 |"
