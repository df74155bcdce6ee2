import shutil

import numpy as np
import pytest

from tests.helpers.records import read_results
from tests.helpers.splits import noise, png
from zfkeras.models.classifier import Classifier
from zfkeras.predict import main


@pytest.fixture
def folder(tmp_path):
    """Two photographs whose class the network knows, one it does not."""
    folder = tmp_path / "photographs"
    folder.mkdir()
    for number, name in enumerate(("n02124075_cat.png", "bee-1.png", "beetle.png")):
        (folder / name).write_bytes(png(noise(number, 40, 70)))
    return folder


def test_it_names_the_most_probable_classes(folder, model_file, tmp_path, capsys):
    workdir = tmp_path / "out"
    arguments = [str(folder), "--model", str(model_file), "--top", "2"]
    assert main([*arguments, "--workdir", str(workdir)]) == 0
    record = read_results(workdir, "predictions")
    found = record["predictions"]
    assert [one["class_name"] for one in found] == [
        "bee",
        None,  # "beetle" only begins like a class
        "n02124075 Egyptian cat",
    ]
    classifier = Classifier.load(model_file)
    expected = classifier.predict([one["file"] for one in found])
    for one, row in zip(found, expected, strict=True):
        names = [classifier.class_names[i] for i in row.argsort()[::-1][:2]]
        assert [answer["name"] for answer in one["answers"]] == names
        assert one["answers"][0]["probability"] == pytest.approx(row.max(), abs=1e-6)
    assert (workdir / "predictions.png").stat().st_size > 10_000
    said = capsys.readouterr().out
    assert "of 2 photographs whose class is known" in said
    assert f"results in {workdir}" in said


def test_pictures_are_drawn_from_thumbnails(tmp_path, model_file, monkeypatch):
    from zfkeras.plots import predictions

    drawn = []
    monkeypatch.setattr(
        predictions, "draw_predictions", lambda images, *_: drawn.extend(images)
    )
    sizes = {"a.png": (700, 1000), "b.png": (40, 70)}
    for number, (name, (height, width)) in enumerate(sizes.items()):
        (tmp_path / name).write_bytes(png(noise(number, height, width)))
    arguments = [str(tmp_path / name) for name in sizes]
    workdir = ["--workdir", str(tmp_path / "out")]
    assert main([*arguments, "--model", str(model_file), *workdir]) == 0
    assert [type(image) for image in drawn] == [np.ndarray] * 2
    assert [image.shape for image in drawn] == [(179, 256, 3), (40, 70, 3)]
    assert {image.dtype for image in drawn} == {np.dtype("uint8")}


def test_what_is_no_image_is_named_and_left_out(folder, model_file, capsys, caplog):
    (folder / "notes.txt").write_text("no image")
    shutil.copy(folder / "bee-1.png", folder / "$\\frac{a<b>.png")
    arguments = ["--model", str(model_file), "--workdir", str(folder / "out")]
    assert main([str(folder), *arguments, "--ten-crop"]) == 0
    assert str(folder / "notes.txt") not in capsys.readouterr().out
    assert "left out: corrupt, or not an image" in caplog.text
    (folder / "broken.jpg").write_bytes(b"\xff\xd8\xff")
    assert main([str(folder / "broken.jpg"), "--model", str(model_file)]) == 1
    assert "none of the files" in capsys.readouterr().err
    (folder / "empty").mkdir()
    assert main([str(folder / "empty"), "--model", str(model_file)]) == 2
