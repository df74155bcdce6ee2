import hashlib
import json
from importlib import util

import numpy as np
import pytest

import zfkeras
from tests.helpers import caffe_files
from tests.helpers.caffe_files import Tiny
from tests.helpers.runs import image_folder
from zfkeras.convert import main

needs_onnx = pytest.mark.skipif(
    not (util.find_spec("onnx") and util.find_spec("onnxruntime")),
    reason="the extra onnx is not installed",
)


MEAN = ("out.keras", "--mean")
ZERO = (*MEAN, "0,0,0")
NAMES = (*ZERO, "--class-names")


@pytest.fixture
def run(capsys):
    """Runs the command; returns exit code, lines on stdout and error lines."""

    def run(*argv):
        code = main([*map(str, argv)])
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        errors = [line for line in err.splitlines() if ": error: " in line]
        return code, out.splitlines(), errors

    return run


def refusal(outcome, code=2):
    """The one line by which the command refused, without what it starts with."""
    got, _, errors = outcome
    assert (got, len(errors)) == (code, 1)
    return errors[0].removeprefix("python -m zfkeras.convert: error: ")


@pytest.fixture
def graph(tmp_path):
    """A small ONNX file without its preprocessing."""
    from tests.helpers.onnx_models import tiny

    return tiny().dense(10, 5).add("Softmax").save(tmp_path / "tiny.onnx")


def caffe_model(path, **options):
    sizes = b"".join(map(caffe_files.varint, (1, 3, 31, 31)))
    shape = caffe_files.message((1, sizes))
    path.write_bytes(caffe_files.net(Tiny().layers(), fields=[(8, shape)], **options))
    return path


@needs_onnx
def test_ours_becomes_onnx_and_says_how_near_it_is(run, tmp_path, model_file):
    import onnx

    target = tmp_path / "deep" / "ours.onnx"
    folder = image_folder(tmp_path / "images", per_class=3)
    (folder / "cat" / "00.jpg").write_bytes(b"no image")
    command = ("--model", model_file, target, "--data", f"folder:{folder}")
    code, out, errors = run(*command, "--num-images", 50, "--batch-size", 2)
    assert (code, errors) == (0, [])
    assert out[0].startswith("zfnet_quarter_without_6_7: ")
    for name in ("modelling", "preprocessing"):
        assert any(line.startswith(f"  {name} difference") for line in out)
    assert out[-1] == f"written to {target}, its record to {target}.json"
    onnx.checker.check_model(onnx.load(target), full_check=True)
    record = json.loads((tmp_path / "deep" / "ours.onnx.json").read_text())
    differences = record["differences"]
    assert [*differences] == ["logits", "probabilities", "crops", "predictions"]
    assert differences["crops"]["maximum"] == 0
    assert 0 < differences["logits"]["maximum"] < 1e-4
    assert record["compared_on"] == {
        "data": f"folder:{folder}",
        "split": "train",
        "seed": 0,
        "num_images": 5,
    }
    assert {"command", "environment"} < record.keys()
    assert len([*target.parent.iterdir()]) == 2


@needs_onnx
def test_a_foreign_graph_becomes_self_sufficient(run, tmp_path, graph):
    from tests.helpers.onnx_models import answers

    names = tmp_path / "synset_words.txt"
    names.write_text("n02124075 Egyptian cat\nb\ngrößer\nd\ne\n", encoding="utf-8")
    target = tmp_path / "tiny.keras"
    argv = ("--model", graph, "--mean", "10,20,30", "--class-names", names)
    code, out, errors = run(*argv, target, "--image-size", 40, "--num-images", 4)
    assert (code, errors) == (0, [])
    assert "5 classes, crops of 30 from images of 40 pixels" in out[0]
    classifier = zfkeras.load(target)
    assert classifier.class_names[2] == "größer"
    source = classifier.made["converted_from"]
    assert source["sha256"] == hashlib.sha256(graph.read_bytes()).hexdigest()
    # Blue first, less 10, 20, 30: by hand, from the photograph to the graph.
    image = np.random.default_rng(0).integers(0, 256, (40, 40, 3), np.uint8)
    planes = image[5:35, 5:35, ::-1].transpose(2, 0, 1).astype(np.float32)
    planes -= np.float32([10, 20, 30])[:, None, None]
    import onnx

    model = onnx.load(graph)
    wanted = answers(model, planes[None], model.graph.output[0].name)
    np.testing.assert_allclose(classifier.predict(image), wanted, rtol=1e-4, atol=1e-7)


@needs_onnx
def test_there_and_back_gives_the_same_answers(run, tmp_path, model_file):
    there, back = tmp_path / "ours.onnx", tmp_path / "back.keras"
    assert run("--model", model_file, there, "--num-images", 1)[0] == 0
    assert run("--model", there, back, "--num-images", 1, "--half-weights")[0] == 0
    ours, again = zfkeras.load(model_file), zfkeras.load(back)
    assert ours.class_names == again.class_names
    image = np.random.default_rng(0).integers(0, 256, (80, 70, 3), np.uint8)
    np.testing.assert_allclose(again.predict(image), ours.predict(image), rtol=1e-2)
    # A graph that prepares images itself takes no mean.
    outcome = run("--model", there, tmp_path / "a.keras", "--mean", "0,0,0")
    assert "which prepares images itself" in refusal(outcome)


