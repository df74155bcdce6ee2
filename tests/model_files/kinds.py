"""Model files as people have them, each with the flags that it needs."""

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

import h5py
import keras

from tests.model_files import own_parts

SIDE = 32
# Of each family of keras.applications a small network.
FAMILIES = (
    "ConvNeXtTiny",
    "DenseNet121",
    "EfficientNetB0",
    "EfficientNetV2B0",
    "InceptionResNetV2",
    "InceptionV3",
    "MobileNet",
    "MobileNetV2",
    "MobileNetV3Small",
    "NASNetMobile",
    "ResNet50",
    "ResNet50V2",
    "VGG16",
    "VGG19",
    "Xception",
)
FAMILY_SIDE = 96  # they need 75 at least


@dataclasses.dataclass(frozen=True)
class Kind:
    """A kind of model file.

    `make` writes a file, whose path it is given without the ending, and returns what
    --model takes. `refused`: a part of the line that every command prints.
    `lacks_rule`: commands that project may print that a layer has no rule.
    """

    title: str
    make: Callable[[Path], str | Path]
    flags: tuple[str, ...] = ()
    refused: str | None = None
    lacks_rule: bool = False


def network(*last, first=(), shape=(SIDE, SIDE, 3), **options):
    """Two convolutions and a pool, and what comes before and behind them."""
    return keras.Sequential(
        [
            keras.Input(shape, name="image", **options),
            *first,
            keras.layers.Conv2D(8, 3, activation="relu", name="conv1"),
            keras.layers.MaxPooling2D(name="pool1"),
            keras.layers.Conv2D(12, 3, activation="relu", name="conv2"),
            keras.layers.GlobalAveragePooling2D(name="gap"),
            *(last or [keras.layers.Dense(4, "softmax", name="predictions")]),
        ],
        name="mine",
    )


def saved(model, path: Path, suffix: str = ".keras") -> Path:
    """Saves a model as Keras does."""
    path = path.with_suffix(suffix)
    model.save(path)
    return path


def rescaled(path):
    return saved(network(first=[keras.layers.Rescaling(1 / 255)]), path)


def keras_2(path):
    """An .h5 file in which layers are described as Keras 2 does."""
    first = [
        keras.layers.DepthwiseConv2D(3, name="depthwise"),
        keras.layers.BatchNormalization(name="norm"),
    ]
    path = saved(network(first=first), path, ".h5")
    with h5py.File(path, "r+") as file:
        config = json.loads(file.attrs["model_config"])
        for layer in config["config"]["layers"]:
            settings = layer["config"]
            if layer["class_name"] == "DepthwiseConv2D":
                settings["groups"] = 1
            if layer["class_name"] == "BatchNormalization":
                settings["axis"] = [3]
        file.attrs["model_config"] = json.dumps(config)
    return path


def compiled_logits(path):
    model = network(keras.layers.Dense(4, name="logits"))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("adam", loss)
    return saved(model, path)


def own_file(path):
    from zfkeras import Classifier

    path = path.with_suffix(".keras")
    Classifier.from_keras(network(shape=(32, 48, 3)), "torch").save(path)
    return path


def regularized(path):
    regularizer = own_parts.Smooth()
    first = keras.layers.Conv2D(4, 3, kernel_regularizer=regularizer, name="conv0")
    return saved(network(first=[first]), path)


def two_outputs(path):
    image = keras.Input((SIDE, SIDE, 3))
    maps = keras.layers.Conv2D(8, 3, activation="relu", name="conv1")(image)
    flat = keras.layers.GlobalAveragePooling2D()(maps)
    heads = [
        keras.layers.Dense(n, "softmax", name=name)(flat)
        for name, n in (("animal", 4), ("colour", 3))
    ]
    return saved(keras.Model(image, heads), path)


def two_inputs(path):
    images = [keras.Input((SIDE, SIDE, 3), name=name) for name in ("left", "right")]
    maps = keras.layers.Conv2D(8, 3, name="conv1")(keras.layers.Add()(images))
    flat = keras.layers.GlobalAveragePooling2D()(maps)
    return saved(keras.Model(images, keras.layers.Dense(4, "softmax")(flat)), path)


def with_operations(prepare):
    """A network that begins with operations of Keras, not with layers."""

    def make(path):
        image = keras.Input((SIDE, SIDE, 3), name="image")
        maps = prepare(image)
        for name in ("conv1", "conv2"):
            maps = keras.layers.Conv2D(8, 3, activation="relu", name=name)(maps)
        flat = keras.layers.GlobalAveragePooling2D()(maps)
        answer = keras.layers.Dense(4, "softmax", name="predictions")(flat)
        return saved(keras.Model(image, answer, name="mine"), path)

    return make


def shared_layer(image):
    shared = keras.layers.Conv2D(3, 3, padding="same", name="shared")
    return shared(shared(image))


