"""Classifiers of plain Keras models: inputs, answers, and what is refused."""

import keras
import numpy as np
import pytest

import zfkeras
from tests.helpers.splits import noise
from zfkeras.errors import UsageError

SHAPE = (16, 16, 3)
IMAGES = np.stack([noise(seed, 16, 16) for seed in range(3)])


def network(*last, shape=SHAPE, first=(), **options):
    """A small convolutional network with these last layers."""
    return keras.Sequential(
        [
            keras.Input(shape, **options),
            *first,
            keras.layers.Conv2D(4, 3, activation="relu"),
            keras.layers.GlobalAveragePooling2D(),
            *last,
        ],
        name="mine",
    )


def softmax(units=3):
    return keras.layers.Dense(units, "softmax")


def from_keras(model, inputs="0..1", **options):
    return zfkeras.Classifier.from_keras(model, inputs, **options)


# What it reads


@pytest.mark.parametrize("mode", ["caffe", "tf", "torch"])
def test_the_modes_of_keras_applications_are_theirs(mode):
    model = network(softmax())
    prepare = keras.applications.imagenet_utils.preprocess_input
    prepared = prepare(IMAGES.astype(np.float32), mode=mode)
    classifier = from_keras(model, mode)
    np.testing.assert_allclose(classifier.prepare(IMAGES), prepared, atol=1e-4)
    np.testing.assert_allclose(
        classifier.predict(IMAGES), model.predict(prepared, verbose=0), atol=1e-5
    )


@pytest.mark.parametrize(
    ("mode", "low", "high"), [("0..255", 0, 255), ("0..1", 0, 1), ("-1..1", -1, 1)]
)
def test_the_other_modes_are_ranges(mode, low, high):
    extremes = np.zeros((1, *SHAPE), np.uint8)
    extremes[0, 0] = 255
    prepared = from_keras(network(softmax()), mode).prepare(extremes)
    assert prepared.min() == low
    assert prepared.max() == pytest.approx(high)


@pytest.mark.parametrize(
    "first",
    [
        [keras.layers.Rescaling(1 / 127.5, offset=-1)],
        [keras.layers.RandomFlip(), keras.layers.Rescaling(1 / 255)],
        [keras.layers.Normalization(mean=[1.0] * 3, variance=[4.0] * 3)],
        [keras.Sequential([keras.Input(SHAPE), keras.layers.Rescaling(1 / 255)])],
    ],
)
def test_a_model_that_begins_with_its_own_preprocessing_reads_0_to_255(first, caplog):
    model = network(softmax(), first=first)
    with caplog.at_level("INFO"):
        classifier = zfkeras.Classifier.from_keras(model)
    np.testing.assert_array_equal(classifier.prepare(IMAGES), IMAGES)
    made = classifier.made["from_keras"]
    assert made["inputs"] == "0..255"
    assert all(one in caplog.text for one in made["assumed"])
    assert len(made["assumed"]) == 2  # and the names of the classes


@pytest.mark.parametrize("inputs", [None, "0..256"])
def test_inputs_that_are_not_known_are_asked_for(inputs):
    with pytest.raises(UsageError) as caught:
        from_keras(network(softmax()), inputs)
    assert caught.value.argument == "inputs"
    assert "caffe" in caught.value.expected


# Images of other shapes


def test_an_image_of_any_size_gets_the_usual_one(caplog):
    with caplog.at_level("INFO"):
        classifier = from_keras(network(softmax(), shape=(None, None, 3)))
    assert classifier.model.input_shape == (None, 224, 224, 3)
    assert "224 x 224" in caplog.text
    assert classifier.features(IMAGES, "conv2d").shape == (3, 222, 222, 4)


def test_a_fixed_batch_is_made_free():
    model = network(softmax(), batch_size=8)
    classifier = from_keras(model)
    assert classifier.predict(IMAGES).shape == (3, 3)
    padded = np.concatenate([IMAGES, np.zeros((5, *SHAPE))]) / 255
    np.testing.assert_allclose(
        classifier.predict(IMAGES), model.predict_on_batch(padded)[:3], atol=1e-5
    )


