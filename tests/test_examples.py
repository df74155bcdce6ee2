"""The notebooks of examples/ run from the first cell to the last, and are stripped."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
NOTEBOOKS = sorted((ROOT / "examples").glob("*.ipynb"))
# The cells of one notebook in one namespace, without Jupyter.
RUN = """
import json, sys
for cell in json.load(open(sys.argv[1], encoding="utf-8"))["cells"]:
    if cell["cell_type"] == "code":
        exec("".join(cell["source"]))
"""


def cells_of(notebook):
    return json.loads(notebook.read_text("utf-8"))["cells"]


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_outputs_are_stripped(notebook):
    code = [cell for cell in cells_of(notebook) if cell["cell_type"] == "code"]
    assert code
    for cell in code:
        assert cell["outputs"] == []
        assert cell["execution_count"] is None


def test_the_list_of_notebooks_is_complete():
    listed = (ROOT / "examples" / "README.md").read_text("utf-8")
    assert [path.name for path in NOTEBOOKS if f"](./{path.name})" not in listed] == []


@pytest.mark.slow
@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_runs_whole(notebook, tmp_path):
    command = [sys.executable, "-c", RUN, str(notebook)]
    paths = {"PYTHONPATH": str(ROOT), "MPLBACKEND": "Agg"}
    ended = subprocess.run(
        command, cwd=tmp_path, env=os.environ | paths, capture_output=True, text=True
    )
    assert ended.returncode == 0, ended.stderr[-2000:]
