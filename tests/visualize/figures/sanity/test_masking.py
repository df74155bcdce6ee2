import keras
import numpy as np

from visualize.figures.sanity.masking import PixelTest, areas, order_of


def a_sum():
    """A network that adds all pixels up, 2 x 5 of one colour."""
    model = keras.Sequential(
        [keras.Input((2, 5, 1)), keras.layers.Conv2D(1, (2, 5), use_bias=False)]
    )
    model.layers[0].kernel.assign(np.ones((2, 5, 1, 1)))
    return PixelTest(model, model.outputs[0])


def gain(values, importance):
    pixels = a_sum()
    images = np.reshape(values, (1, 2, 5, 1)).astype(np.float32)
    random = np.random.default_rng(0)
    seen = np.ones((1, 2, 5), bool)
    order = order_of(np.reshape(importance, (1, 2, 5)), seen, random)
    curves = pixels.curves(images, np.array([0]), np.array([[0, 0, 0]]), order[:, None])
    assert curves.shape == (2, 1, 1, 11)
    return curves[:, 0, 0]


def test_a_linear_unit_falls_by_the_pixels_that_are_deleted():
    values = np.arange(1.0, 11)
    deletion, insertion = gain(values, values)
    left = np.concatenate([[55], 55 - np.cumsum(values[::-1])]) / 55
    np.testing.assert_allclose(deletion, left, atol=1e-6)
    np.testing.assert_allclose(insertion, 1 - left, atol=1e-6)
    reverse = gain(values, -values)
    np.testing.assert_allclose(reverse[0], insertion[::-1], atol=1e-6)


def test_areas_where_one_pixel_is_all_and_where_all_are_equal():
    one = np.eye(10)[3]
    np.testing.assert_allclose(areas(gain(one, one)), [0.05, 0.95], atol=1e-6)
    np.testing.assert_allclose(areas(gain(one, -one)), [0.95, 0.05], atol=1e-6)
    np.testing.assert_allclose(areas(gain(np.ones(10), one)), 0.5, atol=1e-6)


def test_what_a_unit_does_not_see_is_left_out_and_equals_stand_by_chance():
    seen = np.zeros((1, 4, 5), bool)
    seen[:, 1:3] = True
    importance = np.zeros((1, 4, 5))
    importance[0, 2, 4] = 1
    orders = [
        order_of(importance, seen, np.random.default_rng(seed)) for seed in (0, 1)
    ]
    for order in orders:
        np.testing.assert_array_equal(np.isnan(order), ~seen)
        np.testing.assert_allclose(np.sort(order[seen]), np.arange(10) / 10)
        assert order[0, 2, 4] == 0
    assert not np.array_equal(*orders, equal_nan=True)


def test_batches_change_nothing():
    model = keras.Sequential(
        [keras.Input((6, 6, 3)), keras.layers.Conv2D(4, 3, activation="softplus")]
    )
    pixels, random = PixelTest(model, model.outputs[0]), np.random.default_rng(0)
    images = random.normal(size=(2, 6, 6, 3)).astype(np.float32)
    units = np.array([[1, 2, 3], [0, 0, 1], [3, 3, 0]])
    maps = np.asarray(model(images))
    which = np.array([0, 1, 1])
    own = maps[which, *units.T]
    seen = np.ones((3, 6, 6), bool)
    importance = random.random((3, 6, 6))
    order = np.stack([order_of(one, seen, random) for one in (importance,) * 2], 1)
    found = [pixels.curves(images, which, units, order, size) for size in (7, 200)]
    np.testing.assert_allclose(*found, rtol=1e-4, atol=1e-5)
    half = np.where(importance >= np.median(importance, (1, 2), keepdims=True), 0, 1)
    half = half[..., None] * images[which]
    wanted = np.asarray(model(half.astype(np.float32)))[np.arange(3), *units.T] / own
    np.testing.assert_allclose(found[0][0, :, 0, 5], wanted, rtol=1e-3, atol=1e-4)
