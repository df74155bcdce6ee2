"""What several slow tests of figures share."""

import pytest


@pytest.fixture(scope="session")
def shapes_network(tmp_path_factory):
    """A network trained on four classes of shapes: (classifier, file, data)."""
    from tests.helpers.networks import train_on_shapes

    classifier, source = train_on_shapes()
    path = tmp_path_factory.mktemp("shapes") / "model.keras"
    classifier.save(path)
    return classifier, path, source
