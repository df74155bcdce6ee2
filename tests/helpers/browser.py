"""A page as Chromium shows it, without a screen: Qt's web engine in its own process.

    python -m tests.helpers.browser ADDRESS < steps.json > seen.json

It needs requirements-browser.txt; `see` skips the test without it.
"""

import functools
import importlib.util
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
_SECONDS, _STEP_SECONDS = 300, 30
# Pictures in sight decoded, and two frames drawn with them.
_PAINT = """
window.painted = false;
Promise.all([...document.images].filter((image) => {
  const box = image.getBoundingClientRect();
  return box.height && box.bottom > 0 && box.top < innerHeight;
}).map((image) => image.decode())).finally(() =>
  requestAnimationFrame(() => requestAnimationFrame(() => { window.painted = true; })));
1
"""


def see(page: Path | str, *steps: dict, width=1280, height=900, dark=False) -> dict:
    """Opens a file or address in a fresh browser; returns what it sees on its steps.

    A step is {"js": expression}, {"until": expression that becomes true}, {"key": name
    of a `Qt.Key`} or {"screenshot": path}; the result has "answers" of each js, foreign
    "requests" and "console" messages.
    """
    if importlib.util.find_spec("PyQt6") is None:
        pytest.skip("pip install -r requirements-browser.txt to see pages in Chromium")
    address = page if isinstance(page, str) else page.resolve().as_uri()
    order = {"steps": steps, "size": [width, height], "dark": dark}
    done = subprocess.run(
        [sys.executable, "-m", "tests.helpers.browser", address],
        input=json.dumps(order, default=str),
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=_SECONDS,
    )
    if "opened" in done.stdout and "seen: " not in done.stdout:
        raise AssertionError(done.stderr.strip()[-1000:])
    if "seen: " not in done.stdout:
        pytest.skip(f"Chromium does not start here: {done.stderr.strip()[-300:]}")
    return json.loads(done.stdout.partition("seen: ")[2])


def main(address: str) -> None:
    os.environ["QT_QPA_PLATFORM"] = "offscreen"
    order = json.load(sys.stdin)
    scheme = 0 if order["dark"] else 1  # as Blink counts them
    os.environ["QTWEBENGINE_CHROMIUM_FLAGS"] = (
        f"--no-sandbox --disable-gpu --blink-settings=preferredColorScheme={scheme}"
    )
    from PyQt6.QtCore import Qt, QUrl
    from PyQt6.QtTest import QTest
    from PyQt6.QtWebEngineCore import (
        QWebEnginePage,
        QWebEngineProfile,
        QWebEngineUrlRequestInterceptor,
    )
    from PyQt6.QtWebEngineWidgets import QWebEngineView
    from PyQt6.QtWidgets import QApplication

    requests, console, answers, waiting = [], [], [], []

    class Interceptor(QWebEngineUrlRequestInterceptor):
        def interceptRequest(self, info):  # noqa: N802
            requests.append(info.requestUrl().toString())

    class Page(QWebEnginePage):
        def javaScriptConsoleMessage(self, level, message, line, source):  # noqa: N802
            console.append(message)

    app = QApplication(["browser"])
    app.setQuitOnLastWindowClosed(False)
    profile = QWebEngineProfile()
    interceptor = Interceptor()
    profile.setUrlRequestInterceptor(interceptor)
    page = Page(profile)
    view = QWebEngineView()
    view.setPage(page)
    view.resize(*order["size"])

    def wait(until, what="the page"):
        end = time.monotonic() + _STEP_SECONDS
        while not until():
            if time.monotonic() > end:
                raise TimeoutError(f"waited {_STEP_SECONDS} s for {what}")
            QTest.qWait(20)

    def js(expression):
        waiting.clear()
        page.runJavaScript(expression, waiting.append)
        wait(lambda: waiting)
        return waiting[0]

    loaded = []
    page.loadFinished.connect(loaded.append)
    view.load(QUrl(address))
    view.show()
    wait(lambda: loaded)
    print("opened", flush=True)
    for step in order["steps"]:
        QTest.qWait(60)
        if "js" in step:
            answers.append(js(step["js"]))
        elif "until" in step:
            wait(functools.partial(js, f"!!({step['until']})"), step["until"])
        elif "key" in step:
            QTest.keyClick(view.focusProxy(), getattr(Qt.Key, f"Key_{step['key']}"))
        elif "screenshot" in step:
            js(_PAINT)
            wait(lambda: js("window.painted"))
            QTest.qWait(500)  # from there to the window
            view.grab().save(step["screenshot"])
    own = (address.partition("#")[0], "data:", "blob:")
    foreign = [url for url in requests if not url.startswith(own)]
    seen = {"answers": answers, "requests": foreign, "console": console}
    print("seen: " + json.dumps(seen), flush=True)
    os._exit(0)  # Qt's own end depends on the order Python drops things in


if __name__ == "__main__":
    main(sys.argv[1])
