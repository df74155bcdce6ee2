import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from tests.helpers.deconvnet_networks import (
    chain,
    nested,
    resnet_like,
    small_zfnet,
    vgg_like,
)
from tests.helpers.projections import random_images
from visualize.deconvnet.partial_pass import PartialPass, regions_of
from visualize.figures.occlusion.sliding_occluder import SlidingOccluder


def boxes_of(image_shape, size, count=7, seed=0):
    """Boxes at random places, in the corners, and one without area."""
    height, width = image_shape[:2]
    free = np.array([height - size[0], width - size[1]])
    starts = np.random.default_rng(seed).integers(0, free + 1, (count, 2))
    corners = [[0, 0], [0, free[1]], [free[0], 0], free]
    starts = np.concatenate([starts, corners]).astype(np.int32)
    boxes = np.concatenate([starts, starts + np.int32(size)], axis=1)
    return np.concatenate([boxes, np.zeros((1, 4), np.int32)])


def changed(image, boxes, seed=1):
    """Copies of an image with noise in their boxes, in NumPy."""
    copies = np.repeat(image[None], len(boxes), axis=0)
    noise = np.random.default_rng(seed).normal(size=copies.shape)
    for copy, new, (top, left, bottom, right) in zip(copies, noise, boxes, strict=True):
        inside = (slice(top, bottom), slice(left, right))
        copy[inside] = new[inside]
    return copies


def partly(model, image, boxes, copies, paths=()):
    """What a partial pass answers, and its plan."""
    network = PartialPass(model, paths)
    plan = network.plan(boxes)
    regions = regions_of(plan.sizes, [tf.constant(part) for part in plan.starts])
    own = network.own_maps(tf.constant(image[None]), plan)
    height, width = regions[0].size
    parts = [
        copy[y : y + height, x : x + width]
        for copy, (y, x) in zip(copies, plan.starts[0], strict=True)
    ]
    parts = tf.constant(np.stack(parts))
    return [np.asarray(x) for x in network.run(parts, own, regions)], plan


def assert_answers_of_the_model(model, size, paths=()):
    """All copies through the model itself are the reference; returns the plan."""
    (image,) = random_images((1, *model.input_shape[1:]))
    boxes = boxes_of(image.shape, size)
    copies = changed(image, boxes)
    found, plan = partly(model, image, boxes, copies, paths)
    outputs = [model.get_layer(path).output for path in paths]
    outputs = [x[0] if isinstance(x, (list, tuple)) else x for x in outputs]
    wanted = keras.Model(model.inputs[0], [*outputs, *model.outputs])(copies)
    for one, other in zip(found, keras.tree.flatten(wanted), strict=True):
        scale = np.abs(other).max()
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5 * scale)
    return plan


@pytest.mark.parametrize(
    ("build", "paths", "size"),
    [
        (small_zfnet, ["conv2"], (1, 1)),
        (small_zfnet, ["conv2"], (5, 7)),
        (vgg_like, ["d"], (5, 7)),
        (resnet_like, ["block0"], (5, 7)),
        (nested, [], (4, 4)),
    ],
)
def test_parts_give_the_answers_of_whole_networks(build, paths, size):
    assert assert_answers_of_the_model(build(), size, paths).regions


@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize("strides", [1, 2, 3])
def test_strides_and_paddings_on_odd_sizes(padding, strides):
    model = chain(
        layers.ZeroPadding2D(((1, 0), (2, 1))),
        layers.Conv2D(4, 3, strides=strides, padding=padding, activation="relu"),
        layers.MaxPooling2D(2, strides=1, padding=padding),
        layers.DepthwiseConv2D(3, padding=padding, dilation_rate=1),
        layers.BatchNormalization(),
        layers.AveragePooling2D(2, strides=1, padding=padding),
        layers.Cropping2D(((0, 1), (1, 0))),
        layers.Conv2D(5, 1, name="last"),
        layers.Flatten(),
        layers.Dense(4),
        shape=(17, 23, 3),
    )
    assert assert_answers_of_the_model(model, (2, 3), ["last"]).regions


