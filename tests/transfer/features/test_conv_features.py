"""`ConvFeatures` as an estimator of scikit-learn.

`parametrize_with_checks` does not apply: its data are tables (n_samples, n_features) of
numbers, which are no images. The points of its contract are tested here one by one.
"""

import os
import pickle

import keras
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC
from sklearn.utils import get_tags
from sklearn.utils.validation import check_is_fitted

from tests.helpers import other_networks
from tests.helpers.networks import make_classifier
from tests.helpers.splits import noise, shaded
from tests.helpers.trees import write_tree
from transfer import ConvFeatures, SoftmaxHead, SVMHead
from transfer.features.extraction import extract
from zfkeras.data.register import open_source
from zfkeras.errors import UsageError

PER_CLASS = 6
CLASSES = ("dark", "grey", "light")


@pytest.fixture(scope="module")
def classifier():
    return make_classifier(3, ("a", "b"))


@pytest.fixture
def folder(tmp_path):
    """Noise, whose mean brightness tells the class."""
    files = {
        f"{name}/{number}.png": shaded(label, number, 40 + number)
        for label, name in enumerate(CLASSES)
        for number in range(PER_CLASS)
    }
    write_tree(tmp_path / "images", files)
    return tmp_path / "images"


@pytest.fixture
def paths(folder):
    return sorted(folder.glob("*/*.png"))


@pytest.fixture
def labels():
    return np.repeat(CLASSES, PER_CLASS)


def same_file(path, content):
    """Writes a file that only its content tells from the one that was there."""
    before = os.stat(path)
    path.write_bytes(content)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


# What it computes


@pytest.mark.parametrize("layer", [1, 5, "conv2"])
def test_the_features_are_those_that_transfer_caches(
    classifier, folder, paths, tmp_path, layer
):
    split = open_source(f"folder:{folder}").split("train")
    for dtype in ("float32", "float16"):
        cached = extract(
            classifier,
            split,
            [layer],
            tmp_path / "cache",
            data="test",
            batch_size=4,
            dtype=dtype,
        )
        found = ConvFeatures(classifier, layer, batch_size=4).transform(paths)
        assert found.dtype == np.float32
        np.testing.assert_array_equal(found.astype(dtype), cached.layers[layer])


def test_the_features_are_a_keras_models_output_flattened(classifier, paths):
    pool = classifier.model.get_layer("pool5").output[0]
    network = keras.Model(classifier.model.input, pool)
    expected = np.asarray(network(classifier.prepare(paths), training=False))
    found = ConvFeatures(classifier, 5).transform(paths)
    assert found.shape == (len(paths), 1152)
    expected = expected.reshape(len(paths), -1)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_every_way_to_give_images_gives_the_same(classifier):
    images = np.stack([noise(i, 64, 64) for i in range(3)])
    features = ConvFeatures(classifier, 3, batch_size=2)
    expected = features.transform(images)
    for given in (list(images), iter(images), (image for image in images)):
        np.testing.assert_array_equal(features.transform(given), expected)
    boxed = np.empty(3, object)
    boxed[:] = list(images)
    np.testing.assert_array_equal(features.transform(boxed), expected)
    # A batch of one adds up in another order.
    alone = features.transform(images[0])
    np.testing.assert_allclose(alone, expected[:1], rtol=1e-4, atol=1e-5)


def test_arrays_of_paths_are_as_good_as_lists(classifier, paths):
    features = ConvFeatures(classifier, 5)
    expected = features.transform(paths)
    for given in (np.array(paths), np.array([str(path) for path in paths])):
        np.testing.assert_array_equal(features.transform(given), expected)


def test_no_images_give_no_rows(classifier):
    found = ConvFeatures(classifier, 5).fit_transform([])
    assert found.shape == (0, 1152)
    assert found.dtype == np.float32


