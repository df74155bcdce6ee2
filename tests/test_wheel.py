"""The wheel, in an empty environment and away from the checkout."""

import os
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PHOTOGRAPH = ROOT / "zfkeras/data/sources/photographs/goldfish.jpg"
pytestmark = pytest.mark.slow


def run(*words, **settings):
    """Runs a program; returns what it prints."""
    environment = {
        key: value for key, value in os.environ.items() if key != "PYTHONPATH"
    }
    done = subprocess.run(
        [str(word) for word in words],
        capture_output=True,
        text=True,
        env=environment,
        **settings,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Builds the wheel of a copy of what is committed: `build/` would add old files."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    run("git", "clone", "--quiet", ROOT, source)
    run(sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", folder, source)
    (made,) = folder.glob("*.whl")
    return made


@pytest.fixture(scope="module")
def scripts(wheel, tmp_path_factory):
    """Installs the wheel with everything into an environment of its own."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=True)
    run(folder / "bin/pip", "install", "-q", f"{wheel}[all]")
    return folder / "bin"


def test_its_top_level_names(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    tops = {name.split("/")[0] for name in names} - {"zfkeras-0.1.0.dist-info"}
    assert tops == {"zfkeras", "transfer", "visualize"}
    for part in (
        "zfkeras/models/weights/zfnet_quarter_tiny_imagenet.keras",
        "zfkeras/py.typed",
        "visualize/report/templates/report.html.j2",
    ):
        assert part in names
    assert wheel.stat().st_size < 20e6


def test_it_predicts_projects_and_draws_in_a_folder_with_files_of_our_names(
    scripts, tmp_path
):
    for name in ("visualize.py", "transfer.py"):
        (tmp_path / name).write_text("raise SystemExit('the user s own')\n")
    program = scripts / "zfkeras"
    told = run(program, "predict", PHOTOGRAPH, cwd=tmp_path)
    assert "goldfish" in told
    out = tmp_path / "out"
    run(program, "project", PHOTOGRAPH, "--layer", "5", "--workdir", out, cwd=tmp_path)
    assert (out / "results.json").exists() and [*out.glob("*.png")]
    run(program, "filters", "--workdir", tmp_path / "filters", cwd=tmp_path)
    assert (tmp_path / "filters" / "filters.png").exists()