def test_negative_inputs_and_values_beside_the_border_of_a_max_pool():
    # Zeros outside, in place of nothing, would win every maximum.
    model = chain(
        layers.MaxPooling2D(3, strides=2, padding="same", name="pool"),
        layers.Flatten(),
        layers.Dense(3),
        shape=(15, 15, 2),
    )
    image = -1 - np.abs(random_images((15, 15, 2)))
    boxes = boxes_of(image.shape, (2, 2))
    copies = image - np.abs(changed(image, boxes) - image)
    (pooled, _), plan = partly(model, image, boxes, copies, ["pool"])
    assert plan.regions and (pooled < 0).all()


def test_only_what_a_box_reaches_is_computed():
    model = chain(
        layers.Conv2D(2, 3, name="a"),
        layers.MaxPooling2D(2),
        layers.Conv2D(2, 3, name="b"),
        layers.GlobalAveragePooling2D(),
        shape=(40, 40, 3),
    )
    # Rows 10 to 13 reach 8 to 13 of a, 4 to 6 of the pool, 2 to 6 of b; columns 11 to
    # 14 reach 9 to 14, 4 to 7 and 2 to 7.
    boxes = np.array([[10, 11, 14, 15]], np.int32)
    (image,) = random_images((1, 40, 40, 3))
    copies = image[None]
    found, plan = partly(model, image, boxes, copies)
    sides = [size for _, size in plan.sizes]
    assert sides == [(4, 4), (6, 6), (6, 6), (3, 4), (5, 6), (5, 6)]
    np.testing.assert_allclose(found[0], model(image[None]), rtol=1e-4, atol=1e-6)


def test_layers_without_a_rule_run_whole():
    model = chain(
        layers.Conv2D(4, 3),
        layers.LayerNormalization(axis=(1, 2)),  # looks at the whole map
        layers.Conv2D(4, 3, activation="relu"),
        layers.Flatten(),
        layers.Dense(3, activation="softmax"),
        shape=(20, 20, 3),
    )
    plan = assert_answers_of_the_model(model, (3, 3))
    # The image, filters and activation.
    assert [size for _, size in plan.sizes] == [(3, 3), (5, 5), (5, 5)]


class Own(keras.Model):
    def __init__(self):
        super().__init__()
        self.dense = layers.Dense(3, activation="softmax")

    def call(self, images):
        return self.dense(keras.ops.reshape(images, (-1, 300)))


def of_a_leaky_relu():
    return chain(
        layers.Conv2D(4, 3, activation=layers.ReLU(negative_slope=0.3), name="maps"),
        layers.Flatten(),
        layers.Dense(3, activation="softmax"),
        shape=(10, 10, 3),
    )


@pytest.mark.parametrize("make", [of_a_leaky_relu, Own])
def test_the_occluder_runs_what_has_no_rule_or_no_graph(make):
    model, (image,) = make(), random_images((1, 10, 10, 3))
    model(image[None])
    found = SlidingOccluder(model).maps(image, patch_size=5, patch_stride=5)
    copy = image.copy()
    copy[5:, :5] = 0
    wanted = np.asarray(model(copy[None]))[0, found.label]
    np.testing.assert_allclose(found.probabilities[1, 0], wanted, rtol=1e-5)


def of_a_padded_image():
    """The padding of a part has nothing to compute, so that nothing rounds."""
    return chain(
        layers.ZeroPadding2D(2),
        layers.Conv2D(4, 3, strides=2, activation="relu"),
        layers.Flatten(),
        layers.Dense(5, activation="softmax"),
        shape=(31, 37, 3),
    )


@pytest.mark.parametrize("build", [small_zfnet, of_a_padded_image])
def test_half_precision(build):
    keras.config.set_dtype_policy("mixed_float16")
    model = build()
    (image,) = random_images((1, 31, 37, 3))
    boxes = boxes_of(image.shape, (4, 5))
    copies = changed(image, boxes)
    (found,), plan = partly(model, image, boxes, copies)
    assert plan.regions
    np.testing.assert_allclose(found, model(copies), atol=0.02)


def test_double_precision():
    keras.config.set_floatx("float64")  # Keras's whole numbers are then of 64 bits, too
    keras.config.set_dtype_policy("float64")
    model = small_zfnet()
    (image,) = random_images((1, 31, 37, 3)).astype("float64")
    boxes = boxes_of(image.shape, (4, 5))
    copies = changed(image, boxes)
    (found,), plan = partly(model, image, boxes, copies)
    assert plan.regions
    np.testing.assert_allclose(found, model(copies), rtol=1e-6)
