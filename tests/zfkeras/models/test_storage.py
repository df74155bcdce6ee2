"""What a model file holds, and files of strangers: refused in one line, nothing run."""

import dataclasses
import io
import json
import os
import stat
import zipfile

import h5py
import keras
import numpy as np
import pytest

import zfkeras
from tests.helpers.networks import make_classifier
from tests.helpers.splits import noise
from zfkeras.errors import UsageError
from zfkeras.models.answers import check_answers
from zfkeras.models.classifier import Classifier, predict_crops

CARD, MEAN_IMAGE = "zfkeras/card.json", "zfkeras/mean_image.npy"
WEIGHTS, CONFIG = "model.weights.h5", "config.json"
NAMES = ("n02124075 Egyptian cat", "größer, 猫 \U0001f408", "bee", "dog")
IMAGES = [noise(i, 60 + 9 * i, 90) // 4 + np.uint8(60 * i) for i in range(3)]
SETTINGS = {"crop_size": 56, "input_scale": 1 / 64}


@pytest.fixture(scope="module")
def classifier(model_file):
    return Classifier.load(model_file)


@pytest.fixture(scope="module")
def members(model_file):
    with zipfile.ZipFile(model_file) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


# What a file holds


def test_a_saved_classifier_loads_with_equal_answers(tmp_path):
    made = make_classifier(2, NAMES)
    before = made.predict(IMAGES)
    made.save(tmp_path / "a" / "b.keras")
    loaded = Classifier.load(str(tmp_path / "a" / "b.keras"))
    np.testing.assert_array_equal(loaded.predict(IMAGES), before)
    assert (loaded.class_names, loaded.made) == (NAMES, {"seed": 2})
    assert loaded.model.name == "zfnet_quarter_without_6_7"
    preprocessing = dataclasses.asdict(loaded.preprocessing)
    for name, value in dataclasses.asdict(made.preprocessing).items():
        np.testing.assert_array_equal(preprocessing[name], value)


def test_the_archive_holds_the_card_and_the_mean_image_and_stock_keras_opens_it(
    members, model_file, classifier
):
    card = {"class_names": [*NAMES], "preprocessing": SETTINGS, "made": {"seed": 1}}
    assert json.loads(members[CARD]) == card
    mean_image = np.load(io.BytesIO(members[MEAN_IMAGE]), allow_pickle=False)
    assert (mean_image.shape, mean_image.dtype) == ((64, 64, 3), np.float32)
    model = keras.saving.load_model(model_file)
    crops = classifier.prepare(IMAGES)
    np.testing.assert_array_equal(
        model.predict_on_batch(crops), predict_crops(classifier.model, crops)
    )


def test_saving_replaces_a_file_and_leaves_no_litter(classifier, tmp_path):
    path = tmp_path / "a.keras"
    path.write_text("old")
    classifier.save(path)
    assert zipfile.is_zipfile(path)
    assert [p.name for p in tmp_path.iterdir()] == ["a.keras"]
    assert stat.S_IMODE(path.stat().st_mode) & 0o400


def test_half_weights_halve_the_file_and_hardly_change_the_answers(
    classifier, model_file, tmp_path
):
    half = tmp_path / "half.keras"
    classifier.save(half, half_weights=True)
    assert half.stat().st_size < 0.55 * model_file.stat().st_size
    loaded = Classifier.load(half)
    np.testing.assert_allclose(
        loaded.predict(IMAGES), classifier.predict(IMAGES), atol=1e-3
    )
    for weight, original in zip(
        loaded.model.weights, classifier.model.weights, strict=True
    ):
        # The nearest half-precision number to each weight, in float32.
        assert weight.dtype == "float32"
        expected = original.numpy().astype(np.float16).astype(np.float32)
        assert np.array_equal(weight.numpy(), expected)


def with_preprocessing(classifier, **changes):
    preprocessing = dataclasses.replace(classifier.preprocessing, **changes)
    return dataclasses.replace(classifier, preprocessing=preprocessing)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: dataclasses.replace(c, class_names=NAMES[:3]), "3 class names for"),
        (lambda c: dataclasses.replace(c, class_names=(1, 2, 3, 4)), "no text"),
        (lambda c: with_preprocessing(c, crop_size=48), "for a network of .None, 56"),
        (lambda c: dataclasses.replace(c, made={"by": {1, 2}}), "of type set"),
    ],
)
def test_what_could_not_be_loaded_is_not_saved(classifier, tmp_path, change, message):
    with pytest.raises(UsageError, match=f"must fit together.*{message}") as caught:
        change(classifier).save(tmp_path / "model.keras")
    assert "\n" not in str(caught.value)
    with pytest.raises(UsageError, match=r"must end in \.keras\. Received"):
        classifier.save(tmp_path / "model.KERAS")
    assert not list(tmp_path.iterdir())


