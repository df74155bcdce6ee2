"""Every docstring's examples run; those of the exported API name every parameter."""

import doctest
import importlib
import inspect
import re
from pathlib import Path

import keras
import pytest

import transfer
import visualize
import zfkeras
import zfkeras.layers
from zfkeras.io.extras import EXTRAS

ROOT = Path(__file__).parent.parent
PATHS = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(
        ".__init__"
    ): path
    for package in ("zfkeras", "transfer", "visualize")
    for path in sorted((ROOT / package).rglob("*.py"))
}
WITH_EXAMPLES = [name for name, path in PATHS.items() if ">>> " in path.read_text()]
PUBLIC = {
    name: getattr(package, name)
    for package in (zfkeras, zfkeras.layers, transfer, visualize)
    for name in package.__all__
}


def imported(module_name):
    """The module, or a skip where what is missing is an extra."""
    try:
        return importlib.import_module(module_name)
    except ModuleNotFoundError as err:
        if err.name not in ("onnx", "onnxruntime", "torch"):
            raise
        pytest.skip(f"{err.name} is not installed: the extra {EXTRAS[err.name]}")


@pytest.mark.parametrize("module_name", WITH_EXAMPLES)
def test_examples_run(module_name):
    module = imported(module_name)
    names = {**PUBLIC, **vars(module), "keras": keras}
    tests = doctest.DocTestFinder().find(module, globs=names)
    runner = doctest.DocTestRunner(verbose=False)
    output = []
    for test in tests:
        runner.run(test, out=output.append)
    assert sum(len(test.examples) for test in tests) > 0
    assert not output, "".join(output)


def defined_in(module):
    """The public classes and functions of a module, and the methods of the classes."""
    for name, thing in vars(module).items():
        if name.startswith("_") or getattr(thing, "__module__", "") != module.__name__:
            continue
        if inspect.isclass(thing) or inspect.isfunction(inspect.unwrap(thing)):
            yield name, thing


def methods_of(cls):
    for name, member in vars(cls).items():
        function = inspect.unwrap(getattr(member, "__func__", member))
        if inspect.isfunction(function) and not name.startswith("_"):
            yield f"{cls.__name__}.{name}", function


def section(docstring, title):
    """The names that a section such as "Args" lists, `None` if there is none."""
    match = re.search(rf"^{title}:\n((?:    .*\n|\n)+)", docstring + "\n", re.MULTILINE)
    if match is None:
        return None
    entries = re.findall(r"^    (\S[^:]*):", match[1], re.MULTILINE)
    return {name.strip(" *`") for entry in entries for name in entry.split(",")}


def parameters(function):
    names = inspect.signature(function).parameters
    return {name for name in names if name not in ("self", "cls")}


def own_parameters(thing):
    """What a caller passes; nothing for a class that takes what its base takes."""
    if not inspect.isclass(thing):
        return parameters(thing)
    return parameters(thing.__init__) if "__init__" in vars(thing) else set()


def disagreements(name, thing):
    """Where the sections of a docstring and the signature name different things."""
    docstring = inspect.cleandoc(thing.__doc__ or "")
    pairs = [("Args", own_parameters(thing))]
    if inspect.isclass(thing) and issubclass(thing, keras.layers.Layer):
        pairs.append(("Call arguments", parameters(thing.call)))
    for title, wanted in pairs:
        found = section(docstring, title)
        if found is not None and found != wanted:
            yield f"{name}: {title} name {sorted(found)}, not {sorted(wanted)}"


def without_summary(name, thing):
    lines = inspect.cleandoc(thing.__doc__ or "").splitlines()
    return [] if lines and lines[0].endswith(".") else [f"{name}: {lines[:1]}"]


@pytest.mark.parametrize("module_name", PATHS)
def test_docstrings_begin_with_a_sentence(module_name):
    module = imported(module_name)
    bad = without_summary(module_name, module)
    for name, thing in defined_in(module):
        bad += without_summary(name, thing)
    assert not bad


@pytest.mark.parametrize("name", PUBLIC)
def test_public_names_document_every_parameter(name):
    thing = PUBLIC[name]
    assert not without_summary(name, thing)
    assert (section(inspect.cleandoc(thing.__doc__), "Args") or set()) == (
        own_parameters(thing)
    )


CLASSES = [name for name, thing in PUBLIC.items() if inspect.isclass(thing)]


@pytest.mark.parametrize("name", CLASSES)
def test_public_methods_document_no_other_parameters(name):
    bad = list(disagreements(name, PUBLIC[name]))
    for method_name, method in methods_of(PUBLIC[name]):
        bad += disagreements(method_name, method)
    assert not bad


def test_layers_document_what_they_are_called_with():
    for name in zfkeras.layers.__all__:
        layer = getattr(zfkeras.layers, name)
        found = section(inspect.cleandoc(layer.__doc__), "Call arguments")
        assert found == parameters(layer.call), name


def test_sections_are_read_as_they_are_written():
    docstring = inspect.cleandoc(
        """Does this.

        Args:
            first: one thing, not
                second: this is text.
            third, fourth: two things.
            **kwargs: the rest.

        Returns:
            (batch, channels): both.
        """
    )
    assert section(docstring, "Args") == {"first", "third", "fourth", "kwargs"}
    assert section(docstring, "Raises") is None
