"""Makes images and a trained network for the tests of figures, and runs commands."""

import pytest

from tests.helpers.splits import noise, png
from tests.helpers.trees import write_tree


@pytest.fixture(scope="session")
def image_folder(tmp_path_factory):
    """A folder of noise, three images of each class of `model_file`; read only."""
    names = ("n02124075 Egyptian cat", "größer, 猫 \U0001f408", "bee", "dog")
    tree = {
        f"{split}/{name}/{number}.png": png(noise(number + 9 * i, 64, 64))
        for split in ("train", "val")
        for i, name in enumerate(names)
        for number in range(3)
    }
    return write_tree(tmp_path_factory.mktemp("images"), tree)


@pytest.fixture
def run(tmp_path, capsys):
    """Runs a command in `tmp_path / "out"`: (exit code, output, errors)."""

    def run(main, *argv):
        code = main([*map(str, argv), f"--workdir={tmp_path}/out"])
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        lines = [line.partition(": error: ") for line in err.splitlines()]
        return code, out, [message for _, mark, message in lines if mark]

    return run


@pytest.fixture
def refusal(run):
    """Runs a command that refuses its arguments; returns the line that says why."""

    def refusal(main, *argv):
        code, out, errors = run(main, *argv)
        assert (code, out, len(errors)) == (2, "", 1)
        return errors[0]

    return refusal


@pytest.fixture(scope="session")
def shapes_network(tmp_path_factory):
    """The file of a network trained on four classes of shapes, for slow tests."""
    from tests.helpers.networks import train_on_shapes

    path = tmp_path_factory.mktemp("shapes") / "model.keras"
    train_on_shapes()[0].save(path)
    return path
