"""`ConvFeatures` as an estimator of scikit-learn.

`parametrize_with_checks` does not apply: its data are tables (n_samples, n_features) of
numbers, which are no images. The points of its contract are tested here one by one.
"""

import os
import pickle
import shutil

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC
from sklearn.utils import get_tags
from sklearn.utils.validation import check_is_fitted

from tests.helpers import other_networks
from tests.helpers.splits import noise, shaded
from tests.helpers.trees import write_tree
from transfer import ConvFeatures, SoftmaxHead, SVMHead
from transfer.features.extraction import extract
from zfkeras.data.register import open_source
from zfkeras.errors import UsageError
from zfkeras.models.classifier import Classifier

PER_CLASS = 6
CLASSES = ("dark", "grey", "light")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Noise, whose mean brightness tells the class."""
    files = {
        f"{name}/{number}.png": shaded(label, number, 40 + number)
        for label, name in enumerate(CLASSES)
        for number in range(PER_CLASS)
    }
    return write_tree(tmp_path_factory.mktemp("images"), files)


@pytest.fixture(scope="module")
def paths(folder):
    return sorted(folder.glob("*/*.png"))


@pytest.fixture(scope="module")
def labels():
    return np.repeat(CLASSES, PER_CLASS)


@pytest.fixture(params=["path", "classifier"])
def model(request, model_file, classifier):
    return model_file if request.param == "path" else classifier


IMAGES = [noise(0, 64, 64)]


# What it computes


@pytest.mark.parametrize("dtype", ["float32", "float16"])
@pytest.mark.parametrize("layer", [5, "conv2"])
def test_the_features_are_those_that_transfer_caches(
    classifier, folder, paths, tmp_path, layer, dtype
):
    split = open_source(f"folder:{folder}").split("train")
    options = {"data": "test", "batch_size": 4, "dtype": dtype}
    cached = extract(classifier, split, [layer], tmp_path / "cache", **options)
    found = ConvFeatures(classifier, layer, batch_size=4).transform(paths)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found.astype(dtype), cached.layers[layer])


def test_every_way_to_give_images_gives_the_same(classifier, paths):
    arrays = np.stack([noise(i, 64, 64) for i in range(3)])
    features = ConvFeatures(classifier, 3, batch_size=2)
    boxed = np.empty(3, object)
    boxed[:] = list(arrays)
    texts = [str(path) for path in paths]
    for first, *others in (
        [arrays, list(arrays), iter(arrays), (image for image in arrays), boxed],
        [paths, np.array(paths), np.array(texts)],
    ):
        expected = features.transform(first)
        for given in others:
            np.testing.assert_array_equal(features.transform(given), expected)
    # A batch of one adds up in another order.
    expected = features.transform(arrays)[:1]
    alone = features.transform(arrays[0])
    np.testing.assert_allclose(alone, expected, rtol=1e-4, atol=1e-5)


def test_no_images_give_no_rows(classifier):
    found = ConvFeatures(classifier, 5).fit_transform([])
    assert (found.shape, found.dtype) == ((0, 1152), np.float32)


def test_layers_of_other_networks_have_names():
    nested = other_networks.as_classifier(other_networks.nested(3), 3)
    features = ConvFeatures(nested, "features.block1_pool")
    assert features.fit_transform([noise(0, 36, 36)]).shape == (1, 8 * 8 * 4)


# The contract


def test_the_constructor_stores_and_does_nothing_else():
    given = {"model": object(), "layer": [], "batch_size": "many"}
    features = ConvFeatures(**given)
    assert vars(features) == features.get_params() == given
    default = {"model": "quarter", "layer": 7, "batch_size": 64}
    assert ConvFeatures().get_params() == default


@pytest.mark.parametrize(
    ("setting", "error"),
    [
        ({"model": "nowhere.keras"}, FileNotFoundError),
        ({"model": None}, FileNotFoundError),
        ({"layer": 8}, UsageError),
        ({"batch_size": 0}, ValueError),
        ({"batch_size": "many"}, TypeError),
    ],
)
def test_fit_and_transform_refuse_wrong_parameters(model_file, setting, error):
    features = ConvFeatures(model_file, 5).set_params(**setting)
    for method in (features.fit, features.transform):
        with pytest.raises(error):
            method(IMAGES)


def test_fit_reads_no_image_and_transform_does_not_need_it(model_file):
    features = ConvFeatures(model_file, 5)
    check_is_fitted(features)
    before = dict(vars(features))
    found = features.transform(IMAGES)
    assert vars(features) == before
    assert features.fit(["nowhere.jpg"], ["a"]) is features
    assert vars(features) == {**before, "n_features_out_": 1152}
    np.testing.assert_array_equal(features.transform(IMAGES), found)
    twin = clone(features)
    assert twin.get_params() == features.get_params()
    assert not hasattr(twin, "n_features_out_")


def test_the_tags_say_what_it_takes():
    tags = get_tags(ConvFeatures())
    assert not tags.requires_fit and tags.no_validation
    assert tags.input_tags.string and tags.input_tags.one_d_array
    assert not tags.input_tags.two_d_array and not tags.target_tags.required
    assert tags.transformer_tags.preserves_dtype == ["float32"]


def test_frames_have_the_features_names_as_columns(model_file):
    pandas = pytest.importorskip("pandas")
    features = ConvFeatures(model_file, 5).set_output(transform="pandas")
    for each in (features, clone(features)):
        frame = each.fit_transform(IMAGES)
        assert isinstance(frame, pandas.DataFrame)
        names = each.get_feature_names_out()
        assert [*frame.columns] == [*names]
        assert [names[0], names[-1]] == ["convfeatures0", "convfeatures1151"]


# Loading


def test_a_file_is_read_once_and_again_when_it_has_changed(model_file, tmp_path):
    path = tmp_path / "model.keras"
    path.write_bytes(model_file.read_bytes())
    features = ConvFeatures(str(path), 5)
    expected = features.fit_transform(IMAGES)
    before = os.stat(path)
    path.write_bytes(b"no network any more")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    for twin in (clone(features), ConvFeatures(path, 5)):
        np.testing.assert_array_equal(twin.fit_transform(IMAGES), expected)
    os.utime(path, (1, 1))
    with pytest.raises(UsageError, match=r"model\.keras"):
        clone(features).fit(IMAGES)


def test_a_pickle_holds_the_parameters_and_a_path_no_network(model):
    features = ConvFeatures(model, 5)
    expected = features.fit_transform(IMAGES)
    content = pickle.dumps(features)
    loaded = pickle.loads(content)
    np.testing.assert_array_equal(loaded.transform(IMAGES), expected)
    assert loaded.n_features_out_ == 1152
    assert isinstance(model, Classifier) or len(content) < 1000


# Among other estimators


@pytest.mark.parametrize(
    "rest",
    [[SVMHead()], [SoftmaxHead()], [StandardScaler(), LinearSVC()]],
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
def test_two_processes_find_what_one_does(model, paths, labels):
    alone = grid_search(model).fit(paths, labels).cv_results_
    both = grid_search(model, n_jobs=2).fit(paths, labels).cv_results_
    np.testing.assert_array_equal(both["mean_test_score"], alone["mean_test_score"])
    assert both["params"] == alone["params"]


def test_a_pipelines_memory_keeps_features(model, folder, labels, tmp_path):
    images = shutil.copytree(folder, tmp_path / "images")
    paths = sorted(images.glob("*/*.png"))
    memory = str(tmp_path / "memory")
    learner = make_pipeline(ConvFeatures(model, 5), SVMHead(C=0.1), memory=memory)
    np.testing.assert_array_equal(learner.fit(paths, labels).predict(paths), labels)
    shutil.rmtree(images)
    learner.set_params(svmhead__C=10.0).fit(paths, labels)  # reads no image
    with pytest.raises(FileNotFoundError):
        learner.set_params(convfeatures__layer=4).fit(paths, labels)
