"""The commands end to end on networks whose layers are not the paper's."""

import json

import keras
import numpy as np
import pytest

import zfkeras
from tests.helpers import other_networks
from tests.helpers.splits import shaded
from tests.helpers.trees import write_tree
from transfer import caltech, folder, pascal, tables
from transfer.experiments.caltech_rows import randomised
from transfer.features.extraction import extract
from zfkeras.data.register import open_source
from zfkeras.data.sources.voc import CLASS_NAMES

LAYERS = {
    "vgg": ["block1_pool", "block2_pool", "fc1"],
    "nested": ["features.block1_pool", "features.out", "gap"],
}


@pytest.fixture(scope="module", params=LAYERS)
def network(request, tmp_path_factory):
    """The file of a network and the ends of its stages."""
    model = getattr(other_networks, request.param)(4)
    path = tmp_path_factory.mktemp("model") / "model.keras"
    other_networks.as_classifier(model, 4).save(path)
    return path, LAYERS[request.param]


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    files = {
        f"{name}/{i}.png": shaded(label, i, 40, 110)
        for label, name in enumerate(("ant", "bee"))
        for i in range(10)
    }
    return write_tree(tmp_path_factory.mktemp("images"), files)


@pytest.fixture
def run(network, tmp_path, capsys):
    def run(command, *words):
        places = ("--cache", tmp_path / "cache", "--workdir", tmp_path / "out")
        given = (*words, "--model", network[0], *places)
        code = command.main([*map(str, given)])
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        return code, out, [row for row in err.splitlines() if ": error: " in row]

    return run


def record(tmp_path, name):
    return json.loads((tmp_path / "out" / f"{name}.json").read_text())


def flattened(model, prefix=""):
    for layer in model.layers:
        if isinstance(layer, keras.layers.InputLayer):
            continue
        if isinstance(layer, keras.Model):
            yield from flattened(layer, f"{prefix}{layer.name}.")
        else:
            yield f"{prefix}{layer.name}", layer


def test_features_are_what_a_model_cut_there_gives(network, images, tmp_path):
    path, layers = network
    classifier = zfkeras.load(path)
    split = open_source(f"folder:{images}").split("train")
    options = {"data": "test", "dtype": "float32", "batch_size": 7}
    found = extract(classifier, split, layers, tmp_path, **options)
    prepare = classifier.preprocessing
    files = [row["key"] for row in split.stream().as_numpy_iterator()]
    maps = np.stack([prepare.centre_crop(prepare.square(split.read(f))) for f in files])
    # By hand, one layer after the other: nothing branches here.
    for name, layer in flattened(classifier.model):
        maps = np.asarray(layer(maps))
        if name in layers:
            mine = found.layers[name]
            np.testing.assert_allclose(mine, maps.reshape(20, -1), atol=1e-4)
    assert [*found.layers] == layers
    again = extract(classifier, split, layers[::-1], tmp_path, **options)
    assert again.seconds == 0


# The names of layers inside a model are the harder ones.
only_nested = pytest.mark.parametrize("network", ["nested"], indirect=True)


@only_nested
def test_caltech_measures_the_ends_of_the_stages(network, run, images, tmp_path):
    _, layers = network
    words = ("--data", f"folder:{images}", "--n-train-per-class", 5, "--folds", 2)
    code, out, errors = run(caltech, *words, "--layer", "all", "--random")
    assert (code, errors) == (0, [])
    rows = record(tmp_path, "caltech")["rows"]
    is_random = [row["weights"] == "random" for row in rows]
    assert is_random == [False] * 5 + [True] * 5
    rows = rows[:5]
    assert [(row["head"], row["layer"]) for row in rows] == [
        *(("svm", layer) for layer in layers),
        *(("softmax", layer) for layer in layers[1:]),
    ]
    assert all(row["mean"] > 0.8 and row["paper"] is None for row in rows)
    assert f"| SVM ({layers[0]}) " in out
    assert (tmp_path / "out" / "by_layer_5.png").stat().st_size > 5_000
    code, _, errors = run(caltech, *words)  # layer 7
    assert (code, len(errors)) == (2, 1)
    assert "this network does not have the paper's layers" in errors[0]


@only_nested
def test_a_folder_becomes_a_model_that_predicts(network, run, images, tmp_path):
    _, layers = network
    code, out, errors = run(folder, images)
    assert (code, errors) == (0, [])
    results = record(tmp_path, "folder")
    assert [*results["layers"]] == layers and results["layer"] in layers
    assert f"softmax on layer {results['layer']}, C = " in out
    for layer in layers:
        code, _, errors = run(folder, images, "--layer", layer)
        assert (code, errors) == (0, [])
        results = record(tmp_path, "folder")
        assert results["layer"] == layer and results["accuracy"] == 1
        classifier = zfkeras.load(tmp_path / "out" / "model.keras")
        assert classifier.class_names == ("ant", "bee")
        assert classifier.made["layer"] == layer
        shown = [images / name / "1.png" for name in ("ant", "bee")]
        assert classifier.predict(shown).argmax(axis=1).tolist() == [0, 1]
    # A head on the head: its layers have the names already.
    words = f"--model={tmp_path}/out/model.keras --layer=predictions"
    places = f"--workdir={tmp_path}/two --cache={tmp_path}/cache"
    assert folder.main([str(images), *words.split(), *places.split()]) == 0
    assert zfkeras.load(tmp_path / "two" / "model.keras").made["layer"] == "predictions"


@only_nested
def test_pascal_takes_names(network, run, tmp_path):
    _, layers = network
    files = {}
    for split, start in (("train", 0), ("val", 12)):
        for i in range(start, start + 12):
            files[f"JPEGImages/{i:06d}.jpg"] = shaded(i % 2, i, 40, 110)
        for label, name in enumerate(CLASS_NAMES):
            files[f"ImageSets/Main/{name}_{split}.txt"] = "".join(
                f"{i:06d} {1 if i % 2 == label else -1}\n"
                for i in range(start, start + 12)
            )
    spec = f"voc2012:{write_tree(tmp_path / 'VOC2012', files)}"
    words = ("--data", spec, "--head", "svm")
    code, out, errors = run(pascal, *words, "--layer", ",".join(layers[1:]))
    assert (code, errors) == (0, [])
    rows = record(tmp_path, "pascal")["rows"]
    assert [row["layer"] for row in rows] == layers[1:]
    assert all(row["means"]["all_point"] > 0.9 for row in rows)
    assert f"SVM ({layers[1]}) | SVM ({layers[2]})" in out
    code, out, errors = run(tables, "--data", spec, "--tables", 6)
    assert (code, errors) == (0, [])
    assert f"softmax ({layers[1]}) | SVM ({layers[1]}) | softmax ({layers[2]})" in out


def test_random_weights_are_others_and_those_of_the_seed(network):
    trained = zfkeras.load(network[0])
    one, same, other = (randomised(trained, seed).model for seed in (1, 1, 2))
    kernels = [
        next(w for w in model.weights if w.name == "kernel").numpy()
        for model in (trained.model, one, same, other)
    ]
    assert np.array_equal(kernels[1], kernels[2])
    assert not any(np.array_equal(kernels[i], kernels[1]) for i in (0, 3))
    assert layer_names(one) == layer_names(trained.model)


def layer_names(model):
    return [name for name, _ in flattened(model)]
