"""Receptive fields against an experiment that knows nothing of kernels and strides.

All weights are positive, so nothing cancels: light one pixel of a dark image, for each
pixel in turn, and the units that answer are those that see it. That holds for max pools
too, and shows every unit of a layer at once.
"""

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from zfkeras import LocalResponseNormalization, MaxPoolWithArgmax, UsageError, ZFNet
from zfkeras.graph.boxes import Boxes, Span
from zfkeras.graph.layer_graph import LayerGraph
from zfkeras.graph.receptive_field import receptive_field
from zfkeras.models.variants import VARIANTS


def with_positive_weights(model):
    random = np.random.default_rng(0)
    for weight in model.trainable_weights:
        if len(weight.shape) > 1:
            fan_in = np.prod(weight.shape[:-1])
            weight.assign(random.uniform(0.5, 1.5, weight.shape) / fan_in)
    return model


def seen_by_experiment(model, tensors, background=0.0):
    """For each tensor, which pixels change which unit: (rows, columns, *image) bool."""
    height, width, channels = model.input_shape[1:]
    numbered = {str(number): tensor for number, tensor in enumerate(tensors)}
    probe = with_positive_weights(keras.Model(model.inputs[0], numbered))

    @tf.function
    def run(images):
        return probe(images, training=False)

    def maps(images):
        outputs = run(images)
        found = [np.asarray(outputs[number]) for number in numbered]
        return [m if m.ndim == 4 else m[:, None, None] for m in found]

    unlit = maps(np.full((width, height, width, channels), background, "float32"))
    answers = [[] for _ in tensors]
    columns = np.arange(width)
    for row in range(height):
        images = np.full((width, height, width, channels), background, "float32")
        images[columns, row, columns] += 1.0
        for answer, lit, dark in zip(answers, maps(images), unlit, strict=True):
            # Exactly dark on a dark background; the bound is rounding on another.
            answer.append((abs(lit - dark) > 1e-6 * abs(dark)).any(axis=-1))
    return [np.stack(answer).transpose(2, 3, 0, 1) for answer in answers]


def seen_by_boxes(model, tensor):
    """The same from `receptive_field`, each box clipped to the image."""
    field = receptive_field(model, tensor)
    rows, columns = tensor.shape[1:3] if len(tensor.shape) == 4 else (1, 1)
    seen = np.zeros((rows, columns, *model.input_shape[1:3]), bool)
    for position in np.ndindex(rows, columns):
        top, left, bottom, right = np.maximum(field.box(position), 0)
        seen[position][top:bottom, left:right] = True
    return seen


def assert_boxes_are_exact(model, tensors, background=0.0):
    experiments = seen_by_experiment(model, tensors, background)
    for tensor, seen in zip(tensors, experiments, strict=True):
        assert seen.any()
        np.testing.assert_array_equal(seen_by_boxes(model, tensor), seen)


def model_of(build, shape=(13, 18, 2)):
    image = keras.Input(shape)
    output = build(image)
    return keras.Model(image, output), output


@pytest.mark.parametrize(
    ("variant", "size"),
    [
        ("zfnet_quarter", (44, 60)),
        ("alexnet_quarter", (56, 56)),
        ("zfnet", (64, 72)),
        ("alexnet", (64, 64)),
    ],
)
def test_every_unit_of_a_network_sees_exactly_its_box(variant, size, monkeypatch):
    spec = VARIANTS[variant]  # two maps a layer: as much geometry, less to compute
    thin = dataclasses.replace(
        spec,
        stages={n: dataclasses.replace(s, filters=2) for n, s in spec.stages.items()},
        fully_connected=dict.fromkeys(spec.fully_connected, 2),
    )
    monkeypatch.setitem(VARIANTS, variant, thin)
    model = ZFNet(2, (*size, 1), variant)
    calls = LayerGraph(model).calls[1:-1]
    assert_boxes_are_exact(model, [call.tensor for call in calls])


# Layer -> field, stride: Zeiler & Fergus's network, from their sizes (Fig. 3).
ZFNET = {
    "conv1": (7, 2),
    "pool1": (11, 4),
    "norm1": (11, 4),
    "conv2": (27, 8),
    "pool2": (43, 16),
    "norm2": (43, 16),
    "conv3": (75, 16),
    "conv4": (107, 16),
    "conv5": (139, 16),
    "pool5": (171, 32),
    "fc6": (224, 0),
    "fc7": (224, 0),
}


