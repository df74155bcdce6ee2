import shutil

import pytest

from tests.helpers.networks import make_classifier
from tests.helpers.page_reader import PageReader
from tests.helpers.records import read_results
from tests.helpers.splits import noise, png
from tests.helpers.trees import write_tree
from visualize.report import main
from visualize.report.catalogue import FIGURES
from zfkeras.data.sources.photographs import photographs as photographs_of_the_package
from zfkeras.errors import RunError, UsageError
from zfkeras.io.files import write_json

NAMES = ("<script>document.title=1<", '"onerror="x', "größer, 猫", "n02124075 cat")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    tree = {
        f"{split}/{name}/{number} <b>.png": png(noise(number + 9 * i, 64, 64))
        for split in ("train", "val")
        for i, name in enumerate(NAMES)
        for number in range(4)
    }
    tree[f"val/{NAMES[2]}/9.png"] = "no picture"
    return write_tree(tmp_path_factory.mktemp("images"), tree)


@pytest.fixture(scope="module")
def model_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "model.keras"
    make_classifier(1, NAMES).save(path)
    return path


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory):
    run = tmp_path_factory.mktemp("run")
    (run / "snapshots").mkdir()
    for seed, epoch in enumerate((1, 5)):
        path = run / "snapshots" / f"epoch-{epoch:03d}.keras"
        make_classifier(seed, NAMES).save(path)
    return run


@pytest.fixture(scope="module")
def words(folder, model_file):
    return [
        f"--model={model_file}",
        f"--data=folder:{folder}",
        "--layers=1,conv3",
        "--channels=2",
        "--quick",
        "--max-bad-fraction=0.1",
    ]


