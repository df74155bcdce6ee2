"""A server of the explorer, for all tests of the folder."""

import pytest
import requests

from visualize.explore.command import ExploreSettings


class Client:
    """Asks a server as the page does."""

    def __init__(self, address):
        self.address = address

    def get(self, path, **query):
        return requests.get(f"{self.address}{path}", query, timeout=60)

    def json(self, path, **query):
        found = self.get(path, **query)
        assert found.status_code == 200, found.text
        return found.json()

    def drop(self, encoded, name="mine.jpg"):
        address = f"{self.address}api/photographs"
        return requests.post(address, encoded, params={"name": name}, timeout=60)


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
