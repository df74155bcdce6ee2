"""The file of a small network, for the tests of what reads such files."""

from pathlib import Path

import pytest

CLASS_NAMES = ("n02124075 Egyptian cat", "größer, 猫 \U0001f408", "bee", "dog")


@pytest.fixture(scope="session")
def model_file(tmp_path_factory) -> Path:
    """The file of an untrained network of `CLASS_NAMES`; to be read only."""
    from tests.helpers.networks import make_classifier

    path = tmp_path_factory.mktemp("model") / "model.keras"
    make_classifier(1, CLASS_NAMES).save(path)
    return path
