"""The explorer over HTTP: JSON for the page, which is served beside it.

docs/methods/explorer.md lists what it answers; `visualize.explore.guard` goes around.
"""

import asyncio
import functools
import logging
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Mount, Route

from visualize.explore.album import Album
from visualize.explore.explorer import Explorer
from zfkeras.data.files.bad_images import BadImage
from zfkeras.errors import RunError, UsageError
from zfkeras.io.progress import Progress, Stopped

MAX_BYTES = 64 * 2**20
_MOST = 256  # channels or photographs in one answer
_LONGEST_NAME = 200
_CLOSED = 499  # as nginx calls what nobody waits for
_POLL_SECONDS = 0.1
_PAGE = Path(__file__).parent / "page"
_log = logging.getLogger(__name__)


def make_app(explorer: Explorer, beside: Explorer | None = None) -> Starlette:
    """Makes the app; a second explorer answers below beside/.

    Both take turns in computing, and a photograph that is dropped is at hand in both.
    """
    explorers = [explorer] if beside is None else [explorer, beside]
    albums = [one.album for one in explorers]
    routes = _routes(explorer, albums)
    if beside is not None:
        routes.append(Mount("/beside", routes=_routes(beside, albums)))
    app = Starlette(
        routes=routes,
        exception_handlers={
            UsageError: _bad_request,
            BadImage: _bad_request,
            HTTPException: _refused,
            RunError: _failed,
            OSError: _failed,
        },
    )
    app.state.turn = asyncio.Lock()
    return app


def _routes(explorer: Explorer, albums: list[Album]) -> list:
    """Makes the routes of an explorer; a dropped photograph goes into all albums."""

    async def page(request):
        return FileResponse(_PAGE / "index.html")

    async def pair(request):
        return FileResponse(_PAGE / "pair.html")

    async def asset(request):
        path = _PAGE / request.path_params["name"]
        if path not in _PAGE.iterdir():
            raise HTTPException(404)
        return FileResponse(path)

    async def network(request):
        return JSONResponse({**explorer.about(), "beside": len(albums) > 1})

    async def photographs(request):
        first, count = _number(request, "first", 0), _number(request, "count", 24)
        return await _answer(request, explorer.album.page, first, min(count, _MOST))

    async def drop(request):
        encoded = await _body(request)
        name = request.query_params.get("name", "photograph")[:_LONGEST_NAME]

        def add():
            (key,) = {album.add(encoded, name) for album in albums}
            return {"photo": key, "name": name}

        return await _answer(request, add)

    async def picture(request):
        jpeg = await asyncio.to_thread(explorer.album.picture, _photo(request))
        return Response(jpeg, media_type="image/jpeg")

    async def photograph(request):
        return await _answer(request, explorer.photograph, _photo(request))

    async def channels(request):
        first, count = _number(request, "first", 0), _number(request, "count", 48)
        layer = _text(request, "layer")
        return await _answer(
            request, explorer.channels, _photo(request), layer, first, min(count, _MOST)
        )

    async def unit(request):
        return await _answer(request, explorer.unit, _photo(request), *_unit(request))

    async def projection(request):
        method = _text(request, "method")
        return await _answer(
            request, explorer.projection, _photo(request), *_unit(request), method
        )

    async def fed_by(request):
        return await _answer(request, explorer.fed_by, _photo(request), *_unit(request))

    async def point(request):
        y, x = (_number(request, name, kind=float) for name in "yx")
        return await _answer(request, explorer.at_point, _photo(request), y, x)

    async def occlusion(request):
        layer, channel, _ = _unit(request)
        label, progress = _number(request, "label"), Progress()
        ask = functools.partial(explorer.occlusion, progress=progress)
        return await _answer(
            request, ask, _photo(request), layer, channel, label, progress=progress
        )

    async def strongest(request):
        layer, channel, _ = _unit(request)
        return await _answer(request, explorer.strongest, layer, channel)

    one = "/api/photographs/{photo}"
    return [
        Route("/", page),
        Route("/pair", pair),
        Route("/page/{name}", asset),
        Route("/api/network", network),
        Route("/api/photographs", photographs),
        Route("/api/photographs", drop, methods=["POST"]),
        Route(one, photograph),
        Route(f"{one}/picture", picture),
        Route(f"{one}/channels", channels),
        Route(f"{one}/unit", unit),
        Route(f"{one}/projection", projection),
        Route(f"{one}/fed-by", fed_by),
        Route(f"{one}/point", point),
        Route(f"{one}/occlusion", occlusion),
        Route("/api/strongest", strongest),
    ]


async def _answer(request: Request, function, *args, progress=None) -> Response:
    """Computes an answer in a thread, one at a time, as long as somebody waits for it.

    A newer click closes the connection of the older one. What has not begun is left
    out; what moves `progress` is stopped.
    """
    async with request.app.state.turn:
        if await request.is_disconnected():
            return Response(status_code=_CLOSED)
        work = asyncio.create_task(asyncio.to_thread(function, *args))
        while not work.done():
            await asyncio.wait([work], timeout=_POLL_SECONDS)
            if progress is not None and await request.is_disconnected():
                progress.stops = True
        try:
            return JSONResponse(work.result())
        except Stopped:
            return Response(status_code=_CLOSED)
        except (UsageError, BadImage, RunError, OSError):
            raise
        except Exception as err:  # a bug in one answer ends neither server nor page
            _log.exception("%s", request.url.path)
            return _error(500, f"{type(err).__name__}: {err}")


async def _body(request: Request) -> bytes:
    """Reads an uploaded file, but no more than the largest allowed."""
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > MAX_BYTES:
            raise HTTPException(413, f"the file is larger than {MAX_BYTES >> 20} MB")
        parts.append(part)
    return b"".join(parts)


def _photo(request) -> str:
    return request.path_params["photo"]


def _unit(request):
    """Reads layer, channel and, where they are given, the place of a unit."""
    position = None
    if "y" in request.query_params:
        position = _number(request, "y"), _number(request, "x")
    return _text(request, "layer"), _number(request, "channel"), position


def _text(request, name) -> str:
    if name not in request.query_params:
        raise UsageError(argument=name, received="nothing", expected="given")
    return request.query_params[name]


def _number(request, name, default=None, kind=int):
    text = request.query_params.get(name, default)
    try:
        value = kind(text)
    except (TypeError, ValueError):
        value = -1
    if not 0 <= value < 2**31:
        raise UsageError(argument=name, received=text, expected="a number from 0")
    return value


def _error(status, err) -> JSONResponse:
    return JSONResponse({"error": " ".join(str(err).split())}, status)


async def _bad_request(request, err):
    return _error(400, err)


async def _refused(request, err):
    return _error(err.status_code, err.detail)


async def _failed(request, err):
    return _error(500, err)