@pytest.mark.parametrize("shape", [(16, 24, 3), (16, 24, 1)])
def test_rectangles_and_grey_images_are_taken_and_saved(shape, tmp_path):
    classifier = from_keras(network(softmax(), shape=shape))
    before = classifier.predict(IMAGES)
    classifier.save(tmp_path / "a.keras")
    loaded = zfkeras.load(tmp_path / "a.keras")
    assert loaded.preprocessing.input_shape == shape
    np.testing.assert_array_equal(loaded.predict(IMAGES), before)
    assert loaded.made == classifier.made


def test_the_preprocessing_of_a_caffe_network_is_saved(tmp_path):
    classifier = from_keras(network(softmax()), "caffe")
    classifier.save(tmp_path / "a.keras")
    loaded = zfkeras.load(tmp_path / "a.keras")
    np.testing.assert_array_equal(loaded.prepare(IMAGES), classifier.prepare(IMAGES))


def test_colours_are_not_made_of_grey():
    with pytest.raises(UsageError) as caught:
        from_keras(network(softmax(), shape=(16, 16, 1)), "caffe")
    assert caught.value.argument == "inputs"


@pytest.mark.parametrize("shape", [(16, 16, 4), (16, 3)])
def test_what_is_no_image_is_refused(shape):
    image = keras.Input(shape)
    model = keras.Model(image, softmax()(keras.layers.Flatten()(image)))
    with pytest.raises(UsageError) as caught:
        from_keras(model)
    assert caught.value.argument == "model"


# What it answers


def test_logits_get_a_softmax_if_the_user_says_so(tmp_path):
    model = network(keras.layers.Dense(3))
    with pytest.raises(UsageError) as caught:
        from_keras(model)
    assert caught.value.argument == "outputs"
    assert "--outputs logits" in str(caught.value)
    classifier = from_keras(model, outputs="logits")
    logits = model.predict(IMAGES / 255, verbose=0)
    expected = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(classifier.predict(IMAGES), expected, atol=1e-5)
    classifier.save(tmp_path / "a.keras")
    np.testing.assert_allclose(
        zfkeras.load(tmp_path / "a.keras").predict(IMAGES), expected, atol=1e-5
    )


def test_logits_get_a_softmax_if_the_compiled_loss_says_so(caplog):
    model = network(keras.layers.Dense(3))
    model.compile("sgd", keras.losses.CategoricalCrossentropy(from_logits=True))
    with caplog.at_level("INFO"):
        classifier = from_keras(model)
    assert "from_logits" in caplog.text
    np.testing.assert_allclose(classifier.predict(IMAGES).sum(axis=1), 1, rtol=1e-5)


@pytest.mark.parametrize(
    ("last", "outputs"),
    [("softmax", "logits"), (None, "probabilities"), ("softmax", "odds")],
)
def test_outputs_that_contradict_the_last_layer_are_refused(last, outputs):
    with pytest.raises(UsageError) as caught:
        from_keras(network(keras.layers.Dense(3, last)), outputs=outputs)
    assert caught.value.argument == "outputs"


@pytest.mark.parametrize(
    ("activation", "outputs"), [("sigmoid", None), (None, "logits")]
)
def test_one_unit_answers_for_two_classes(activation, outputs, tmp_path):
    model = network(keras.layers.Dense(1, activation))
    options = {"outputs": outputs, "class_names": ("cat", "dog")}
    classifier = from_keras(model, **options)
    answer = model.predict(IMAGES / 255, verbose=0)
    second = answer if activation else 1 / (1 + np.exp(-answer))
    expected = np.concatenate([1 - second, second], axis=1)
    np.testing.assert_allclose(classifier.predict(IMAGES), expected, atol=1e-6)
    classifier.save(tmp_path / "a.keras")
    loaded = zfkeras.load(tmp_path / "a.keras")
    np.testing.assert_allclose(loaded.predict(IMAGES), expected, atol=1e-6)


