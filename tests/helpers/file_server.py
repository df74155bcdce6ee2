"""A loopback server of one folder that knows Range requests and fails on demand."""

import contextlib
import functools
import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from zfkeras.data.published.sets import PublishedFile


class FileServer(ThreadingHTTPServer):
    """Serves the files of a folder.

    Attributes:
        requests: (path, Range header or `None`) of every request so far.
        cuts: bytes after which each of the next answers is cut off.
        knows_ranges: whether Range requests are answered by 206, else by 200.
        status: with which everything is answered, if set.
    """

    daemon_threads = True

    def __init__(self, folder: Path):
        super().__init__(("127.0.0.1", 0), functools.partial(_Handler, Path(folder)))
        self.requests: list[tuple[str, str | None]] = []
        self.cuts: list[int] = []
        self.knows_ranges = True
        self.status: int | None = None

    def handle_error(self, request, client_address):
        """Says nothing of clients that hang up, as a full disk makes them."""

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/{name}"

    def published(self, name: str, content: bytes, kind: str = "sha256"):
        """The entry of a file of that content, which is not written here."""
        digest = hashlib.new(kind, content).hexdigest()
        return PublishedFile(name, self.url(name), len(content), f"{kind}:{digest}")


class _Handler(BaseHTTPRequestHandler):
    def __init__(self, folder, *args):
        self.folder = folder
        super().__init__(*args)

    def log_message(self, *args):
        pass

    def do_GET(self):
        wanted = self.headers.get("Range")
        self.server.requests.append((self.path, wanted))
        path = self.folder / self.path.lstrip("/")
        if self.server.status or not path.is_file():
            self.send_error(self.server.status or 404)
            return
        content = path.read_bytes()
        begin = 0
        if wanted and self.server.knows_ranges:
            begin = int(wanted.removeprefix("bytes=").removesuffix("-"))
            if begin >= len(content):
                self.send_error(416)
                return
            self.send_response(206)
            span = f"bytes {begin}-{len(content) - 1}/{len(content)}"
            self.send_header("Content-Range", span)
        else:
            self.send_response(200)
        self.send_header("Content-Length", str(len(content) - begin))
        self.end_headers()
        end = self.server.cuts.pop(0) if self.server.cuts else len(content)
        self.wfile.write(content[begin : begin + end])


@contextlib.contextmanager
def serving(folder: Path) -> Iterator[FileServer]:
    """Runs a server of a folder while the block runs."""
    with FileServer(folder) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
