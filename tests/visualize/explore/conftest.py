"""A server of the explorer, for all tests of the folder."""

import pytest

from tests.helpers.explorer_client import Client
from visualize.explore.command import ExploreSettings


@pytest.fixture(scope="session")
def explorer():
    pytest.importorskip("uvicorn", reason="needs the extra explore")
    from visualize.explore.explorer import Explorer
    from zfkeras.models.presets import load
    from zfkeras.passes.context import Context

    return Explorer(load("quarter"), Context(), ExploreSettings(max_images=60))


@pytest.fixture(scope="session")
def server(explorer):
    from visualize.explore.server import Server

    server = Server(explorer)
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def client(server):
    return Client(server.address)