@pytest.mark.parametrize("names", [None, ("dog",), ("a", "b", "c"), (1, 2)])
def test_one_unit_needs_two_names(names):
    with pytest.raises(UsageError) as caught:
        from_keras(network(keras.layers.Dense(1, "sigmoid")), class_names=names)
    assert caught.value.argument == "class_names"
    assert "two names" in caught.value.expected


def test_names_come_from_a_file_or_are_numbers(tmp_path):
    file = tmp_path / "names.txt"
    file.write_text("Katze\ngrößer, 猫\n\nbee\n", encoding="utf-8")
    names = from_keras(network(softmax()), class_names=file).class_names
    assert names == ("Katze", "größer, 猫", "bee")
    file.write_text("n01440764\nn01443537\nbee\n", encoding="utf-8")
    names = from_keras(network(softmax()), class_names=file).class_names
    assert names == ("n01440764 tench", "n01443537 goldfish", "bee")
    numbered = from_keras(network(softmax()))
    assert numbered.class_names == ("class 0", "class 1", "class 2")
    file.write_bytes(b"\xff\xfe\xff")
    with pytest.raises(UsageError) as caught:
        from_keras(network(softmax()), class_names=file)
    assert caught.value.argument == "class_names"


def two_outputs():
    image = keras.Input(SHAPE)
    flat = keras.layers.Flatten()(image)
    heads = [keras.layers.Dense(n, "softmax", name=f"head{n}")(flat) for n in (2, 3)]
    return keras.Model(image, heads)


def test_one_of_several_outputs_is_chosen_by_name():
    model = two_outputs()
    for output in (None, "head4"):
        with pytest.raises(UsageError) as caught:
            from_keras(model, output=output)
        assert caught.value.argument == "output"
        assert "head2, head3" in caught.value.expected
    classifier = from_keras(model, output="head3")
    _, expected = model.predict(IMAGES / 255, verbose=0)
    np.testing.assert_allclose(classifier.predict(IMAGES), expected, atol=1e-5)


def test_several_inputs_are_refused_by_name():
    images = [keras.Input(SHAPE, name=name) for name in ("left", "right")]
    both = keras.layers.Flatten()(keras.layers.Add()(images))
    with pytest.raises(UsageError) as caught:
        from_keras(keras.Model(images, softmax()(both)))
    assert caught.value.argument == "model"
    assert "left, right" in caught.value.received


@pytest.mark.parametrize("model", [object(), keras.Sequential([softmax()])])
def test_what_is_no_graph_is_refused(model):
    with pytest.raises(UsageError) as caught:
        from_keras(model)
    assert caught.value.argument == "model"


def test_a_network_without_its_top_is_refused():
    image = keras.Input(SHAPE)
    model = keras.Model(image, keras.layers.Conv2D(4, 3, activation="relu")(image))
    with pytest.raises(UsageError) as caught:
        from_keras(model)
    assert caught.value.argument == "model"
    assert "softmax" in str(caught.value)


@pytest.mark.parametrize("policy", ["mixed_float16", "float16", "mixed_bfloat16"])
def test_half_precision_answers_in_float32(policy):
    keras.config.set_dtype_policy(policy)
    model = network(softmax())
    model.compile("adam", "categorical_crossentropy")
    classifier = from_keras(model)
    answers = classifier.predict(IMAGES)
    assert answers.dtype == np.float32
    np.testing.assert_allclose(answers.sum(axis=1), 1, atol=1e-2)
    assert classifier.features(IMAGES, "conv2d").dtype == np.float32


def test_a_model_with_a_lambda_is_not_saved(tmp_path):
    model = network(softmax(), first=[keras.layers.Lambda(lambda x: x * 2)])
    classifier = from_keras(model)
    with pytest.raises(UsageError) as caught:
        classifier.save(tmp_path / "a.keras")
    assert "Lambda" in str(caught.value) and "\n" not in str(caught.value)
    assert not list(tmp_path.iterdir())