def test_layers_of_other_networks_have_names():
    nested = other_networks.as_classifier(other_networks.nested(3), 3)
    features = ConvFeatures(nested, "features.block1_pool")
    assert features.fit_transform([noise(0, 36, 36)]).shape == (1, 8 * 8 * 4)
    with pytest.raises(UsageError, match="does not have the paper's layers"):
        ConvFeatures(nested, 5).fit([])


# The contract


def test_the_constructor_stores_and_does_nothing_else():
    given = {"model": object(), "layer": [], "batch_size": "many"}
    features = ConvFeatures(**given)
    assert vars(features) == given
    assert features.get_params() == given
    assert ConvFeatures().get_params() == {
        "model": "quarter",
        "layer": 7,
        "batch_size": 64,
    }


@pytest.mark.parametrize(
    ("setting", "error"),
    [
        ({"model": "nowhere.keras"}, FileNotFoundError),
        ({"model": None}, FileNotFoundError),
        ({"layer": 8}, UsageError),
        ({"layer": [5]}, UsageError),
        ({"batch_size": 0}, ValueError),
        ({"batch_size": "many"}, TypeError),
    ],
)
def test_fit_and_transform_refuse_what_the_constructor_stored(
    model_file, setting, error
):
    features = ConvFeatures(model_file, 5).set_params(**setting)
    for method in (features.fit, features.transform):
        with pytest.raises(error):
            method([noise(0, 20, 20)])


def test_fit_reads_no_image_and_sets_only_the_number_of_features(model_file):
    features = ConvFeatures(model_file, 5)
    before = dict(vars(features))
    assert features.fit(["nowhere.jpg"], ["a"]) is features
    assert vars(features) == {**before, "n_features_out_": 1152}
    features.set_params(layer="conv5").fit([])
    assert features.n_features_out_ == 7 * 7 * 128


def test_it_works_without_fit(model_file):
    features = ConvFeatures(model_file, 5)
    check_is_fitted(features)
    images = [noise(0, 64, 64)]
    before = dict(vars(features))
    found = features.transform(images)
    assert vars(features) == before
    np.testing.assert_array_equal(features.fit(images).transform(images), found)


def test_the_tags_say_what_it_takes():
    tags = get_tags(ConvFeatures())
    assert not tags.requires_fit
    assert tags.no_validation
    assert tags.input_tags.string
    assert tags.input_tags.one_d_array
    assert not tags.input_tags.two_d_array
    assert not tags.target_tags.required
    assert tags.transformer_tags.preserves_dtype == ["float32"]


def test_features_have_names(model_file):
    names = ConvFeatures(model_file, 5).fit([]).get_feature_names_out()
    assert names.shape == (1152,)
    assert [names[0], names[-1]] == ["convfeatures0", "convfeatures1151"]


def test_frames_have_the_names_as_columns(model_file):
    pandas = pytest.importorskip("pandas")
    features = ConvFeatures(model_file, 5).set_output(transform="pandas")
    for each in (features, clone(features)):
        frame = each.fit_transform([noise(0, 64, 64), noise(1, 64, 64)])
        assert isinstance(frame, pandas.DataFrame)
        assert [*frame.columns] == [*each.get_feature_names_out()]


def test_a_clone_has_the_parameters_and_nothing_that_was_fitted(classifier):
    features = ConvFeatures(classifier, 5, batch_size=2).fit([])
    twin = clone(features)
    assert twin is not features
    assert twin.get_params() == features.get_params()
    assert twin.model is classifier
    assert not hasattr(twin, "n_features_out_")


# Loading


def test_a_file_is_read_once_and_again_when_it_has_changed(model_file, tmp_path):
    path = tmp_path / "model.keras"
    path.write_bytes(model_file.read_bytes())
    images = [noise(0, 64, 64)]
    features = ConvFeatures(str(path), 5)
    expected = features.fit_transform(images)
    same_file(path, b"no network any more")
    for twin in (clone(features), ConvFeatures(path, 5)):
        np.testing.assert_array_equal(twin.fit_transform(images), expected)
    os.utime(path, (1, 1))
    with pytest.raises(UsageError, match=r"model\.keras is not a \.keras file"):
        clone(features).fit(images)


