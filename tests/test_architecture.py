"""The arrows between packages point down only (docs/architecture.md)."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MAY_IMPORT = {
    "zfkeras": {"zfkeras"},
    "transfer": {"transfer", "zfkeras"},
    "visualize": {"visualize", "zfkeras"},
}
# Inside zfkeras, lowest first: a package may import itself and what stands before it.
FLOORS = [
    "layers",
    "graph",
    "constraints",
    "data",
    "models",
    "conversion",
    "training",
    "configs",
]
SOURCES = [path for package in MAY_IMPORT for path in (ROOT / package).rglob("*.py")]


def imported_modules(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOT)))
def test_packages_import_only_themselves_and_zfkeras(path):
    package = path.relative_to(ROOT).parts[0]
    imported = {name.split(".")[0] for name in imported_modules(path)}
    foreign = (imported & set(MAY_IMPORT)) - MAY_IMPORT[package]
    assert not foreign, f"{path} imports {foreign}"


def floor_of(parts):
    name = parts[1].removesuffix(".py") if len(parts) > 1 else ""
    return FLOORS.index(name) if name in FLOORS else None


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOT)))
def test_inside_zfkeras_arrows_point_down(path):
    parts = path.relative_to(ROOT).parts
    floor = floor_of(parts)
    if parts[0] != "zfkeras" or floor is None:
        pytest.skip("not on a floor of zfkeras")
    for name in imported_modules(path):
        words = name.split(".")
        other = floor_of(words) if words[0] == "zfkeras" else None
        assert other is None or other <= floor, f"{path} imports {name}"


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOT)))
def test_private_names_stay_in_their_package(path):
    for name in imported_modules(path):
        words = name.split(".")
        private = [n for n, w in enumerate(words) if w[0] == "_" and w[:2] != "__"]
        if words[0] not in MAY_IMPORT or not private:
            continue
        owner = ROOT.joinpath(*words[: private[0]])
        owner = owner if owner.is_dir() else owner.parent
        assert path.is_relative_to(owner), f"{path} imports {name}"


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOT)))
def test_only_render_modules_import_matplotlib(path):
    uses = any(name.split(".")[0] == "matplotlib" for name in imported_modules(path))
    assert not uses or "render" in (path.stem, path.parent.name)


def test_requirements_cover_every_import():
    import sys

    known = {
        line.split(">")[0].split("=")[0].split("<")[0].strip().replace("-", "_").lower()
        for name in (
            "requirements.txt",
            "requirements-onnx.txt",
            "requirements-beam.txt",
        )
        for line in (ROOT / name).read_text().splitlines()
        if line and not line.startswith("#")
    }
    names = {"pil": "pillow", "sklearn": "scikit_learn", "google": "protobuf"}
    modules = [name for path in SOURCES for name in imported_modules(path)]
    imported = {name.split(".")[0].lower() for name in modules}
    stdlib = {name.lower() for name in sys.stdlib_module_names}
    foreign = {names.get(name, name) for name in imported - stdlib - set(MAY_IMPORT)}
    assert foreign <= known, f"in no requirements file: {foreign - known}"