def test_table_of_the_paper():
    with keras.StatelessScope(initialize_variables=False):
        model = ZFNet()
    graph = LayerGraph(model)
    for name, (size, stride) in ZFNET.items():
        field = graph.field(name)
        assert (field.size, field.stride) == ((size,) * 2, (stride,) * 2), name


def residual(image):
    straight = layers.Conv2D(3, 3, 2, "same", activation="relu")(image)
    straight = layers.Conv2D(3, 3, padding="same")(straight)
    return layers.Add()([straight, layers.Conv2D(3, 1, 2, "same")(image)])


def inception(image):
    narrow = layers.Conv2D(2, 1)(image)
    wide = layers.Conv2D(2, 3, padding="same")(layers.Conv2D(2, (5, 1))(narrow))
    pooled = layers.MaxPooling2D((5, 3), 1, "valid")(image)
    pooled = layers.ZeroPadding2D(((0, 0), (1, 1)))(pooled)
    return layers.Concatenate()([wide, pooled, layers.Cropping2D((2, 0))(narrow)])


def one_layer_twice(image):
    conv = layers.Conv2D(2, (3, 2), padding="same")
    return conv(conv(image))


def pointwise(image):
    x = layers.Conv2D(4, 3, activation="relu")(layers.Rescaling(1 / 255)(image))
    x = layers.LeakyReLU()(layers.ReLU()(layers.BatchNormalization()(x)))
    x = layers.ELU()(layers.PReLU(shared_axes=(1, 2))(layers.Identity()(x)))
    x = layers.GaussianNoise(0.1)(layers.RandomFlip()(x)) / 2.0
    x = LocalResponseNormalization()(layers.SpatialDropout2D(0.5)(x))
    x = layers.Dense(2)(layers.Dropout(0.5)(x))
    return keras.ops.sigmoid(keras.ops.relu6(layers.Activation("relu")(x) + x))


@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize("size", [(13, 18), (14, 11)])
@pytest.mark.parametrize(
    ("kind", "arguments"),
    [
        (layers.Conv2D, (2, 3, 1)),
        (layers.Conv2D, (2, (4, 2), (3, 2))),
        (layers.Conv2D, (2, (5, 7), (2, 4))),
        (layers.DepthwiseConv2D, ((3, 4), 2)),
        (layers.SeparableConv2D, (2, (4, 3), 3)),
        (layers.AveragePooling2D, ((3, 2), 2)),
        (layers.AveragePooling2D, (4, None)),
        (layers.MaxPooling2D, ((3, 2), (2, 1))),
        (layers.MaxPooling2D, ((2, 5), None)),
        (MaxPoolWithArgmax, ((3, 4), (2, 3))),
    ],
)
def test_every_unit_of_a_window_layer_sees_exactly_its_box(
    kind, arguments, padding, size
):
    layer = kind(*arguments, padding=padding)
    image = keras.Input((*size, 2))
    maps = layer(image)
    maps = maps[0] if kind is MaxPoolWithArgmax else maps
    assert_boxes_are_exact(keras.Model(image, maps), [maps])


GRAPHS = {
    "residual": residual,
    "inception": inception,
    "one layer twice": one_layer_twice,
    "pointwise": pointwise,
    "average": lambda x: layers.Average()([x, layers.Conv2D(2, 5, 1, "same")(x)]),
    "maximum": lambda x: layers.Maximum()([x, layers.Conv2D(2, 3, 1, "same")(x)]),
    "padded": lambda x: layers.Conv2D(2, 5, 2)(
        layers.ZeroPadding2D(((1, 2), (3, 0)))(x)
    ),
    "units that see padding only": lambda x: layers.Conv2D(2, 3)(
        layers.ZeroPadding2D(4)(x)
    ),
    "cropped": lambda x: layers.Conv2D(2, 3)(layers.Cropping2D(((1, 2), (0, 3)))(x)),
    # Each place of a dilated filter sees three pixels: no gaps.
    "dilated": lambda x: layers.Conv2D(2, 3, padding="same", dilation_rate=2)(
        layers.Conv2D(2, 3, padding="same")(x)
    ),
    "dilated, separable": lambda x: layers.SeparableConv2D(2, 2, dilation_rate=(3, 2))(
        layers.DepthwiseConv2D(3)(x)
    ),
    "dilated, depthwise": lambda x: layers.DepthwiseConv2D(3, dilation_rate=(2, 3))(
        layers.AveragePooling2D(3, 1)(x)
    ),
    "channels counted from the front": lambda x: layers.Concatenate(3)([x, x]),
    "channels turned": lambda x: layers.Conv2D(2, 3)(-(-x)[..., ::-1]),
    # As `preprocess_input` of VGG and ResNet turns colours round.
    "channels stacked": lambda x: layers.Conv2D(2, (3, 2), 2)(
        keras.ops.stack([x[..., 1], x[:, :, :, 0]], axis=-1) - 0.5
    ),
    "centre": lambda x: layers.Conv2D(2, 3)(layers.CenterCrop(8, 11)(x)),
    "global average": lambda x: layers.GlobalAveragePooling2D()(x),
    "global maximum": lambda x: layers.GlobalMaxPooling2D(keepdims=True)(x),
    "flattened": lambda x: layers.Dense(3)(layers.Flatten()(x)),
}


