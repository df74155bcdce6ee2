"""Answers only what our own page asks: by host, origin and token.

The token is in the path, so that no other page can know an address of ours: neither
one in another tab, nor one whose name an attacker points at this machine.
"""

import hmac

_HEADERS = (
    (
        b"content-security-policy",
        b"default-src 'none'; img-src 'self' data: blob:; style-src 'self'; "
        b"script-src 'self'; connect-src 'self'; frame-src 'self'; "
        b"base-uri 'none'; form-action 'none'",
    ),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"no-store"),
)


class Guard:
    """Lets requests to http://127.0.0.1:PORT/TOKEN/ pass, and says nothing to others.

    Hosts are this machine's names, with our port. A request that names an origin must
    come from our own page.
    """

    def __init__(self, app, token: str, port: int):
        self._app, self._prefix = app, f"/{token}/".encode()
        self._hosts = {f"{name}:{port}" for name in ("127.0.0.1", "localhost")}

    async def __call__(self, scope, receive, send):
        if scope["type"] == "lifespan":
            return await self._app(scope, receive, send)
        if scope["type"] != "http" or not self._is_ours(scope):
            return await _say_nothing(scope, send)

        async def send_guarded(message):
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *_HEADERS]
            await send(message)

        prefix = self._prefix.decode().rstrip("/")
        inside = {
            **scope,
            "path": scope["path"].removeprefix(prefix),
            "raw_path": scope["raw_path"].removeprefix(prefix.encode()),
        }
        return await self._app(inside, receive, send_guarded)

    def _is_ours(self, scope) -> bool:
        headers = dict(scope["headers"])
        host = headers.get(b"host", b"").decode("latin-1")
        origin = headers.get(b"origin", f"http://{host}".encode()).decode("latin-1")
        path = scope["path"].encode()[: len(self._prefix)]
        return (
            host in self._hosts
            and origin in {f"http://{host}" for host in self._hosts}
            and hmac.compare_digest(path, self._prefix)
        )


async def _say_nothing(scope, send):
    if scope["type"] == "websocket":
        return await send({"type": "websocket.close"})
    empty = [(b"content-length", b"0")]
    await send({"type": "http.response.start", "status": 404, "headers": empty})
    await send({"type": "http.response.body", "body": b""})