def test_a_pickle_holds_the_parameters_and_no_network(model_file):
    images = [noise(0, 64, 64)]
    features = ConvFeatures(model_file, 5)
    expected = features.fit_transform(images)
    content = pickle.dumps(features)
    assert len(content) < 1000
    loaded = pickle.loads(content)
    np.testing.assert_array_equal(loaded.transform(images), expected)
    assert loaded.n_features_out_ == 1152


def test_a_classifier_as_parameter_travels_in_the_pickle(classifier):
    images = [noise(0, 64, 64)]
    features = ConvFeatures(classifier, 5)
    expected = features.transform(images)
    loaded = pickle.loads(pickle.dumps(features))
    np.testing.assert_array_equal(loaded.transform(images), expected)


# Among other estimators


@pytest.mark.parametrize(
    "rest",
    [
        [SVMHead()],
        [SoftmaxHead()],
        [StandardScaler(), LogisticRegression()],
        [StandardScaler(), LinearSVC()],
    ],
    ids=lambda rest: type(rest[-1]).__name__,
)
def test_pipelines_learn_from_images(classifier, paths, labels, rest):
    learner = make_pipeline(ConvFeatures(classifier, 5), *rest)
    learner.fit(paths[::2], labels[::2])
    np.testing.assert_array_equal(learner.predict(paths[1::2]), labels[1::2])


def grid_search(model, n_jobs=None):
    learner = make_pipeline(ConvFeatures(model), SVMHead())
    grid = {"convfeatures__layer": [3, 5], "svmhead__C": [1e-4, 1.0]}
    return GridSearchCV(learner, grid, cv=2, n_jobs=n_jobs, error_score="raise")


def test_a_grid_search_gives_the_scores_of_features_computed_before(
    model_file, paths, labels
):
    search = grid_search(model_file).fit(paths, labels)
    results = search.cv_results_
    scores = [
        cross_val_score(SVMHead(C=c), table, labels, cv=2).mean()
        for layer in (3, 5)
        for table in [ConvFeatures(model_file, layer).transform(paths)]
        for c in (1e-4, 1.0)
    ]
    assert [list(each.values()) for each in results["params"]] == [
        [layer, c] for layer in (3, 5) for c in (1e-4, 1.0)
    ]
    np.testing.assert_array_equal(results["mean_test_score"], scores)
    assert len({*scores}) > 1
    np.testing.assert_array_equal(search.predict(paths), labels)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["path", "classifier"])
def test_two_processes_find_what_one_does(model_file, classifier, paths, labels, kind):
    model = model_file if kind == "path" else classifier
    alone = grid_search(model).fit(paths, labels).cv_results_
    both = grid_search(model, n_jobs=2).fit(paths, labels).cv_results_
    np.testing.assert_array_equal(both["mean_test_score"], alone["mean_test_score"])
    assert both["params"] == alone["params"]


@pytest.mark.parametrize("kind", ["path", "classifier"])
def test_a_pipelines_memory_keeps_features(
    model_file, classifier, paths, labels, tmp_path, kind
):
    model = model_file if kind == "path" else classifier
    learner = make_pipeline(
        ConvFeatures(model, 5), SVMHead(C=0.1), memory=str(tmp_path / "memory")
    )
    learner.fit(paths, labels)
    first = learner.predict(paths)
    before = [path.read_bytes() for path in paths]
    for path in paths:
        path.unlink()
    learner.set_params(svmhead__C=10.0).fit(paths, labels)  # reads no image
    with pytest.raises(FileNotFoundError):
        learner.set_params(convfeatures__layer=4).fit(paths, labels)
    for path, content in zip(paths, before, strict=True):
        path.write_bytes(content)
    np.testing.assert_array_equal(first, labels)