@pytest.mark.parametrize("name", GRAPHS)
def test_every_unit_of_a_graph_sees_exactly_its_box(name):
    model, output = model_of(GRAPHS[name])
    assert_boxes_are_exact(model, [output])


def test_what_is_reshaped_counts_as_seeing_everything():
    # Not exact: a unit's place in the image is lost.
    model, output = model_of(
        lambda x: layers.Conv2D(2, 3)(layers.Reshape((18, 13, 2))(x))
    )
    assert receptive_field(model, output).box((5, 5)) == (0, 0, 13, 18)


def squeeze_and_excite(image):
    x = layers.Conv2D(2, 3)(image)
    weights = layers.Dense(2)(layers.GlobalAveragePooling2D(keepdims=True)(x))
    return layers.Multiply()([x, weights])


@pytest.mark.parametrize(
    "build",
    [
        squeeze_and_excite,
        lambda x: layers.Multiply()([x, layers.Conv2D(2, 3, 1, "same")(x)]),
        lambda x: layers.Subtract()([x, layers.Conv2D(2, 3, 1, "same")(x)]),
    ],
    ids=["squeeze and excite", "product", "difference"],
)
def test_every_unit_of_a_product_sees_exactly_its_box(build):
    # On a dark background a product answers only to what both factors see.
    model, output = model_of(build)
    assert_boxes_are_exact(model, [output], background=1.0)


def test_a_sequential_model_and_its_own_image():
    model = keras.Sequential([keras.Input((9, 12, 1)), layers.Conv2D(2, 3, 2, "same")])
    assert_boxes_are_exact(model, [model.layers[0].output])
    field = receptive_field(model, model.inputs[0])
    assert (field.size, field.stride, field.box((4, 7))) == (
        (1, 1),
        (1, 1),
        (4, 7, 5, 8),
    )


def test_gaps_are_where_the_docstring_says():
    def seen(position, *stack):
        image = keras.Input((1, 12, 1))
        output = image
        for layer in stack:
            output = layer(output)
        model = keras.Model(image, output)
        (units,) = seen_by_experiment(model, [output])
        assert not (units & ~seen_by_boxes(model, output)).any()
        (columns,) = np.nonzero(units[0, position, 0])
        _, left, _, right = receptive_field(model, output).box((0, position))
        return columns.tolist(), (left, right)

    def conv(size, stride=1, padding="valid", dilation=1):
        rate = (1, dilation)
        return layers.Conv2D(1, (1, size), stride, padding, dilation_rate=rate)

    # dilation
    assert seen(5, conv(3, 1, "same", 2)) == ([3, 5, 7], (3, 8))
    assert seen(1, conv(3, 1, "same", 2)) == ([1, 3], (-1, 4))
    # windows shorter than their stride
    assert seen(0, conv(1, 2), conv(3)) == ([0, 2, 4], (0, 5))
    # pixel 11 that no window of the first layer reaches, padding where its unit was
    assert seen(4, conv(3, 2), conv(3, 1, "same")) == ([6, 7, 8, 9, 10], (6, 13))
    # pixels that are cut off, padding in their place
    crop = layers.Cropping2D(((0, 0), (2, 0)))
    assert seen(0, crop, conv(3, 1, "same")) == ([2, 3], (1, 4))


def test_gaps_between_branches():
    image = keras.Input((1, 12, 1))
    left = layers.Cropping2D(((0, 0), (0, 8)))(image)
    right = layers.Cropping2D(((0, 0), (8, 0)))(image)
    model = keras.Model(image, layers.Add()([left, right]))
    (units,) = seen_by_experiment(model, model.outputs)
    assert np.nonzero(units[0, 1, 0])[0].tolist() == [1, 9]
    assert receptive_field(model, model.outputs[0]).box((0, 1)) == (0, 1, 1, 10)


