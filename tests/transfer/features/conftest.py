import pytest

from tests.helpers.networks import make_classifier


@pytest.fixture(scope="session")
def classifier():
    """A small untrained network without layers 6 and 7."""
    return make_classifier(3, ("a", "b"))
