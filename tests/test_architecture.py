"""The house of docs/architecture.md: arrows point down, and each folder is one idea."""

import ast
import importlib
import re
import sys
import tomllib
from pathlib import Path

import pytest

from zfkeras.io.extras import EXTRAS

ROOT = Path(__file__).parent.parent
# Of each package the folders, lowest first: each imports itself and what stands before.
# Folders on one line do not import each other.
FLOORS = {
    "zfkeras": [
        ["errors", "layers"],
        ["io", "graph"],
        ["data", "records"],
        ["cli", "models", "plots"],
        ["conversion", "training", "passes"],
        ["configs"],
        ["experiments"],
    ],
    "transfer": [
        ["protocols"],
        ["plots", "heads"],
        ["features", "reports"],
        ["experiments"],
    ],
    "visualize": [
        ["deconvnet"],
        ["images"],
        ["strongest"],
        ["figures"],
        ["explore"],
        ["report"],
    ],
}
MOST_ENTRIES = 16
MOST_LINES = 320
SOURCES = [path for package in FLOORS for path in (ROOT / package).rglob("*.py")]


def imported_modules(path):
    """The modules a file imports when it runs, those for type checkers left out."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for_types = {
        id(node)
        for block in ast.walk(tree)
        if isinstance(block, ast.If) and ast.unparse(block.test) == "TYPE_CHECKING"
        for node in ast.walk(block)
    }
    for node in ast.walk(tree):
        if id(node) in for_types:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def floor_of(words):
    """The floor of a module; commands at a package's top stand above all."""
    floors = FLOORS[words[0]]
    for number, names in enumerate(floors):
        if len(words) > 1 and words[1].removesuffix(".py") in names:
            return number
    return len(floors)


def test_arrows_point_down():
    wrong = []
    for path in SOURCES:
        parts = path.relative_to(ROOT).parts
        for name in imported_modules(path):
            words = name.split(".")
            if words[0] not in FLOORS:
                continue
            if words[0] != parts[0]:
                is_down = words[0] == "zfkeras"
            elif words[1:2] == [parts[1].removesuffix(".py")]:
                continue
            else:
                is_down = floor_of(words) < floor_of(parts)
            if not is_down:
                wrong.append(f"{path.relative_to(ROOT)} imports {name}")
    assert not wrong, "\n".join(wrong)


def test_folders_are_tables_of_contents():
    folders = {path.parent for path in SOURCES}
    entries = {
        str(folder.relative_to(ROOT)): len(
            [p for p in folder.iterdir() if p.name[0] not in "_." and p.suffix != ".md"]
        )
        for folder in folders
        if folder.name != "photographs" and folder.parent != ROOT
    }
    assert {name: n for name, n in entries.items() if n > MOST_ENTRIES} == {}


def test_files_and_commands_are_short():
    lengths = {
        str(path.relative_to(ROOT)): len(path.read_text("utf-8").splitlines())
        for path in SOURCES
    }
    assert {name: n for name, n in lengths.items() if n > MOST_LINES} == {}


def test_private_names_stay_in_their_package():
    wrong = []
    for path in SOURCES:
        for name in imported_modules(path):
            words = name.split(".")
            private = [n for n, w in enumerate(words) if w[0] == "_" and w[:2] != "__"]
            if words[0] not in FLOORS or not private:
                continue
            owner = ROOT.joinpath(*words[: private[0]])
            owner = owner if owner.is_dir() else owner.parent
            if not path.is_relative_to(owner):
                wrong.append(f"{path.relative_to(ROOT)} imports {name}")
    assert not wrong, "\n".join(wrong)


def test_only_plots_import_matplotlib():
    users = [
        str(path.relative_to(ROOT))
        for path in SOURCES
        if any(name.split(".")[0] == "matplotlib" for name in imported_modules(path))
    ]
    drawing = ("/plot", "/marks")
    assert [name for name in users if not any(one in name for one in drawing)] == []


def test_every_import_is_a_dependency_or_in_the_extra_that_errors_name():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    parts = {"": project["dependencies"], **project["optional-dependencies"]}
    named = {
        extra: {re.split(r"[<>=\[]", line)[0].replace("-", "_") for line in lines}
        for extra, lines in parts.items()
    }
    names = {"PIL": "pillow", "sklearn": "scikit_learn", "google": "protobuf"}
    modules = [name for path in SOURCES for name in imported_modules(path)]
    foreign = {name.split(".")[0] for name in modules} - sys.stdlib_module_names
    wrong = {
        name
        for name in foreign - FLOORS.keys()
        if names.get(name, name) not in named[EXTRAS.get(name, "")]
    }
    assert wrong == set()
    assert EXTRAS.keys() <= foreign | {"tensorboard"}  # which tf.summary imports


@pytest.mark.parametrize("package", FLOORS)
def test_every_folder_has_a_floor(package):
    folders = {path.parent.name for path in (ROOT / package).glob("*/*.py")}
    assert folders <= {name for floor in FLOORS[package] for name in floor}


def test_types_are_checked_where_exported_names_live():
    config = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["mypy"]
    homes = {f"{package}/__init__.py" for package in FLOORS}
    for package in FLOORS:
        for module in importlib.import_module(package)._HOMES.values():
            path = module.replace(".", "/")
            is_folder = (ROOT / path).is_dir()
            homes.add(f"{path}/__init__.py" if is_folder else f"{path}.py")
    assert sorted(config["files"]) == sorted(homes)
