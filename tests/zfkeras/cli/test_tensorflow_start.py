import os
import subprocess
import sys

import pytest

from zfkeras.cli.tensorflow_start import import_tensorflow_quietly


@pytest.mark.parametrize(("before", "after"), [(None, "1"), ("0", "0")])
def test_onednn_is_on_unless_the_user_says_otherwise(before, after, monkeypatch):
    monkeypatch.delenv("TF_ENABLE_ONEDNN_OPTS", raising=False)
    if before is not None:
        monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", before)
    import_tensorflow_quietly()
    assert os.environ["TF_ENABLE_ONEDNN_OPTS"] == after


@pytest.mark.parametrize(
    ("program", "found"), [("bin/zfkeras", "False"), ("my_figure.py", "True")]
)
def test_keras_finds_sklearn_in_programs_that_are_no_command_of_ours(
    program, found, tmp_path
):
    (tmp_path / "sklearn.py").touch()
    (tmp_path / "tensorflow.py").write_text(
        "import gc\n"
        "try:\n"
        "    import sklearn\n"
        "    found = True\n"
        "except ImportError:\n"
        "    found = False\n"
        "print(found, gc.isenabled())\n"
    )
    (tmp_path / "run.py").write_text(
        "import gc, sys\n"
        f"sys.argv[0] = {program!r}\n"
        "from zfkeras.cli.tensorflow_start import import_tensorflow_quietly\n"
        "import_tensorflow_quietly()\n"
        "import sklearn\n"
        "print(gc.isenabled())\n"
    )
    run = subprocess.run(
        [sys.executable, tmp_path / "run.py"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout.split() == [found, "False", "True"]