def test_numpys_numbers_are_saved_as_numbers(classifier, tmp_path):
    odd = with_preprocessing(
        classifier, input_scale=np.float32(1 / 64), crop_size=np.int64(56)
    )
    made = {"errors": {"top1_error": np.float32(0.5), "counts": np.arange(2)}}
    dataclasses.replace(odd, made=made).save(tmp_path / "model.keras")
    loaded = Classifier.load(tmp_path / "model.keras")
    assert loaded.preprocessing.input_scale == 1 / 64
    assert loaded.made == {"errors": {"top1_error": 0.5, "counts": [0, 1]}}


# What a network answers


def answering(*last):
    """A model in a model with these last layers."""
    inner = keras.Sequential([keras.Input((4,)), *last])
    return keras.Sequential([keras.Input((4,)), inner])


@pytest.mark.parametrize(
    "last",
    [
        *([keras.layers.Dense(2, name)] for name in (None, "relu", "tanh")),
        [keras.layers.Dense(2), keras.layers.Dropout(0.5)],
        [keras.layers.Dense(2), keras.layers.Reshape((2,))],
    ],
)
def test_a_network_that_answers_with_logits_is_refused(last):
    with pytest.raises(UsageError, match="my.keras: the network must answer with prob"):
        check_answers("my.keras", answering(*last))


@pytest.mark.parametrize(
    "last",
    [
        [keras.layers.Dense(2, "softmax"), keras.layers.Activation("linear")],
        [keras.layers.Dense(2, "sigmoid")],
        [keras.layers.Dense(2), keras.layers.Softmax()],
        [keras.layers.Dense(2), keras.layers.Activation("softmax")],
        [keras.layers.Dense(2, lambda x: keras.ops.softmax(x))],
    ],
)
def test_a_network_that_answers_with_probabilities_is_taken(last):
    check_answers("my.keras", answering(*last))


# Files of strangers


@pytest.fixture
def refused(members, tmp_path):
    """Checks that a file with members replaced, added or left out is refused."""

    def refused(changes, match, more=()):
        path = tmp_path / "hostile.keras"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in [*{**members, **changes}.items(), *more]:
                if content is not None:
                    archive.writestr(name, content)
        before = {*tmp_path.parent.rglob("*")}
        with pytest.raises(UsageError, match=match) as caught:
            zfkeras.load(path)
        message = str(caught.value)
        assert len(message.splitlines()) == 1 and path.name in message
        assert len(message) < 500 + len(str(path))
        assert {*tmp_path.parent.rglob("*")} == before

    return refused


def card_with(**changes):
    card = {"class_names": [*NAMES], "preprocessing": SETTINGS, "made": {}}
    return {CARD: json.dumps({**card, **changes})}


def mean_image(array):
    file = io.BytesIO()
    np.save(file, array, allow_pickle=True)
    return {MEAN_IMAGE: file.getvalue()}


def terabytes():
    file = io.BytesIO()
    claim = {"descr": "<f4", "fortran_order": False, "shape": (10**6, 10**6, 3)}
    np.lib.format.write_array_header_1_0(file, claim)
    return file.getvalue()


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({CARD: None}, "not its mean image and class names; save it with zfkeras"),
        ({MEAN_IMAGE: None}, "not its mean image and class names"),
        ({CONFIG: None}, "not safe to load"),
        ({WEIGHTS: None}, "not safe to load"),
        ({CARD: b"\xff\xfe"}, "not safe to load"),
        (card_with(class_names=list("abc")), "3 class names"),
        (card_with(class_names=[1, 2, 3, 4]), "no text"),
        (card_with(preprocessing={"crop_size": 56, "surprise": 1}), "surprise"),
        (card_with(preprocessing={"crop_size": 48}), "for a network of"),
        (card_with(preprocessing={"crop_size": "56"}), "not safe to load"),
        (
            card_with(preprocessing={"crop_size": 56, "input_scale": np.inf}),
            "not safe to load",
        ),
        ({MEAN_IMAGE: b"no array"}, "not safe to load"),
        (mean_image(np.zeros((64, 32, 3))), "not safe to load"),
        (mean_image(np.full((64, 64, 3), "x")), "not safe to load"),
        ({MEAN_IMAGE: terabytes()}, "claims more than it holds|not safe to load"),
        ({CONFIG: b"{}"}, "not safe to load"),
        ({WEIGHTS: b"no weights"}, "not safe to load"),
        ({"../../outside.txt": b"x"}, "no part of a network: a member"),
        ({CARD: bytes(2**26 + 1)}, "unpacks to 67 MB"),
    ],
)
def test_a_file_whose_parts_are_wrong_is_refused(refused, changes, match):
    refused(changes, match)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_members_of_a_name_are_refused(refused):
    refused({}, r"two members 'config\.json'", more=[(CONFIG, b"{}")])


