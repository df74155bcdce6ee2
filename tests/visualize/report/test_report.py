import pytest

from tests.helpers.networks import make_classifier
from tests.helpers.page_reader import PageReader
from tests.helpers.records import read_results
from tests.helpers.splits import noise, png
from tests.helpers.trees import write_tree
from tests.model_files import kinds
from visualize.figures.catalogue import FIGURES
from visualize.figures.features.figure import FeatureSettings
from visualize.figures.figure import Figure
from visualize.report import main
from zfkeras.data.sources.photographs import photographs as photographs_of_the_package
from zfkeras.errors import RunError
from zfkeras.records import Record

NAMES = ("<script>document.title=1<", '"onerror="x', "größer, 猫", "n02124075 cat")
FEW = {key: FIGURES[key] for key in ("evolution", "filters")}


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
def network(tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "model.keras"
    make_classifier(1, NAMES).save(path)
    return path


@pytest.fixture(scope="module")
def words(folder, network):
    words = ["--layers=1,conv3", "--channels=2", "--quick", "--max-bad-fraction=0.1"]
    return [f"--model={network}", f"--data=folder:{folder}", *words]


@pytest.fixture(autouse=True, scope="module")
def few_figures():
    """Two figures stand for all in what is not slow."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("visualize.report.gathering.FIGURES", FEW)
        yield


@pytest.fixture(scope="module")
def made(words, tmp_path_factory):
    """The workdir of a report, for tests that only read it."""
    workdir = tmp_path_factory.mktemp("report")
    assert main([*words, f"--workdir={workdir}"]) == 0
    return workdir


def read_page(workdir):
    return PageReader((workdir / "report.html").read_text("utf-8"))


def ids_of(read):
    return {attributes.get("id") for _, attributes in read.elements}


def test_the_page_gathers_what_can_be_made(made, network):
    read = read_page(made)
    text = read.text
    assert {"gallery", "filters", "provenance"} <= ids_of(read)
    assert "Layer 1 (norm1)" in text and "Layer conv3" in text
    assert "17 validation images of " in text and ", in 4 classes." in text
    record = read_results(made / "gallery", "gallery")
    features = [one for layer in record["layers"] for one in layer["features"]]
    cards = [li for li in read.all("li") if li.get("class") == "card"]
    assert len(cards) == 4
    assert [int(card["data-channel"]) for card in cards] == [
        one["channel"] for one in features
    ]
    for row in (row for one in features for row in one["top"]):
        assert f"{row['activation']:.2f}" in text and row["image_id"] in text
    parameters = make_classifier(1, NAMES).model.count_params()
    assert f"parameters {parameters:,}" in text and "input 56 x 56" in text
    assert "top-1 error" not in text  # nobody has measured it
    # In the gallery and in Fig. 6.
    assert text.count("1 image could not be read and took no part.") == 2


def test_the_results_list_the_sections_and_what_was_left_out(made):
    record = read_results(made, "report")
    assert record["page"] == "report.html" and record["settings"]["quick"]
    explorer = (made / record["explorer"]).read_text("utf-8")
    assert "<script>document.title=1" not in explorer
    assert 'href="explorer.html"' in (made / "report.html").read_text("utf-8")
    gallery, filters = record["sections"]
    assert gallery["record"] == "gallery/gallery.json"
    assert len(gallery["pictures"]) == 8  # two for each of two channels, two layers
    assert filters["title"] == FIGURES["filters"].title
    assert filters["pictures"] == ["filters/filters.png", "filters/layer2.png"]
    read = read_page(made)
    for section in record["sections"]:
        assert section["title"] in read.text and section["findings"][0] in read.text
        for name in (section["record"], *section["pictures"]):
            assert (made / name).is_file()
    # No run, no ablation, no tables of transfer.
    left_out = {entry["title"]: entry for entry in record["left_out"]}
    assert len(left_out) == 3
    evolution = left_out[FIGURES["evolution"].title]
    assert "--run" in evolution["reason"] and not evolution["failed"]


def test_a_plain_file_is_read_as_it_is_said_in_every_figure(folder, tmp_path):
    model = kinds.saved(kinds.network(), tmp_path / "plain")
    (tmp_path / "names").write_text("\n".join("abcd"))
    words = [f"--model={model}", f"--data=folder:{folder}", "--quick", "--inputs=tf"]
    words += [f"--class-names={tmp_path / 'names'}", "--max-bad-fraction=0.1"]
    assert main([*words, f"--workdir={tmp_path / 'report'}"]) == 0
    record = read_results(tmp_path / "report", "report")
    assert len(record["sections"]) == 2  # the gallery and the filters
    gallery = read_results(tmp_path / "report" / "gallery", "gallery")
    assert gallery["settings"]["class_names"] == str(tmp_path / "names")


def test_a_rerun_makes_nothing_again(words, made, monkeypatch):
    before = read_page(made)
    monkeypatch.setattr(Figure, "make", None)
    assert main([*words, f"--workdir={made}"]) == 0
    assert read_page(made).all("img") == before.all("img")


def forget_the_picture(context, settings):
    return Record({}, [], pictures={"x.png": None})


def fail(context, settings):
    raise RunError("out of luck")


def stumble(context, settings):
    raise ZeroDivisionError("by zero")


@pytest.mark.parametrize(
    ("measure", "message"),
    [
        (forget_the_picture, "x.png"),
        (fail, "out of luck"),
        (stumble, "failed: ZeroDivisionError: by zero"),
    ],
)
def test_a_broken_figure_is_named_and_the_rest_is_made(
    words, tmp_path, monkeypatch, capsys, measure, message
):
    broken = Figure(
        key="broken",
        title="Fig. 0: broken",
        description="",
        settings=FeatureSettings,
        measure=measure,
    )
    figures = {"broken": broken, "evolution": FIGURES["evolution"]}
    monkeypatch.setattr("visualize.report.gathering.FIGURES", figures)
    monkeypatch.setattr("visualize.report.gathering.GALLERY", FIGURES["evolution"])
    assert main([*words, f"--workdir={tmp_path}"]) == 1
    read = read_page(tmp_path)
    assert message in read.text and "provenance" in ids_of(read)
    left_out = {e["title"]: e for e in read_results(tmp_path, "report")["left_out"]}
    entry = left_out[broken.title]
    assert message in entry["reason"] and entry["failed"]
    lines = capsys.readouterr().err.splitlines()
    (error,) = [line for line in lines if "error: " in line]
    assert broken.title in error


@pytest.mark.parametrize(
    ("word", "named"),
    [
        ("--split=test", "split"),
        ("--layers=1,conv9", "conv9"),
        ("--run=typo", "--run"),
        ("--compare=typo.keras", "--compare"),
    ],
)
def test_what_the_report_cannot_do_without_ends_it(
    refusal, words, tmp_path, word, named
):
    assert named in refusal(main, *words[:2], word)
    assert not (tmp_path / "out").exists()


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
    assert {*FIGURES} - ids_of(read) == {"evolution"}
    assert "top-1 error" in read.text and "3,424,328" in read.text
    assert "right eye" in read.text


@pytest.mark.slow
def test_the_report_on_what_is_built_in(tmp_path, monkeypatch):
    monkeypatch.setattr("visualize.report.gathering.FIGURES", FIGURES)
    assert main(["--quick", f"--workdir={tmp_path}"]) == 0
    read = read_page(tmp_path)
    assert {*FIGURES} - ids_of(read) == {"evolution"}
    assert "crops of 67 photographs" in read.text
    assert "one activation per photograph" in read.text
    for photo in photographs_of_the_package():
        assert {photo.title, photo.author, photo.licence} <= {*read.texts}
        assert photo.source in read.addresses
