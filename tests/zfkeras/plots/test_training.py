import numpy as np
from PIL import Image

from zfkeras.plots import training
from zfkeras.plots.training import draw_training_log


def row(epoch, **more):
    return {
        "epoch": epoch,
        "learning_rate": 0.1 / epoch,
        "train_loss": 3.0 / epoch,
        "train_top1_error": 0.9 / epoch,
        **more,
    }


def test_curves_are_drawn_with_and_without_held_out_images(tmp_path):
    # An orange curve stands for the held-out images, and only for them.
    for held_out, name in ((True, "with.png"), (False, "without.png")):
        more = {"validation_top1_error": 0.7, "validation_top5_error": 0.4}
        rows = [row(epoch, **(more if held_out else {})) for epoch in (1, 2, 3)]
        path = draw_training_log(rows, tmp_path / name, "run $1")
        pixels = np.asarray(Image.open(path).convert("RGB")).astype(int)
        orange = np.abs(pixels - (0xD5, 0x5E, 0x00)).sum(axis=-1) < 10
        assert orange.any() == held_out


def test_epochs_are_whole_and_a_top_5_error_of_few_classes_is_left_out(
    tmp_path, monkeypatch
):
    drawn = []
    monkeypatch.setattr(training, "save_figure", lambda f, _: drawn.append(f))
    for error in (0.0, 0.1):
        more = {"validation_top1_error": 0.0, "validation_top5_error": error}
        draw_training_log([row(1, **more), row(2, **more)], tmp_path / "x.png", "run")
    for figure, number in zip(drawn, (2, 3), strict=True):
        errors, losses, _ = figure.axes
        assert len(errors.lines) == number
        for axes in (errors, losses):
            assert all(tick == int(tick) for tick in axes.get_xticks())