def test_what_is_no_model_file_is_named(tmp_path, model_file):
    for path in (tmp_path / "none.keras", tmp_path):
        with pytest.raises(FileNotFoundError, match=path.name):
            Classifier.load(path)
    path = tmp_path / "cut.keras"
    path.write_bytes(model_file.read_bytes()[:-100])
    with pytest.raises(UsageError, match=r"cut\.keras is not a \.keras file"):
        Classifier.load(path)


def test_a_pickled_mean_image_is_never_unpickled(refused, tmp_path):
    class Bomb:
        def __reduce__(self):
            return open, (str(tmp_path / "executed"), "w")

    array = np.empty(1, object)
    array[0] = Bomb()
    refused(mean_image(array), "not safe to load")


def test_weights_in_another_file_are_refused(refused, members, tmp_path):
    first, shape = "layers/conv2d/vars/0", (7, 7, 3, 64)
    secret, raw = tmp_path / "secret.h5", tmp_path / "secret.bin"
    with h5py.File(secret, "w") as file:
        file["x"] = np.full(shape, 42, np.float32)
    raw.write_bytes(bytes(4 * np.prod(shape)))

    def external_link(weights):
        weights[first] = h5py.ExternalLink(str(secret), "x")

    def external_storage(weights):
        place = [(str(raw), 0, h5py.h5f.UNLIMITED)]
        weights.create_dataset(first, shape, "f4", external=place)

    for link in (external_link, external_storage):
        file = io.BytesIO(members[WEIGHTS])
        with h5py.File(file, "r+") as weights:
            del weights[first]
            link(weights)
        refused({WEIGHTS: file.getvalue()}, "not safe to load")


def with_layers(members, change):
    config = json.loads(members[CONFIG])
    change(config["config"]["layers"])
    return {CONFIG: json.dumps(config)}


def test_a_network_larger_than_its_file_is_refused_before_it_is_built(refused, members):
    def widen(layers):
        layers[-1]["config"]["units"] = 10**9

    refused(with_layers(members, widen), "weights, more than its file can hold")


@pytest.mark.parametrize("name", ["<b>$x|\x1b[31m", "größe"])
def test_names_that_tensorflow_does_not_take_are_refused(refused, members, name):
    text = members[CONFIG].decode().replace('"conv2"', json.dumps(name))
    refused({CONFIG: text}, "a name that TensorFlow does not take: ")


@pytest.mark.parametrize(
    ("module", "name"),
    [("os", "system"), ("keras.utils", "get_file"), ("keras.layers", "TFSMLayer")],
)
@pytest.mark.parametrize("place", ["layer", "initializer"])
def test_nothing_of_other_modules_is_called(
    refused, members, model_file, tmp_path, module, name, place
):
    entry = {
        "module": module,
        "class_name": name,
        "registered_name": None,
        "config": {
            "command": f"touch {tmp_path}/executed",
            "origin": f"file://{model_file}",
            "filepath": str(tmp_path),
        },
    }

    def change(layers):
        if place == "layer":
            layers[1].update(entry)
        else:
            layers[1]["config"]["kernel_initializer"] = entry

    refused(with_layers(members, change), "not safe to load|not Keras's own")


def test_a_lambda_layer_is_never_executed(refused, tmp_path):
    marker = str(tmp_path / "executed")
    layers = [
        keras.layers.Lambda(lambda x: (open(marker, "w").close(), x)[1]),
        keras.layers.Flatten(),
        keras.layers.Dense(4, "softmax"),
    ]
    trap = keras.Sequential([keras.Input((56, 56, 3)), *layers])
    keras.saving.save_model(trap, tmp_path / "trap.keras")
    os.unlink(marker)  # building the network has called the function
    with zipfile.ZipFile(tmp_path / "trap.keras") as archive:
        refused({name: archive.read(name) for name in archive.namelist()}, "Lambda")
    keras.saving.load_model(tmp_path / "trap.keras", safe_mode=False)
    assert os.path.exists(marker)  # so it is a trap indeed