def test_caffes_files_become_self_sufficient(run, tmp_path):
    model = caffe_model(tmp_path / "zf.caffemodel")
    mean = tmp_path / "mean.binaryproto"
    planes = np.random.default_rng(0).uniform(90, 130, (3, 35, 35))
    mean.write_bytes(caffe_files.blob(planes, "old"))
    target = tmp_path / "zf.keras"
    argv = ("--model", model, "--mean", mean, "--input-scale", 0.02)
    code, out, errors = run(*argv, target)
    assert (code, errors) == (0, [])
    assert out[1] == "not compared: there is nothing here that runs Caffe's files"
    image = np.random.default_rng(1).integers(0, 256, (35, 35, 3), np.uint8)
    fed = (image[..., ::-1].transpose(2, 0, 1) - planes.astype(np.float32)) * 0.02
    logits = Tiny().logits(fed[:, 2:33, 2:33])
    wanted = np.exp(logits - logits.max()) / np.exp(logits - logits.max()).sum()
    classifier = zfkeras.load(target)
    np.testing.assert_allclose(classifier.predict(image)[0], wanted, rtol=1e-4)
    assert classifier.class_names[0] == "class 0"
    assert classifier.model.name == "zf"


@needs_onnx
@pytest.mark.parametrize(
    ("broken", "like", "said"),
    [
        # The usual mistake: maps flattened in the wrong order.
        (
            "build._channels_last",
            lambda kernel, flat: kernel,
            "modelling difference, lo",
        ),
        # A wrong mean is not blamed on the network.
        ("preset._mean_image", None, "preprocessing difference, crops"),
    ],
)
def test_a_conversion_that_is_wrong_is_not_written(
    run, tmp_path, graph, monkeypatch, broken, like, said
):
    from zfkeras.conversion import preset

    original = preset._mean_image
    like = like or (lambda mean, *more: original(mean[::-1], *more))
    monkeypatch.setattr(f"zfkeras.conversion.{broken}", like)
    target = tmp_path / "wrong.keras"
    outcome = run("--model", graph, "--mean", "1,50,99", target, "--num-images", 2)
    message = refusal(outcome, code=1)
    assert message.startswith(f"the {said}")
    assert message.endswith("the sides do not agree, and nothing was written")
    assert not target.exists()


@needs_onnx
@pytest.mark.parametrize(
    ("model", "argv", "expected"),
    [
        ("tiny.onnx", ["out.keras"], "--mean must be given"),
        ("tiny.onnx", ["out.onnx"], "OUT must be a .keras file for --model tiny.onnx"),
        ("tiny.onnx", [*MEAN, "1,2"], "--mean must be three numbers or a file"),
        ("tiny.onnx", [*MEAN, "no.binaryproto"], "no .binaryproto file at no."),
        ("tiny.onnx", [*MEAN, "nan,0,0"], "must be finite"),
        ("tiny.onnx", [*ZERO, "--input-scale", "0"], "the scale not 0"),
        ("tiny.onnx", [*ZERO, "--input-scale", "1,2"], "must be 1 or 3 numbers"),
        ("tiny.onnx", [*ZERO, "--crop-size", "31"], "--crop-size must be 30, as in"),
        ("tiny.onnx", [*ZERO, "--image-size", "20"], "--image-size must be at least"),
        (
            "tiny.onnx",
            ["out.keras", "--prototxt", "a"],
            "--prototxt is for .caffemodel",
        ),
        ("tiny.onnx", [*NAMES, "tiny.onnx"], "--class-names must be UTF-8 text"),
        (
            "tiny.onnx",
            [*NAMES, "two"],
            "--class-names must name 5 classes. Received: 2",
        ),
        ("tiny.onnx", [*NAMES, "gap"], "--class-names must have a name on each line"),
        ("quarter", ["out.keras"], "OUT must be an .onnx file for --model"),
        ("quarter", ["out.onnx", "--mean", "0,0,0"], "--mean must be left out"),
        ("quarter", ["out.onnx", "--half-weights"], "--half-weights must be left out"),
        ("cat.jpg", ["out.keras"], "--model must be a preset or a .keras, .onnx"),
        ("a.caffemodel", ZERO, "a.caffemodel"),  # is not there
        ("a.keras", ["out.onnx"], "a.keras"),
    ],
)
def test_bad_requests_are_one_line(
    run, graph, tmp_path, monkeypatch, model, argv, expected
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "two").write_text("a\nb\n")
    (tmp_path / "gap").write_text("a\n\nb\n")
    assert expected in refusal(run("--model", model, *argv))
    assert {path.name for path in tmp_path.iterdir()} == {"tiny.onnx", "two", "gap"}


def test_without_onnx_it_says_what_to_install(run, tmp_path, monkeypatch, model_file):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    message = refusal(run("--model", model_file, tmp_path / "out.onnx"))
    assert "pip install 'zfkeras[onnx]'" in message


@needs_onnx
@pytest.mark.slow
@pytest.mark.data
def test_the_network_in_the_box_agrees_on_real_photographs(run, tmp_path, photographs):
    data = f"tiny-imagenet:{photographs}/tiny-imagenet-200-subset.zip"
    target = tmp_path / "quarter.onnx"
    argv = ("--model", "quarter", target, "--data", data)
    assert run(*argv, "--num-images", 200)[0] == 0
    record = json.loads((tmp_path / "quarter.onnx.json").read_text())
    for name, bound in (("logits", 1e-4), ("probabilities", 1e-5), ("crops", 0)):
        assert record["differences"][name]["maximum"] <= bound
