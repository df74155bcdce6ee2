"""Asks a server of the explorer as the page does."""

import contextlib
import subprocess
import sys

import requests


class Client:
    """Knows the address of a server, with its token."""

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


@contextlib.contextmanager
def served():
    """Runs the command; yields its process and the address that it prints."""
    command = [sys.executable, "-m", "visualize.explore", "--no-browser"]
    with subprocess.Popen(
        [*command, "--max-images=10"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process, process.stdout.readline().split()[2]
        finally:
            process.kill()
