"""How long one waits for the explorer: its start, and a click on a unit."""

import io
import statistics
import subprocess
import sys
import time

import numpy as np
import requests

import visualize
import zfkeras
from benchmarks.comparison import Comparison
from benchmarks.photographs import photograph
from benchmarks.timing import Timing, summarised

# Network, and what a click may take in seconds.
LIMITS = {"quarter": 0.3, "zfnet_half": 0.6, "keras:ResNet50:random": 1.5}
METHODS = ("deconvnet", "guided", "gradient")
CLICKS, STARTS = 60, 3


def run() -> list[Comparison]:
    """A cold start with a dropped photograph; clicks on units of any layer."""
    started = "python -m visualize.explore, first projection"
    return [
        Comparison(
            "explorer, from its start to the projection of a dropped photograph",
            started,
            {started: summarised([_start() for _ in range(STARTS)])},
        ),
        *(_clicks(model, limit) for model, limit in LIMITS.items()),
    ]


def _start() -> float:
    """Seconds from the command to the first picture, in a process of its own."""
    begin = time.perf_counter()
    command = [sys.executable, "-m", "visualize.explore", "--no-browser"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        try:
            address = process.stdout.readline().split()[2]
            photo = _drop(address)
            unit = {"layer": "5", "channel": 17}
            _ask(address, f"photographs/{photo}")
            path = f"photographs/{photo}/projection"
            _ask(address, path, method="deconvnet", **unit)
            return time.perf_counter() - begin
        finally:
            process.terminate()


def _clicks(model: str, limit: float) -> Comparison:
    """Clicks on random units, each layer clicked once before; warm layers only."""
    server = visualize.open_explorer(_network(model))
    address = server.address
    photo = _drop(address)
    _ask(address, f"photographs/{photo}")
    layers = _ask(address, "network")["layers"]
    for layer in layers:
        _click(address, photo, layer["layer"], 0)
    random = np.random.default_rng(0)
    seconds = []
    for _ in range(CLICKS):
        layer = layers[random.integers(len(layers))]
        channel = int(random.integers(layer["shape"][2]))
        seconds.append(_click(address, photo, layer["layer"], channel))
    server.stop()
    ours, bound = "click", f"{limit} s"
    return Comparison(
        f"explorer, a click on a unit to its three projections, {model}",
        ours,
        {ours: summarised(seconds), bound: Timing(limit, limit, limit)},
        {bound: 1.0},
        others={"95th percentile": statistics.quantiles(seconds, n=20)[-1]},
    )


def _network(model: str):
    """Builds a variant, whose weights do not matter here; other networks are named."""
    if not model.startswith("zfnet"):
        return model
    return zfkeras.Classifier.from_keras(zfkeras.ZFNet(variant=model), inputs="0..255")


def _click(address, photo, layer, channel) -> float:
    begin = time.perf_counter()
    path, unit = f"photographs/{photo}", {"layer": layer, "channel": channel}
    _ask(address, f"{path}/unit", **unit)
    for method in METHODS:
        _ask(address, f"{path}/projection", method=method, **unit)
    return time.perf_counter() - begin


def _drop(address) -> str:
    file = io.BytesIO()
    photograph((500, 375)).save(file, "JPEG")
    posted = requests.post(f"{address}api/photographs", file.getvalue())
    return posted.json()["photo"]


def _ask(address, path, **query):
    answer = requests.get(f"{address}api/{path}", query)
    answer.raise_for_status()
    return answer.json()