def nested(path):
    base = keras.Sequential(
        [
            keras.Input((SIDE, SIDE, 3)),
            keras.layers.Rescaling(1 / 127.5, offset=-1),
            keras.layers.Conv2D(8, 3, activation="relu", name="conv1"),
            keras.layers.MaxPooling2D(name="pool1"),
        ],
        name="base",
    )
    image = keras.Input((SIDE, SIDE, 3), name="image")
    flat = keras.layers.GlobalAveragePooling2D()(base(image))
    answer = keras.layers.Dense(4, "softmax", name="predictions")(flat)
    return saved(keras.Model(image, answer, name="tuned"), path)


def half_precision(path):
    keras.config.set_dtype_policy("mixed_float16")
    try:
        model = network()
        model.compile("adam", "sparse_categorical_crossentropy")
        return saved(model, path)
    finally:
        keras.config.set_dtype_policy("float32")


def weights_alone(path):
    path = path.with_name(f"{path.name}.weights.h5")
    network().save_weights(path)
    return path


def without_top(path):
    image = keras.Input((SIDE, SIDE, 3))
    maps = keras.layers.Conv2D(8, 3, activation="relu", name="conv1")(image)
    return saved(keras.Model(image, maps), path)


def saved_model(path):
    path.mkdir()
    (path / "saved_model.pb").write_bytes(b"")
    return path


def family(name):
    def make(path):
        shape = (FAMILY_SIDE, FAMILY_SIDE, 3)
        build = getattr(keras.applications, name)
        return saved(build(weights=None, input_shape=shape, classes=4), path)

    return make


def family_kinds():
    from zfkeras.models.applications import inputs_of

    for name in FAMILIES:
        mode = inputs_of(name)
        flags = () if mode == "0..255" else ("--inputs", mode)
        title = f"{name} of keras.applications"
        yield Kind(title, family(name), flags, lacks_rule=True)


_TF = ("--inputs", "tf")
_CAFFE = keras.applications.vgg16.preprocess_input
_NAMES = str(Path(__file__).parent / "two_names.txt")

KINDS = (
    Kind("the preset `quarter`", lambda path: "quarter"),
    Kind("a file of `zfkeras`, 32x48 pixels", own_file),
    Kind("`.keras` with its own Rescaling", rescaled),
    Kind("`.keras`", lambda path: saved(network(), path), _TF),
    Kind("`.h5` of Keras 3", lambda path: saved(network(), path, ".h5"), _TF),
    Kind("`.h5` of Keras 2", keras_2, _TF),
    Kind(
        "logits, said so",
        lambda path: saved(network(keras.layers.Dense(4, name="logits")), path),
        (*_TF, "--outputs", "logits"),
    ),
    Kind("logits, by the compiled loss", compiled_logits, _TF),
    Kind(
        "one sigmoid unit",
        lambda path: saved(network(keras.layers.Dense(1, "sigmoid", name="is")), path),
        (*_TF, "--class-names", _NAMES),
    ),
    Kind(
        "any size (None, None, 3)",
        lambda path: saved(network(shape=(None, None, 3)), path),
        _TF,
    ),
    Kind(
        "a fixed batch of 8",
        lambda path: saved(network(batch_size=8), path),
        _TF,
    ),
    Kind("32x48 pixels", lambda path: saved(network(shape=(32, 48, 3)), path), _TF),
    Kind("one channel", lambda path: saved(network(shape=(32, 32, 1)), path), _TF),
    Kind("half precision, compiled", half_precision, _TF),
    Kind("two outputs", two_outputs, (*_TF, "--output", "colour")),
    Kind("two inputs", two_inputs, _TF, "left, right"),
    Kind(
        "`preprocess_input` of VGG inside",
        with_operations(_CAFFE),
        ("--inputs", "0..255"),
    ),
    Kind(
        "Resizing and CenterCrop inside",
        with_operations(
            lambda image: keras.layers.CenterCrop(24, 24)(
                keras.layers.Resizing(28, 28)(image)
            )
        ),
        _TF,
    ),
    Kind("`-x` inside", with_operations(lambda image: -image), _TF),
    Kind("a layer that is called twice", with_operations(shared_layer), _TF),
    Kind("a nested model with its own Rescaling", nested),
    Kind(
        "your own layer, `--import`",
        lambda path: saved(network(first=[own_parts.Doubled()]), path),
        (*_TF, "--import", "tests.model_files.own_parts"),
        lacks_rule=True,
    ),
    Kind(
        "your own regularizer, `--import`",
        regularized,
        (*_TF, "--import", "tests.model_files.own_parts"),
    ),
    Kind(
        "your own activation, not imported",
        lambda path: saved(
            network(first=[keras.layers.Activation(own_parts.unknown)]), path
        ),
        _TF,
        "Could not locate function 'unknown'",
    ),
    Kind(
        "a Lambda",
        lambda path: saved(network(first=[keras.layers.Lambda(lambda x: x)]), path),
        _TF,
        "Lambda",
    ),
    Kind("weights alone", weights_alone, _TF, "weights without the network"),
    Kind("without a top", without_top, _TF, "(batch, classes)"),
    Kind("a folder of TensorFlow's SavedModel", saved_model, (), "tf_keras"),
)
