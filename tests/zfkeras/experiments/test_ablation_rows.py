import dataclasses

import pytest

from tests.helpers.runs import image_folder, tiny_config
from zfkeras.errors import UsageError
from zfkeras.experiments import ablation_rows
from zfkeras.experiments.ablation_rows import train_rows
from zfkeras.passes.context import Context
from zfkeras.training.run_data import carved, open_data

VARIANTS = ["zfnet_quarter_without_6_7", "zfnet_quarter_without_3_4_6_7"]


@pytest.fixture
def quick(tmp_path):
    """A recipe of one epoch."""
    image_folder(tmp_path / "images" / "train", per_class=12)
    image_folder(tmp_path / "images" / "val", per_class=5)
    (tmp_path / "list").write_text("train/cat/03.jpg\ntrain/dog/07.jpg\n")
    data = {"leave_out": str(tmp_path / "list"), "validation_fraction": 0.2}
    return tiny_config(tmp_path / "images", data=data)


def test_rows_are_trained_measured_and_not_trained_twice(quick, tmp_path, monkeypatch):
    learnt, original = [], ablation_rows.evaluate

    def evaluate(classifiers, source, split, **options):
        rows = split.stream().as_numpy_iterator()
        learnt.append(sorted(row["id"].decode() for row in rows))
        return original(classifiers, source, split, **options)

    monkeypatch.setattr(ablation_rows, "evaluate", evaluate)
    context = Context(tmp_path / "out")
    rows = train_rows(quick, VARIANTS, context)
    assert [row["variant"] for row in rows] == VARIANTS
    assert [row["num_images"] for row in rows] == [10, 10]
    assert rows[1]["parameters"] < rows[0]["parameters"]
    # The training error is that of the images learnt from: none left out or held out.
    train, _ = carved(quick, open_data(quick))
    assert learnt == [sorted(name.decode() for name in train.names)] * 2

    monkeypatch.setattr(ablation_rows, "run_experiment", None)  # nothing is trained
    assert train_rows(quick, VARIANTS, context) == rows
    with pytest.raises(TypeError):  # another budget is another experiment
        train_rows(dataclasses.replace(quick, epochs=2), VARIANTS, context)


def test_without_validation_images_there_is_no_table(tmp_path):
    config = tiny_config(image_folder(tmp_path / "images", per_class=2))
    with pytest.raises(UsageError) as caught:
        train_rows(config, VARIANTS[:1], Context(tmp_path / "out"))
    assert caught.value.argument == "--data"
    assert not (tmp_path / "out").exists()
