import dataclasses
import io
import json
import os
import stat
import zipfile

import keras
import numpy as np
import pytest
from PIL import Image

import zfkeras
from tests.helpers.networks import make_classifier
from tests.helpers.runs import noise_jpeg
from tests.helpers.splits import noise, png
from zfkeras.errors import UsageError
from zfkeras.models.classifier import Classifier, predict_crops

CARD, MEAN_IMAGE = "zfkeras/card.json", "zfkeras/mean_image.npy"
NAMES = ("n02124075 Egyptian cat", "größer, 猫 \U0001f408", "bee", "dog")
SIZES = [(64, 64), (80, 120), (150, 70), (20, 30)]
# From dark to bright.
IMAGES = [noise(i, *size) // 4 + np.uint8(60 * i) for i, size in enumerate(SIZES)]


@pytest.fixture(scope="module")
def classifier(model_file):
    return Classifier.load(model_file)


def by_hand(classifier, image):
    """Centre and ten-crop answers to one image, each step written out."""
    square = classifier.preprocessing.square(image).astype(np.float32)
    difference = (square - classifier.preprocessing.mean_image) / 64
    places = [(0, 0), (0, 8), (8, 0), (8, 8), (4, 4)]
    crops = [difference[top : top + 56, left : left + 56] for top, left in places]
    crops += [crop[:, ::-1] for crop in crops]
    answers = np.asarray(classifier.model(np.stack(crops), training=False))
    return answers[4], answers.mean(axis=0)


# Predictions


def test_predictions_are_those_of_the_steps_by_hand(classifier):
    centre, ten = classifier.predict(IMAGES), classifier.predict(IMAGES, ten_crop=True)
    assert centre.shape == ten.shape == (4, 4)
    assert centre.dtype == ten.dtype == np.float32
    for image, one, ten_averaged in zip(IMAGES, centre, ten, strict=True):
        # Batches of another size add up in another order.
        expected_one, expected_ten = by_hand(classifier, image)
        np.testing.assert_allclose(one, expected_one, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(ten_averaged, expected_ten, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(ten.sum(axis=1), 1, rtol=1e-5)
    # The network tells the images, and the two ways, apart.
    assert np.ptp(centre, axis=0).max() > 0.02
    assert np.abs(centre - ten).max() > 0.002


def test_prepared_images_are_what_the_model_takes(classifier):
    images = [noise_jpeg(seed) for seed in range(3)]
    crops = classifier.prepare(images)
    assert crops.shape == (3, *classifier.model.input_shape[1:])
    assert crops.dtype == np.float32
    np.testing.assert_allclose(
        classifier.model.predict(crops, verbose=0),
        classifier.predict(images),
        atol=1e-6,
    )
    assert classifier.prepare(images[0]).shape == (1, *crops.shape[1:])
    assert classifier.prepare([]).shape == (0, *crops.shape[1:])


def test_every_form_of_an_image_gives_the_same_answer(classifier, tmp_path):
    path = tmp_path / "ü.png"
    path.write_bytes(png(IMAGES[1]))
    expected = classifier.predict([IMAGES[1]])
    forms = [
        IMAGES[1],
        IMAGES[1].astype(np.float32),
        IMAGES[1].astype(np.float64),
        path,
        str(path),
        path.read_bytes(),
        bytearray(path.read_bytes()),
        Image.fromarray(IMAGES[1]),
        keras.ops.convert_to_tensor(IMAGES[1]),
    ]
    for form in forms:
        for images in (form, [form], iter([form])):
            np.testing.assert_array_equal(classifier.predict(images), expected)


@pytest.mark.parametrize("ten_crop", [False, True])
@pytest.mark.parametrize("batch_size", [1, 3, 64])
def test_the_batch_size_changes_nothing(classifier, batch_size, ten_crop):
    images = [*IMAGES, IMAGES[0]]
    expected = classifier.predict(images, ten_crop=ten_crop)
    result = classifier.predict(images, ten_crop=ten_crop, batch_size=batch_size)
    np.testing.assert_allclose(result, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("images", [[], np.zeros((0, 64, 64, 3), np.uint8), iter(())])
def test_no_images_give_no_answers(classifier, images):
    assert classifier.predict(images).shape == (0, 4)


def test_no_more_than_batch_size_crops_go_through_the_network_at_once(classifier):
    sizes = []

    class Spy:
        def predict_on_batch(self, crops):
            sizes.append(len(crops))
            return np.full((len(crops), 4), 0.25, np.float32)

    spied = dataclasses.replace(classifier, model=Spy())
    for ten_crop in (False, True):
        spied.predict([IMAGES[0]] * 5, ten_crop=ten_crop, batch_size=3)
    assert max(sizes) == 3
    assert sum(sizes) == 5 + 50


@pytest.mark.parametrize("number", [0, -1])
def test_batches_of_no_image_are_refused(classifier, number):
    # Previously all images became one batch.
    with pytest.raises(ValueError, match=f"`batch_size` must be .*batch_size={number}"):
        classifier.predict(IMAGES, batch_size=number)


@pytest.mark.parametrize("images", [None, 3])
def test_what_is_no_image_nor_several_is_refused(classifier, images):
    kind = type(images).__name__
    for method in (classifier.predict, classifier.prepare):
        with pytest.raises(TypeError, match=f"`images` must be an image .*{kind}"):
            method(images)


def test_predict_crops_keeps_images_and_crops_apart(classifier):
    crops = np.random.default_rng(1).normal(0, 5, (2, 10, 56, 56, 3))
    crops = crops.astype(np.float32)
    result = predict_crops(classifier.model, crops)
    assert result.shape == (2, 10, 4)
    flat = predict_crops(classifier.model, crops.reshape(20, 56, 56, 3))
    np.testing.assert_allclose(result.reshape(20, 4), flat, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("shape", [(3, 2), (3, 10, 2)])
def test_of_mirrored_replicas_the_first_answers(shape):
    # Previously an evaluation on two GPUs or more ended in a traceback: Keras puts
    # the answers of all replicas behind one another.
    class Mirrored:
        def predict_on_batch(self, crops):
            return np.concatenate([crops, crops])

    crops = np.arange(np.prod(shape), dtype=np.float32).reshape(*shape[:-1], 1, 1, 2)
    answers = predict_crops(Mirrored(), crops)
    np.testing.assert_array_equal(answers, crops)


# Files


def test_a_saved_classifier_loads_with_equal_answers(tmp_path):
    made = make_classifier(2, NAMES)
    before = made.predict(IMAGES)
    made.save(tmp_path / "a" / "b.keras")
    loaded = Classifier.load(str(tmp_path / "a" / "b.keras"))
    np.testing.assert_array_equal(loaded.predict(IMAGES), before)
    assert loaded.class_names == NAMES
    assert loaded.made == {"seed": 2}
    assert loaded.model.name == "zfnet_quarter_without_6_7"
    assert loaded.preprocessing.crop_size == 56
    assert loaded.preprocessing.input_scale == 1 / 64
    np.testing.assert_array_equal(
        loaded.preprocessing.mean_image, made.preprocessing.mean_image
    )


def test_the_archive_holds_the_card_and_the_mean_image(model_file):
    with zipfile.ZipFile(model_file) as archive:
        card = json.loads(archive.read(CARD))
        mean_image = np.load(io.BytesIO(archive.read(MEAN_IMAGE)), allow_pickle=False)
    assert card == {
        "class_names": list(NAMES),
        "preprocessing": {"crop_size": 56, "input_scale": 1 / 64},
        "made": {"seed": 1},
    }
    assert mean_image.shape == (64, 64, 3)
    assert mean_image.dtype == np.float32


def test_stock_keras_opens_the_same_file(model_file, classifier):
    model = keras.saving.load_model(model_file)
    crops = np.random.default_rng(1).normal(0, 5, (2, 56, 56, 3)).astype(np.float32)
    np.testing.assert_array_equal(
        model.predict_on_batch(crops), predict_crops(classifier.model, crops)
    )


def test_saving_replaces_a_file_and_leaves_no_litter(classifier, tmp_path):
    path = tmp_path / "a.keras"
    path.write_text("old")
    before = os.umask(0o022)
    try:
        classifier.save(path)
    finally:
        os.umask(before)
    assert zipfile.is_zipfile(path)
    assert [p.name for p in tmp_path.iterdir()] == ["a.keras"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o644


@pytest.mark.parametrize("name", ["model", "model.h5", "model.KERAS"])
def test_a_model_file_ends_in_keras(classifier, tmp_path, name):
    with pytest.raises(UsageError, match=r"must end in \.keras\. Received"):
        classifier.save(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


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
    # Previously saved, and called damaged when it was loaded.
    with pytest.raises(UsageError, match=f"must fit together.*{message}") as caught:
        change(classifier).save(tmp_path / "model.keras")
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_numpys_numbers_are_saved_as_numbers(classifier, tmp_path):
    # Previously a TypeError of json's.
    odd = with_preprocessing(
        classifier, input_scale=np.float32(1 / 64), crop_size=np.int64(56)
    )
    made = {"errors": {"top1_error": np.float32(0.5), "counts": np.arange(2)}}
    dataclasses.replace(odd, made=made).save(tmp_path / "model.keras")
    loaded = Classifier.load(tmp_path / "model.keras")
    assert loaded.preprocessing.input_scale == 1 / 64
    assert loaded.made == {"errors": {"top1_error": 0.5, "counts": [0, 1]}}
    np.testing.assert_array_equal(loaded.predict(IMAGES), classifier.predict(IMAGES))


# Files of strangers


def refused(path, match=None):
    """The message by which a file is refused: one line that names it."""
    with pytest.raises(UsageError, match=match) as caught:
        zfkeras.load(path)
    message = str(caught.value)
    assert len(message.splitlines()) == 1
    assert path.name in message
    assert len(message) < 500 + len(str(path))
    return message


def rewritten(source, path, changes):
    """A copy of a model file with members replaced; `None` leaves one out."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(path, "w") as new:
        members = {name: old.read(name) for name in old.namelist()} | changes
        for name, content in members.items():
            if content is not None:
                new.writestr(name, content)
    return path


def card_with(**changes):
    card = {
        "class_names": list(NAMES),
        "preprocessing": {"crop_size": 56, "input_scale": 1 / 64},
        "made": {},
    }
    return json.dumps({**card, **changes})


def npy(array):
    file = io.BytesIO()
    np.save(file, array, allow_pickle=True)
    return file.getvalue()


def test_a_file_that_is_not_there_is_named(tmp_path):
    for path in (tmp_path / "none.keras", tmp_path):
        with pytest.raises(FileNotFoundError, match=path.name):
            Classifier.load(path)


def test_a_stock_keras_file_is_refused_with_what_to_do(classifier, tmp_path):
    path = tmp_path / "stock.keras"
    classifier.model.save(path)
    refused(path, r"not its mean image and class names; save it with zfkeras\.Class")


@pytest.mark.parametrize("missing", [CARD, MEAN_IMAGE])
def test_a_file_without_card_or_mean_image_is_refused(model_file, tmp_path, missing):
    path = rewritten(model_file, tmp_path / "bare.keras", {missing: None})
    refused(path, "not its mean image and class names")


@pytest.mark.parametrize("missing", ["config.json", "model.weights.h5"])
def test_a_file_without_a_network_is_refused(model_file, tmp_path, missing):
    refused(rewritten(model_file, tmp_path / "empty.keras", {missing: None}))


@pytest.mark.parametrize(
    "changes",
    [
        {CARD: b"\xff\xfe"},
        {CARD: b"{"},
        {CARD: b"{}"},
        {CARD: card_with(class_names=list("abc"))},
        {CARD: card_with(class_names=[1, 2, 3, 4])},
        {CARD: card_with(preprocessing={"crop_size": 56, "surprise": 1})},
        {CARD: card_with(preprocessing={"crop_size": 48})},
        {CARD: card_with(preprocessing={"crop_size": "56"})},
        {CARD: card_with(preprocessing={"crop_size": 56, "input_scale": "1"})},
        {CARD: card_with(preprocessing={"crop_size": 56, "input_scale": np.inf})},
        {MEAN_IMAGE: b"no array"},
        {MEAN_IMAGE: npy(np.zeros((64, 32, 3)))},
        {MEAN_IMAGE: npy(np.zeros((32, 32, 3)))},
        {MEAN_IMAGE: npy(np.full((64, 64, 3), "x"))},
        {"config.json": b"{}"},
        {"model.weights.h5": b"no weights"},
    ],
)
def test_a_file_whose_parts_are_wrong_is_refused(model_file, tmp_path, changes):
    refused(rewritten(model_file, tmp_path / "odd.keras", changes))


def test_a_pickled_mean_image_is_refused_and_never_unpickled(model_file, tmp_path):
    marker = tmp_path / "executed"

    class Bomb:
        def __reduce__(self):
            return open, (str(marker), "w")

    array = np.empty(1, object)
    array[0] = Bomb()
    path = rewritten(model_file, tmp_path / "a.keras", {MEAN_IMAGE: npy(array)})
    refused(path)
    assert not marker.exists()


def with_network(model_file, folder, layers):
    """A model file whose network has been replaced by these layers."""
    stock = folder / "stock.keras"
    model = keras.Sequential([keras.Input((56, 56, 3)), *layers])
    keras.saving.save_model(model, stock)
    with zipfile.ZipFile(stock) as archive:
        changes = {name: archive.read(name) for name in archive.namelist()}
    return rewritten(model_file, folder / "hostile.keras", changes)


def test_a_lambda_layer_is_refused_and_never_executed(model_file, tmp_path):
    marker = str(tmp_path / "executed")
    layers = [
        keras.layers.Lambda(lambda x: (open(marker, "w").close(), x)[1]),
        keras.layers.Flatten(),
        keras.layers.Dense(4),
    ]
    path = with_network(model_file, tmp_path, layers)
    os.unlink(marker)  # building the network has called the function
    refused(path, "Lambda")
    assert not os.path.exists(marker)
    keras.saving.load_model(path, safe_mode=False)
    assert os.path.exists(marker)  # so it is a trap indeed


@pytest.mark.parametrize(
    ("module", "name"),
    [("os", "system"), ("builtins", "eval"), ("keras.utils", "get_file")],
)
def test_a_function_of_another_module_is_refused(model_file, tmp_path, module, name):
    with zipfile.ZipFile(model_file) as archive:
        config = json.loads(archive.read("config.json"))
    marker = tmp_path / "executed"
    config["config"]["layers"][1]["config"]["kernel_initializer"] = {
        "module": module,
        "class_name": name,
        "registered_name": None,
        "config": {"command": f"touch {marker}", "origin": f"file://{model_file}"},
    }
    changes = {"config.json": json.dumps(config)}
    refused(rewritten(model_file, tmp_path / "a.keras", changes))
    assert not marker.exists()
