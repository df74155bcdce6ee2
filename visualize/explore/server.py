"""Serves the explorer on this machine, in the foreground or beside a notebook."""

import atexit
import secrets
import socket
import threading

import uvicorn

from visualize.explore.api import make_app
from visualize.explore.explorer import Explorer
from visualize.explore.guard import Guard
from zfkeras.errors import UsageError

_HOST = "127.0.0.1"
_HEIGHT = 800  # pixels of the page in a notebook
_SECONDS = 5  # for which an answer under way is waited at the end


class Server:
    """The explorer's server on loopback.

    In a notebook it shows the page.

    Args:
        explorer: what it answers with.
        beside: a second explorer, for a page that shows both. `None` (default): the
            page shows one, and can show it twice.
        port: 0 for any that is free.

    Attributes:
        address: of the page, with the token that opens it.

    Raises:
        UsageError: the port is taken, or may not be used.
    """

    def __init__(
        self, explorer: Explorer, port: int = 0, beside: Explorer | None = None
    ):
        self._explorers = [explorer] if beside is None else [explorer, beside]
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self._socket.bind((_HOST, port))
            self._socket.listen()  # a browser that is quicker than we are waits
        except OSError as err:
            self._socket.close()
            raise UsageError(
                argument="--port", received=port, expected=f"free ({err.strerror})"
            ) from err
        port, token = self._socket.getsockname()[1], secrets.token_urlsafe(16)
        page = "" if beside is None else "pair"
        self.address = f"http://{_HOST}:{port}/{token}/{page}"
        self._server = uvicorn.Server(
            uvicorn.Config(
                Guard(make_app(*self._explorers), token, port),
                log_level="warning",
                access_log=False,
                timeout_graceful_shutdown=_SECONDS,
                server_header=False,
            )
        )

    def _repr_html_(self) -> str:
        """Shows the page in a notebook."""
        return (
            f'<iframe src="{self.address}" title="explorer" width="100%" '
            f'height="{_HEIGHT}" style="border: 0"></iframe>'
        )

    def serve(self) -> None:
        """Serves until Ctrl-C."""
        try:
            self._server.run([self._socket])
        finally:
            for explorer in self._explorers:
                explorer.close()

    def start(self) -> None:
        """Serves from a thread until `stop`, or until the process ends."""
        self._thread = threading.Thread(target=self.serve, daemon=True)
        self._thread.start()
        atexit.register(self.stop)

    def stop(self) -> None:
        """Ends the server, and what it computes."""
        self._server.should_exit = True
        self._thread.join()
        atexit.unregister(self.stop)
