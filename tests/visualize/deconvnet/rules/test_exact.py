"""Each rule is the gradient of its layer, on whole maps and inside windows."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import example, given, settings
from hypothesis import strategies as st
from keras import layers

from tests.helpers.projections import assert_close, random_images
from tests.helpers.rules import assert_exact, projector_of
from visualize.deconvnet.rules.convolutions import dilated, transposed
from visualize.deconvnet.windows import Cutter
from zfkeras import LocalResponseNormalization, MaxPoolWithArgmax, UsageError

few = settings(max_examples=6, deadline=None, database=None, derandomize=True)
sides = st.tuples(st.integers(1, 4), st.integers(1, 4))
steps = st.sampled_from([(1, 1), (2, 1), (3, 1), (1, 2), (1, 3)])
paddings = st.sampled_from(["same", "valid"])

CONVOLUTIONS = {
    "plain": lambda **place: layers.Conv2D(5, **place),
    "without bias": lambda **place: layers.Conv2D(5, use_bias=False, **place),
    "grouped": lambda **place: layers.Conv2D(6, groups=2, **place),
    "a group a channel": lambda **place: layers.Conv2D(8, groups=4, **place),
    "depthwise": lambda **place: layers.DepthwiseConv2D(depth_multiplier=2, **place),
    "separable": lambda **place: layers.SeparableConv2D(5, depth_multiplier=2, **place),
}


@pytest.mark.parametrize("kind", CONVOLUTIONS)
@few
@given(sides, steps, paddings)
def test_convolutions(kind, size, step, padding):
    strides, rate = step  # a stride or a dilation: Keras has no layer with both
    layer = CONVOLUTIONS[kind](
        kernel_size=size, strides=strides, dilation_rate=rate, padding=padding
    )
    assert_exact(layer, shape=(14, 17, 4))


POOLS = {
    "max": layers.MaxPooling2D,
    "average": layers.AveragePooling2D,
}


@pytest.mark.parametrize("kind", POOLS)
@few
@given(sides, st.tuples(st.integers(1, 3), st.integers(1, 3)), paddings)
def test_pools(kind, size, strides, padding):
    def build(image):
        pooled = POOLS[kind](size, strides, padding)(image)
        return layers.Conv2D(3, 1)(pooled)

    # Averages of windows that overhang the border divide by fewer pixels.
    assert_exact(build, windowed=None if kind == "average" else True)


@few
@given(sides, st.integers(2, 4), paddings)
@example((7, 7), 2, "same")
def test_phases_equal_the_transposed_convolution(kernel, stride, padding):
    # Few channels come out, so that the phases are taken.
    random = np.random.default_rng(0)
    size = (25, 30)
    out = [
        -(-n // stride) if padding == "same" else (n - k) // stride + 1
        for n, k in zip(size, kernel, strict=True)
    ]
    signal = tf.constant(random.normal(size=(2, *out, 8)), tf.float32)
    filters = tf.constant(random.normal(size=(*kernel, 3, 8)), tf.float32)
    found = transposed(signal, filters, (*size, 3), (stride, stride), padding)
    wanted = tf.nn.conv2d_transpose(
        signal, filters, (2, *size, 3), stride, padding.upper()
    )
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-4)


def test_dilated_kernels_by_hand():
    kernel = tf.reshape(tf.range(1.0, 5.0), (2, 2, 1, 1))
    found = dilated(kernel, (2, 3))[:, :, 0, 0].numpy()
    assert found.tolist() == [[1, 0, 0, 2], [0, 0, 0, 0], [3, 0, 0, 4]]


def joined(merge):
    """Three branches whose units see different windows of the image, and a merge."""
    return lambda image: merge(
        [
            layers.Conv2D(4, 1, 2)(image),
            layers.Conv2D(4, 3, 2, "same")(image),
            layers.MaxPooling2D(5, 2, "same")(image),
        ]
    )


def twice(merge):
    """One tensor on both sides."""
    return lambda image: merge([layers.Conv2D(4, 3, 2, "same")(image)] * 2)


def computed(arithmetic):
    return lambda image: arithmetic(layers.Conv2D(4, 3)(image))


def broadcast(image):
    mean = layers.GlobalAveragePooling2D(keepdims=True)(image)
    return layers.Add()([image, mean])


def contrast(beta, radius):
    def build(image):
        maps = layers.MaxPooling2D(3, 2, "same")(image)
        return LocalResponseNormalization(radius, 1.5, 0.3, beta)(maps)

    return build


def scaled(image):
    x = layers.Rescaling(1 / 127.5, offset=-1)(image)
    x = layers.Rescaling([1.0, 2.0, 3.0, 4.0])(x)
    x = layers.Normalization(mean=[1, 2, 3, 0], variance=[4, 9, 0.25, 1])(x)
    x = layers.Conv2D(3, 3)(x)
    return layers.Normalization(mean=1, variance=np.float32(4), invert=True)(x)


def dense_on_maps(image):
    x = layers.Dense(6, "relu")(layers.Dropout(0.5)(image))
    return layers.Dense(3, use_bias=False)(layers.SpatialDropout2D(0.5)(x))


def padded(padding):
    def build(image):
        wide = layers.ZeroPadding2D(padding)(image)
        return layers.Conv2D(3, 3, 2)(layers.BatchNormalization()(wide))

    return build


def cropped(cropping):
    return lambda x: layers.Conv2D(3, 3, padding="same")(layers.Cropping2D(cropping)(x))


def reshaped(image):
    maps = layers.Reshape((2, 3, 4))(layers.Dense(24)(layers.Flatten()(image)))
    return keras.ops.reshape(layers.Permute((3, 1, 2))(maps), (-1, 24))


def argmax_pool(*place):
    return lambda x: layers.Conv2D(3, 1)(MaxPoolWithArgmax(*place)(x)[0])


four = np.array([1.0, 2, 3, 4], np.float32)


def each_channel(image):
    """Colours turned round as `preprocess_input` of VGG and ResNet does it."""
    return keras.ops.stack([image[..., i] for i in (3, 1, 2, 0)], axis=-1)


def folded(x):
    """Patches that overlap, each pixel as often as it is in one."""
    x = keras.ops.transpose(x, (0, 3, 1, 2))
    return keras.ops.fold(keras.ops.unfold(x, 3, stride=2), (13, 16), 3, stride=2)


def resized(*size, **how):
    return lambda x: layers.Conv2D(3, 3)(layers.Resizing(*size, **how)(x))


EXACT = {  # build, whether one unit has a window (`None`: not held to anything)
    "unequal kernel and strides": (layers.Conv2D(5, (2, 5), (3, 1), "same"), True),
    "argmax pool": (argmax_pool(3, 2, "same"), True),
    "argmax pool, uneven": (argmax_pool((2, 3), (1, 2), "valid"), True),
    "global average": (layers.GlobalAveragePooling2D(), False),
    "global average, kept": (layers.GlobalAveragePooling2D(keepdims=True), False),
    "global maximum": (layers.GlobalMaxPooling2D(), False),
    "global maximum, kept": (layers.GlobalMaxPooling2D(keepdims=True), False),
    "add": (joined(layers.Add()), None),
    "average": (joined(layers.Average()), None),
    "concatenate": (joined(layers.Concatenate()), None),
    "concatenate rows": (joined(layers.Concatenate(axis=1)), None),
    "concatenate operation": (joined(lambda m: keras.ops.concatenate(m, -1)), None),
    "subtract": (joined(lambda maps: layers.Subtract()(maps[:2])), None),
    "sum": (joined(lambda maps: maps[0] + maps[1]), None),
    "difference": (joined(lambda maps: maps[0] - maps[2]), None),
    "add twice": (twice(layers.Add()), None),
    "concatenate twice": (twice(layers.Concatenate()), None),
    "broadcast": (broadcast, False),
    "plus a constant": (computed(lambda x: x + 3.0), None),
    "constant minus": (computed(lambda x: 3.0 - x), None),
    "minus an array": (computed(lambda x: x - four), None),
    "times an array": (computed(lambda x: x * four), None),
    "constant times": (computed(lambda x: 2.0 * x), None),
    "divided": (computed(lambda x: x / 127.5 - 1), None),
    "batch": (computed(layers.BatchNormalization()), True),
    "batch without scale": (computed(layers.BatchNormalization(scale=False)), True),
    "batch, other axis": (layers.BatchNormalization(axis=1), False),
    "contrast": (contrast(0.75, 2), True),
    "contrast, beta 1": (contrast(1.0, 1), True),
    "contrast of one channel": (contrast(0.5, 0), True),
    "rescaling and normalization": (scaled, None),
    "dense on maps": (dense_on_maps, None),
    "padded by 1": (padded(1), True),
    "padded unevenly": (padded(((0, 3), (1, 0))), True),
    "cropped by 2, 1": (cropped((2, 1)), True),
    "cropped unevenly": (cropped(((0, 3), (1, 0))), True),
    "reshaped": (reshaped, False),
    "minus": (computed(lambda x: -x), True),
    "channels turned": (computed(lambda x: x[..., ::-1]), None),
    "channels stacked": (each_channel, None),
    "a part": (computed(lambda x: x[:, 2:-1, ::2, 1:]), None),
    "an index and a new axis": (lambda x: x[:, :, 3, None], None),
    "centre": (layers.CenterCrop(6, 9), None),
    "centre of a smaller image": (layers.CenterCrop(20, 14), None),
    "resized": (resized(7, 21), None),
    "resized, nearest": (resized(7, 21, interpolation="nearest"), None),
    "resized, bicubic": (resized(7, 21, interpolation="bicubic"), None),
    "resized, lanczos": (resized(7, 21, interpolation="lanczos3"), None),
    "resized, smoothed": (resized(5, 6, antialias=True), None),
    "resized, cropped": (resized(9, 9, crop_to_aspect_ratio=True), None),
    "resized, padded": (resized(9, 9, pad_to_aspect_ratio=True), None),
    "enlarged": (layers.UpSampling2D(2), None),
    "enlarged, bicubic": (layers.UpSampling2D(2, interpolation="bicubic"), None),
    "enlarged, bilinear": (layers.UpSampling2D((1, 3), None, "bilinear"), None),
    "ReLU cut above": (computed(layers.ReLU(max_value=0.5)), None),
    "ReLU from a threshold": (computed(layers.ReLU(threshold=0.3)), None),
    "relu cut above": (computed(lambda x: keras.activations.relu(x, 0, 0.5)), None),
    "relu6": (computed(lambda x: keras.ops.relu6(x * 9.0)), None),
    "fused relu6": (lambda x: layers.Conv2D(4, 1, activation="relu6")(x * 9.0), None),
    "adaptive average": (layers.AdaptiveAveragePooling2D((5, 3)), False),
    "adaptive maximum": (layers.AdaptiveMaxPooling2D((5, 3)), False),
    "depth to space": (lambda x: keras.ops.depth_to_space(x, 2), False),
    "space to depth": (lambda x: keras.ops.space_to_depth(x[:, 1:], 4), False),
    "unfolded and folded": (folded, False),
    "depthwise, stride and dilation": (
        layers.DepthwiseConv2D(3, 2, dilation_rate=2),
        True,
    ),
    "separable, stride and dilation": (
        layers.SeparableConv2D(5, 3, 2, "same", dilation_rate=2),
        True,
    ),
    "identity": (computed(layers.Identity()), None),
}


@pytest.mark.parametrize("name", EXACT)
def test_rules_are_gradients(name):
    build, windowed = EXACT[name]
    assert_exact(build, shape=(13, 16, 4), windowed=windowed)


ONLY_MOVED = [
    "minus",
    "channels turned",
    "channels stacked",
    "a part",
    "an index and a new axis",
    "centre",
    "centre of a smaller image",
    "resized",
    "resized, bicubic",
    "resized, smoothed",
    "resized, padded",
    "enlarged, bilinear",
]


@pytest.mark.parametrize("name", ONLY_MOVED)
def test_the_transpose_is_that_of_the_matrix(name):
    # Independent of gradients: the matrix is what comes of each pixel alone.
    build, _ = EXACT[name]
    shape = (13, 16, 4)
    image = keras.Input(shape)
    keras.utils.set_random_seed(0)
    model = keras.Model(image, build(image))
    pixels = np.eye(np.prod(shape), dtype=np.float32).reshape(-1, *shape)
    nothing = model.predict(0 * pixels[:1], verbose=0)
    matrix = (model.predict(pixels, verbose=0) - nothing).reshape(len(pixels), -1)
    projector = projector_of(model, "deconvnet")
    one = tf.range(1)
    ascent = projector.up(tf.constant(pixels[:1]))
    signal = random_images(nothing.shape, 1)
    cutter = Cutter(tf.zeros((1, 2), tf.int32), one)
    found = projector.down(tf.constant(signal), ascent, cutter)
    wanted = (matrix @ signal.ravel()).reshape(1, *shape)
    assert_close(found.numpy(), wanted, 1e-5)


@pytest.mark.parametrize(
    "layer", [layers.Resizing, layers.CenterCrop], ids=["resizing", "centre"]
)
def test_signals_stay_wide_where_images_are_half_precision(layer):
    model = keras.Sequential([keras.Input((4, 4, 3)), layer(2, 2, dtype="float16")])
    projector = projector_of(model)
    ascent = projector.up(tf.zeros((1, 4, 4, 3)))
    cutter = Cutter(tf.zeros((1, 2), tf.int32), tf.range(1))
    signal = tf.fill((1, 2, 2, 3), 1e6)  # beyond float16
    found = projector.down(signal, ascent, cutter).numpy()
    np.testing.assert_allclose(found.sum(), 12e6)


NOT_LINEAR = {
    "product": (lambda x: x * x, "multiply one tensor"),
    "quotient": (lambda x: 1.0 / x, "divide a tensor by a constant"),
    "maximum": (lambda x: keras.ops.maximum(x, 1.0), "maximum of one tensor and 0"),
    "Multiply": (lambda x: layers.Multiply()([x, x]), "class that has a rule"),
}


@pytest.mark.parametrize("name", NOT_LINEAR)
def test_what_is_not_linear_is_refused(name):
    build, expected = NOT_LINEAR[name]
    image = keras.Input((4, 4, 3))
    with pytest.raises(UsageError) as error:
        projector_of(keras.Model(image, build(image)))
    assert expected in error.value.expected