@pytest.fixture(autouse=True, scope="module")
def few_figures():
    """Two figures stand for all in what is not slow."""
    few = tuple(f for f in FIGURES if f.key in ("evolution", "filters"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("visualize.report.gathering.FIGURES", few)
        yield


@pytest.fixture(scope="module")
def made(words, tmp_path_factory):
    """The workdir of a report, for tests that only read it."""
    workdir = tmp_path_factory.mktemp("report")
    assert main([*words, f"--workdir={workdir}"]) == 0
    return workdir


def read_page(workdir):
    return PageReader((workdir / "report.html").read_text("utf-8"))


def refuse(*_, **__):
    raise AssertionError("this was made before")


def test_the_page_gathers_what_can_be_made(made):
    read = read_page(made)
    text = read.text
    ids = {attributes.get("id") for _, attributes in read.elements}
    assert {"gallery", "filters", "provenance"} <= ids
    assert "Layer 1 (norm1)" in text and "Layer conv3" in text
    assert "Table 3: what each part contributes trains ZFNet without" in text
    assert "17 validation images of " in text and ", in 4 classes." in text
    cards = [li for li in read.all("li") if li.get("class") == "card"]
    assert len(cards) == 4
    record = read_results(made / "features", "gallery")
    channels = [f["channel"] for layer in record["layers"] for f in layer["features"]]
    assert [int(card["data-channel"]) for card in cards] == channels
    for layer in record["layers"]:
        for feature in layer["features"]:
            for row in feature["top"]:
                assert f"{row['activation']:.2f}" in text
                assert row["image_id"] in text
    network = make_classifier(1, NAMES).model
    assert f"parameters {network.count_params():,}" in text
    assert "top-1 error" not in text  # nobody has measured it
    assert "input 56 x 56" in text
    # In the gallery and in Fig. 6.
    assert text.count("1 image could not be read and took no part.") == 2


def test_the_results_list_the_sections_and_what_was_left_out(made):
    record = read_results(made, "report")
    assert record["page"] == "report.html" and record["split"] == "validation"
    gallery, filters = record["sections"]
    assert gallery["folder"] == "features"
    assert gallery["record"] == "features/gallery.json"
    assert len(gallery["pictures"]) == 8  # two for each of two channels, two layers
    assert filters == {
        "title": "Fig. 6: filters of the first layer",
        "finding": filters["finding"],
        "folder": "filters",
        "record": "filters/filters.json",
        "pictures": ["filters/filters.png", "filters/layer2.png"],
    }
    read = read_page(made)
    for section in record["sections"]:
        assert section["title"] in read.text
        assert section["finding"] and section["finding"][0] in read.text
        for name in (section["record"], *section["pictures"]):
            assert (made / name).is_file()
    left_out = {entry["title"]: entry for entry in record["left_out"]}
    evolution = left_out["Fig. 4: how features evolve during training"]
    assert "--run" in evolution["reason"] and not evolution["failed"]
    assert len(left_out) == 3  # no run, no ablation, no tables of transfer


def test_names_of_classes_and_files_do_nothing(made):
    read = read_page(made)
    assert len(read.all("script")) == 1
    assert not any(name.startswith("on") for _, a in read.elements for name in a)
    for name in NAMES:
        assert name in read.text
    assert all(image["src"].startswith("data:image/") for image in read.all("img"))


def test_a_rerun_makes_nothing_again(words, made, monkeypatch, capsys):
    monkeypatch.setattr("visualize.filters.make_figure", refuse)
    monkeypatch.setattr("visualize.report.gathering.make_gallery", refuse)
    before = read_page(made)
    assert main([*words, f"--workdir={made}"]) == 0
    assert read_page(made).all("img") == before.all("img")
    out, err = capsys.readouterr()
    assert f"report in {made}/report.html" in out
    assert "Traceback" not in err


def damage(args):
    write_tree(args.workdir, {"filters.json": b'{"networks": ['})


def forget_the_picture(args):
    write_tree(args.workdir, {"filters.json": b'{"networks": []}'})


def fail(_):
    raise RunError("out of luck")


def stumble(_):
    raise ZeroDivisionError("by zero")


@pytest.mark.parametrize(
    ("behave", "message"),
    [
        (damage, "cannot read what is in"),
        (forget_the_picture, "none of filters.png, layer2.png is there"),
        (fail, "out of luck"),
        (stumble, "failed: ZeroDivisionError: by zero"),
    ],
)
def test_a_broken_figure_is_named_and_the_rest_is_made(
    words, tmp_path, monkeypatch, capsys, behave, message
):
    def no_gallery(*_, **__):
        raise UsageError("not in this test")

    monkeypatch.setattr("visualize.filters.make_figure", behave)
    monkeypatch.setattr("visualize.report.gathering.make_gallery", no_gallery)
    assert main([*words, f"--workdir={tmp_path}"]) == 1
    read = read_page(tmp_path)
    assert message in read.text and "not in this test" in read.text
    left_out = {e["title"]: e for e in read_results(tmp_path, "report")["left_out"]}
    entry = left_out["Fig. 6: filters of the first layer"]
    assert message in entry["reason"] and entry["failed"]
    assert "provenance" in {attributes.get("id") for _, attributes in read.elements}
    errors = [
        line for line in capsys.readouterr().err.splitlines() if "error: " in line
    ]
    assert len(errors) == 1 and "Fig. 6: filters of the first layer" in errors[0]


def test_what_the_report_cannot_do_without_ends_it(words, tmp_path, capsys):
    for argv, message in (
        ([words[0], "--data=folder:nowhere"], "does not exist"),
        ([*words[:2], "--split=test"], "split must be one of"),
        ([*words[:2], "--layers=1,conv9"], "Received: layer='conv9'"),
        ([*words[:2], "--run=typo"], "--run must be a training's workdir"),
    ):
        assert main([*argv, f"--workdir={tmp_path / 'none'}"]) == 2
        errors = capsys.readouterr().err.splitlines()
        assert sum(": error: " in line for line in errors) == 1
        assert message in errors[-1]
    assert not (tmp_path / "none").exists()


@pytest.mark.slow
def test_the_shipped_network_on_photographs(photographs, tmp_path, monkeypatch):
    monkeypatch.setattr("visualize.report.gathering.FIGURES", FIGURES)
    argv = [
        f"--data=tiny-imagenet:{photographs}/tiny-imagenet-200-subset.zip",
        f"--parts={photographs}/dog-parts.json",
        f"--parts-images={photographs}/imagenet-photographs.zip",
        "--quick",
    ]
    assert main([*argv, f"--workdir={tmp_path}"]) == 0
    assert (tmp_path / "report.html").stat().st_size < 8e6
    read = read_page(tmp_path)
    ids = {attributes.get("id") for _, attributes in read.elements}
    assert {figure.key for figure in FIGURES} - ids == {"evolution"}
    assert "top-1 error" in read.text and "3,424,328" in read.text
    assert "right eye" in read.text


@pytest.mark.slow
def test_the_report_on_what_is_built_in(tmp_path, monkeypatch):
    monkeypatch.setattr("visualize.report.gathering.FIGURES", FIGURES)
    assert main(["--quick", f"--workdir={tmp_path}"]) == 0
    read = read_page(tmp_path)
    ids = {attributes.get("id") for _, attributes in read.elements}
    assert {figure.key for figure in FIGURES} - ids == {"evolution"}
    assert "crops of 67 photographs" in read.text
    assert "one activation per photograph" in read.text
    for photo in photographs_of_the_package():
        assert {photo.title, photo.author, photo.licence} <= {*read.texts}
        assert photo.source in read.addresses


@pytest.mark.slow
def test_a_run_and_its_network_stand_in_the_page(
    words, run_folder, model_file, tmp_path
):
    config = {
        "name": "tiny",
        "model": {"variant": "zfnet_quarter", "weights": None},
        "data": {"source": "shapes"},
    }
    rates = {"num_images": 9, "centre_crop": {"top1_error": 0.25}}
    results = {"epochs": 5, "model": "model.keras", "validation": rates}
    run = shutil.copytree(run_folder, tmp_path / "run")
    write_json(run / "config.json", {"config": config})
    write_json(run / "results.json", results)
    argv = [*words, f"--run={run}", f"--compare={model_file}"]
    assert main([*argv, f"--workdir={tmp_path / 'report'}"]) == 0
    read = read_page(tmp_path / "report")
    assert "Training: tiny on shapes" in read.text and "75.0 %" in read.text
    assert "starting from random weights" in read.text
    record = read_results(tmp_path / "report", "report")
    titles = [section["title"].partition(":")[0] for section in record["sections"]]
    assert titles == ["Fig. 2", "Training", "Fig. 4", "Fig. 6"]
