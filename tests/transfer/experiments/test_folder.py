import shutil

import numpy as np
import pytest

import zfkeras
from tests.helpers.records import read_results
from tests.helpers.splits import noise, png, shaded
from tests.helpers.trees import write_tree, write_zip
from transfer.experiments.folder_head import FolderHead
from transfer.folder import main
from transfer.plots.confusion import draw_confusion
from zfkeras.plots import save_figure

NAMES = ("ant", "bee")


def tree(number, prefix=""):
    return {
        f"{prefix}{name}/{i}.png": shaded(label, i + 100 * len(prefix), 66, 120)
        for label, name in enumerate(NAMES)
        for i in range(number)
    }


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    return write_tree(tmp_path_factory.mktemp("images"), tree(10))


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    """A folder of features that the tests of this file share."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def run(model_file, cache, tmp_path, capsys):
    def run(*arguments):
        places = ("--cache", cache, "--workdir", tmp_path / "out")
        code = main([*map(str, (*arguments, "--model", model_file, *places))])
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        return code, out, [row for row in err.splitlines() if ": error: " in row]

    return run


def record(tmp_path):
    return read_results(tmp_path / "out", "folder")


def test_a_folder_becomes_a_model_that_predicts(run, images, tmp_path):
    shown = images / "bee" / "3.png"
    code, out, errors = run(images, "--predict", shown)
    assert (code, errors) == (0, [])
    results = record(tmp_path)
    assert results["class_names"] == [*NAMES]
    assert (results["num_train"], results["num_test"]) == (16, 4)
    assert results["accuracy"] == results["mean_per_class_accuracy"] == 1
    assert results["confusion"] == [[2, 0], [0, 2]]
    assert results["mistakes"] == []
    # Previously the lowest of layers as good as each other, which has most features.
    assert results["layers"] == dict.fromkeys("12345", 1.0)
    assert results["layer"] == 5
    assert (tmp_path / "out" / "confusion.png").stat().st_size > 5_000
    lines = out.splitlines()
    place = lines.index(str(shown))
    assert lines[place + 1].split()[-1] == "bee"
    # The file answers by itself, as zfkeras.predict and --model take it.
    classifier = zfkeras.load(tmp_path / "out" / "model.keras")
    answers = classifier.predict([images / name / "1.png" for name in NAMES])
    assert answers.argmax(axis=1).tolist() == [0, 1]
    assert classifier.made["layer"] == results["layer"]


def test_one_class_alone_chooses_neither_layer_nor_c(run, tmp_path):
    # Previously the best of both were those that took everything for that class.
    files = {name: file for name, file in tree(8).items() if "bee" not in name}
    where = write_tree(tmp_path / "images", {**files, "bee/0.png": shaded(1, 0, 66)})
    assert run(where)[0] == 0
    results = record(tmp_path)
    assert (results["layer"], results["layers"], results["C"]) == (5, {}, 1)


def test_the_reported_accuracy_is_the_saved_models(run, tmp_path):
    # Labels that mean nothing, so that some test images are missed.
    files = {
        f"{name}/{i}.png": png(noise(10 * label + i, 64, 64))
        for label, name in enumerate(("a", "b", "c"))
        for i in range(10)
    }
    where = write_tree(tmp_path / "noise", files)
    code, out, _ = run(where, "--layer", 5, "--test-fraction", 0.4)
    assert code == 0
    results = record(tmp_path)
    assert results["num_test"] == 12
    assert results["layers"] == {} and results["layer"] == 5
    wrong = {row["file"]: row for row in results["mistakes"]}
    assert results["accuracy"] == pytest.approx(1 - len(wrong) / 12)
    assert np.trace(results["confusion"]) == 12 - len(wrong)
    assert len(wrong) > 0
    classifier = zfkeras.load(tmp_path / "out" / "model.keras")
    for file, row in wrong.items():
        answer = classifier.predict(where / file)[0].argmax()
        assert file.startswith(row["class"])
        assert classifier.class_names[answer] == row["answer"] != row["class"]
    assert " taken for " in out


@pytest.mark.parametrize("head", ["svm", "softmax"])
def test_a_divided_folder_is_tested_on_its_own_images(run, tmp_path, head):
    files = {**tree(6, "train/"), **tree(3, "val/"), **tree(1, "test/")}
    write_zip(tmp_path / "images.zip", files)
    arguments = (tmp_path / "images.zip", "--head", head, "--layer", 5)
    assert run(*arguments)[0] == 0
    results = record(tmp_path)
    assert (results["num_train"], results["num_test"]) == (12, 6)
    assert results["accuracy"] == 1


def test_a_second_run_only_predicts(run, images, tmp_path, monkeypatch):
    assert run(images, "--layer", 5)[0] == 0
    first = record(tmp_path)

    def refuse(*args, **kwargs):
        raise AssertionError("trained once more")

    monkeypatch.setattr(FolderHead, "run", refuse)
    assert run(images, "--layer", 5)[0] == 0
    shown = images / "ant" / "0.png"
    code, out, _ = run("--predict", shown)
    assert code == 0 and str(shown) in out
    assert record(tmp_path) == first
    with pytest.raises(AssertionError, match="once more"):
        run(images, "--layer", 5, "--seed", 1)


def test_that_another_network_s_result_is_replaced_is_said(
    run, images, tmp_path, caplog
):
    caplog.set_level("INFO")
    assert run(images, "--layer", "5")[0] == 0
    assert "replacing" not in caplog.text
    assert run(images, "--layer", "4")[0] == 0
    assert f"replacing what {tmp_path / 'out'} holds, of " in caplog.text
    assert "another --workdir keeps it" in caplog.text


@pytest.mark.parametrize("is_divided", [False, True])
def test_a_training_image_that_is_a_test_image_too_is_left_out(
    run, tmp_path, is_divided
):
    # Previously the head was tested on what it had learnt by heart.
    prefix = "train/" if is_divided else ""
    files = tree(10, prefix)
    if is_divided:
        files |= tree(3, "val/")
        files["val/bee/copy.png"] = files["train/ant/2.png"]  # of another class
    else:
        files |= {f"ant/copy-{i}.png": files[f"ant/{i}.png"] for i in range(10)}
    where = write_tree(tmp_path / "images", files)
    code, out, _ = run(where, "--layer", 5)
    assert code == 0
    results = record(tmp_path)
    left_out = results["copies_of_test_images"]
    assert f"left out: {left_out['count']} training images that are test" in out
    if is_divided:
        assert left_out == {"count": 1, "images": ["train/ant/2.png"]}
        assert (results["num_train"], results["num_test"]) == (19, 7)
    else:
        names = [name.replace("copy-", "") for name in left_out["images"]]
        assert 0 < left_out["count"] == len({*names}) <= results["num_test"] - 2
        assert results["num_train"] == 30 - results["num_test"] - left_out["count"]


def test_unreadable_images_are_left_out_and_counted(run, images, tmp_path):
    where = shutil.copytree(images, tmp_path / "images")
    (where / "ant" / "4.png").write_bytes(b"no image")
    code, out, _ = run(where, "--layer", 5, "--max-bad-fraction", 0.2)
    assert code == 0
    assert "left out: 1 unreadable images" in out
    bad_images = record(tmp_path)["bad_images"]
    assert bad_images["count"] == 1 and bad_images["images"].keys() == {"ant/4.png"}
    # Previously a run that found its features in the cache named none.
    assert run(where, "--layer", 5, "--max-bad-fraction", 0.2, "--head", "svm")[0] == 0
    assert record(tmp_path)["bad_images"] == bad_images
    assert run(where, "--layer", 5, "--seed", 1)[0] == 1  # one in twenty is too many
    code, _, errors = run(where, "--layer", 4)
    assert code == 1
    assert "ant/4.png" in errors[0] and len(errors) == 1


def test_bad_requests_are_one_line(run, images, tmp_path):
    lonely = write_tree(tmp_path / "lonely", tree(1))
    (tmp_path / "out").mkdir()
    no_photograph = tmp_path / "text.jpg"
    no_photograph.write_text("no image")
    for arguments, code, message in [
        ((tmp_path / "nowhere",), 2, "nowhere"),
        ((images, "--layer", "8"), 2, "layer must be one of"),
        ((lonely,), 2, "leaves no image to test on; add images or raise"),
        ((images, "--test-fraction", "0"), 2, "leaves no image to test on"),
        ((), 2, "PATH must be given"),
        (("--predict", images / "ant" / "0.png"), 2, "PATH must be given"),
        ((images, "--predict", "gone.jpg"), 2, "no such photograph: gone.jpg"),
        ((images, "--layer", 5, "--predict", no_photograph), 1, "--predict: "),
    ]:
        got, _, errors = run(*arguments)
        assert (got, len(errors)) == (code, 1), arguments
        assert message in errors[0]
    assert main([str(images), "--layer", "x"]) == 2


@pytest.mark.parametrize("number", [2, 30, 130])
def test_confusions_of_few_and_of_many_classes_are_drawn(tmp_path, number):
    confusion = np.eye(number, dtype=int) * 3
    confusion[0, 1] = 4
    confusion[1] = 0  # a class without a test image
    names = [f"$class number {i}$ with a long name" for i in range(number)]
    figure = draw_confusion(confusion, names, "title")
    path = save_figure(figure, tmp_path / "c.png")
    assert path.stat().st_size > 5_000


def test_a_damaged_model_is_trained_anew(run, images, tmp_path):
    # Previously the record vouched for it, and --predict refused it for good.
    assert run(images, "--layer", 5)[0] == 0
    model, before = tmp_path / "out" / "model.keras", record(tmp_path)
    content = model.read_bytes()
    model.write_bytes(content[: len(content) // 2])
    code, _, errors = run(images, "--layer", 5, "--predict", images / "bee" / "1.png")
    assert (code, errors) == (0, [])
    assert record(tmp_path)["confusion"] == before["confusion"]
    zfkeras.load(model)


def test_a_run_killed_between_model_and_record_leaves_no_pair_that_does_not_fit(
    run, images, tmp_path, monkeypatch
):
    from zfkeras.io import provenance

    def dies(*_):
        raise KeyboardInterrupt

    assert run(images, "--layer", 5)[0] == 0
    first = (tmp_path / "out" / "model.keras").read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(provenance, "write_record", dies)
        assert run(images, "--layer", 3)[0] == 1
    # Previously layer 5's record now vouched for layer 3's model.
    assert run(images, "--layer", 5)[0] == 0
    assert zfkeras.load(tmp_path / "out" / "model.keras").made["layer"] == 5
    assert len((tmp_path / "out" / "model.keras").read_bytes()) == len(first)