def test_a_network_of_a_thousand_layers():
    # previously the walk was a recursion and overflowed the stack
    image = keras.Input((2, 2, 1))
    x = image
    for _ in range(1100):
        x = layers.ReLU()(x)
    model = keras.Model(image, image)  # sorting a graph so deep is slow, and not ours
    assert receptive_field(model, x).box((1, 0)) == (1, 0, 2, 1)


def test_models_inside_the_model_are_seen_through():
    def stack(x):
        x = layers.Conv2D(3, 3, 2, "same", activation="relu")(x)
        return layers.MaxPooling2D(3, 1, "same")(x)

    entry = keras.Input((6, 5, 4))
    inner = keras.Model(entry, stack(layers.ReLU()(entry)), name="inner")
    image = keras.Input((12, 10, 2))
    below = layers.Conv2D(4, 3, 2, "same", activation="relu")(image)
    above, plain = stack(inner(below)), stack(stack(below))
    nested, flat = keras.Model(image, above), keras.Model(image, plain)
    assert receptive_field(nested, above) == receptive_field(flat, plain)
    (seen,) = seen_by_experiment(nested, [above])
    assert (seen_by_boxes(nested, above) >= seen).all()


class Own(keras.Model):
    def call(self, inputs):
        return inputs * 2.0


def broadcast(image):
    return layers.Add()([image, layers.AveragePooling2D((8, 1))(image)])


def of_two_strides(image):
    halved = layers.Conv2D(2, 2, 2)(image)
    return layers.Add()([halved, layers.Conv2D(2, 5)(image)])


def twice(join):
    return lambda image: join([image, image])


REFUSED = {
    "a kind without windows": (layers.UpSampling2D(name="x"), "x", "UpSampling2D"),
    "a stride of 8/5 pixels": (layers.Resizing(5, 5, name="x"), "x", "Resizing"),
    "the centre of a smaller image": (layers.CenterCrop(9, 4), "model", "8 pixels"),
    "a nested model of unknown size": (
        keras.Sequential(
            [keras.Input((None, None, 2)), layers.ReLU(name="r")], name="x"
        ),
        "x.r",
        "None",
    ),
    "a nested model that is no graph": (Own(name="x"), "x", "Own"),
    "channels first": (
        layers.Conv2D(2, 3, 1, "same", "channels_first", name="x"),
        "x",
        "channels_first",
    ),
    "rows joined": (twice(layers.Concatenate(1, name="x")), "x", "axis=1"),
    "columns joined": (twice(layers.Concatenate(-2, name="x")), "x", "axis=-2"),
    "a broadcast row": (broadcast, "model", "strides 0 and 1"),
    "branches of two strides": (of_two_strides, "model", "strides 2 and 1"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_would_be_wrong_is_refused(case):
    build, argument, received = REFUSED[case]
    model, output = model_of(build, (8, 8, 2))
    with pytest.raises(UsageError) as error:
        receptive_field(model, output)
    assert error.value.argument == argument
    assert received in str(error.value.received)


@pytest.mark.parametrize(
    "choose",
    [
        lambda x: x[:, 1:],
        lambda x: x[..., ::-1, :],
        lambda x: x[..., None, 0],
        lambda x: keras.ops.stack([x[..., 0], x[..., 1]], axis=1),
    ],
)
def test_places_that_are_moved_are_refused(choose):
    model, output = model_of(choose)
    with pytest.raises(UsageError) as error:
        receptive_field(model, output)
    assert error.value.received in ("GetItem", "Stack")


@pytest.mark.parametrize(
    "shapes", [[(None, None, 3)], [(8, None, 3)], [(8, 8, 3), (8, 8, 3)], [(8,)]]
)
def test_a_model_without_one_image_of_known_size_is_refused(shapes):
    inputs = [keras.Input(shape) for shape in shapes]
    output = layers.Add()(inputs) if len(inputs) > 1 else inputs[0]
    model = keras.Model(inputs, layers.Dense(2)(output))
    with pytest.raises(UsageError) as error:
        receptive_field(model, model.output)
    assert error.value.argument == "model"


def test_a_tensor_of_another_model_is_refused():
    (model, _), (_, other) = model_of(layers.ReLU()), model_of(layers.ReLU())
    with pytest.raises(UsageError) as error:
        receptive_field(model, other)
    assert error.value.argument == "tensor"


def test_layers_below_a_unit_that_sees_everything_may_be_unknown():
    model, output = model_of(
        lambda x: layers.GlobalAveragePooling2D()(layers.UpSampling2D()(x))
    )
    assert receptive_field(model, output) == Boxes(Span(0, 13), Span(0, 18))
