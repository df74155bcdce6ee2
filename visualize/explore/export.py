"""Writes the page into one HTML file, with the network and an engine of its own.

The scripts in page/ are joined as they stand: each module becomes a function, and
api.js, which asks the server, gives its place to local.js, which computes.
"""

import base64
import json
import re
from pathlib import Path

from visualize.explore.explorer import Explorer
from visualize.explore.portable import portable
from zfkeras.io.content_policy import policy_hash
from zfkeras.io.files import written_whole

_PAGE = Path(__file__).parent / "page"
_PHOTOGRAPHS = 16  # of the data, that the file holds
_IMPORT = re.compile(r'^import (\{[^}]*\}|\* as \w+) from "\./(\w+)\.js";\n', re.M)
_EXPORT = re.compile(r"^export ((?:async )?(?:function|const|class) (\w+))", re.M)
_STYLE = '<link rel="stylesheet" href="page/explore.css">'
_SCRIPT = '<script type="module" src="page/main.js"></script>'


def export_page(explorer: Explorer, path: Path) -> Path:
    """Writes the explorer as a file, whole or not at all; returns the path.

    Raises:
        UsageError: the page's engine does not know a layer of the network.
    """
    style, script = (_PAGE / "explore.css").read_text("utf-8"), joined_scripts()
    content = {
        "about": {**explorer.about(), "parts": ["fed by"]},
        "network": portable(explorer.network.classifier),
        "photographs": _photographs(explorer.album),
    }
    content["about"]["photographs"] = len(content["photographs"])
    page = (_PAGE / "index.html").read_text("utf-8")
    page = page.replace(_STYLE, f"{_policy(style, script)}\n<style>{style}</style>")
    page = page.replace(_SCRIPT, "")
    # A name may hold the end of a script.
    data = json.dumps(content).replace("<", "\\u003c")
    data = f'<script type="application/json" id="network">{data}</script>'
    page = page.replace("</body>", f"{data}\n<script>{script}</script>\n</body>")
    with written_whole(path, "w") as file:
        file.write(page)
    return Path(path)


def joined_scripts() -> str:
    """Joins the modules of the page into one script, each after those it imports."""
    done: dict[str, str] = {}

    def add(name):
        if name in done:
            return
        text = (_PAGE / f"{name}.js").read_text("utf-8")
        text = text.replace('"./api.js"', '"./local.js"')
        for _, other in _IMPORT.findall(text):
            add(other)
        done[name] = _as_function(name, text)

    add("main")
    return "\n".join(["const modules = {};", *done.values()])


def _as_function(name, text) -> str:
    """Makes a module a function that returns what it exports."""

    def taken(found):
        what = found[1].replace(" as ", ": ").removeprefix("*: ")
        return f"const {what} = modules.{found[2]};\n"

    exported = ", ".join(name for _, name in _EXPORT.findall(text))
    body = _EXPORT.sub(r"\1", _IMPORT.sub(taken, text))
    if not exported:  # the last one, which may wait
        return f"(async () => {{\n{body}}})();"
    return f"modules.{name} = (() => {{\n{body}return {{ {exported} }};\n}})();"


def _policy(style, script) -> str:
    """Forbids the page everything but its own style, script and pictures."""
    return (
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
        f"img-src data: blob:; style-src '{policy_hash(style)}'; "
        f"script-src '{policy_hash(script)}'\">"
    )


def _photographs(album) -> list[dict]:
    """Takes the first photographs of the data, enlarged."""
    found = []
    for row in album.page(0, _PHOTOGRAPHS):
        picture = album.picture(row.pop("photo"), whole=True)
        encoded = base64.b64encode(picture).decode()
        found.append({**row, "picture": f"data:image/jpeg;base64,{encoded}"})
    return found
