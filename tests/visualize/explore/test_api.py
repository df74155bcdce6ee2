"""The explorer over HTTP: answers, uploads, and who is not answered."""

import base64
import io
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import requests
from PIL import Image

import visualize
from tests.helpers.explorer_client import Client
from tests.helpers.splits import noise, png
from visualize.explore.api import MAX_BYTES


def pixels(uri):
    kind, _, data = uri.partition(",")
    assert kind == "data:image/png;base64"
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(data))))


def test_the_network_is_described(client):
    found = client.json("api/network")
    assert (found["model"], found["input"], found["classes"]) == (
        "quarter",
        [56, 56],
        200,
    )
    layers = {one["layer"]: one for one in found["layers"]}
    assert [*layers] == ["1", "2", "3", "4", "5", "6", "7", "predictions"]
    assert layers["3"]["shape"] == [7, 7, 192] and layers["3"]["field"] == [51, 51]
    assert found["answer"] == "predictions"
    assert {"author", "licence", "source"} <= {*found["credits"][0]}


def test_photographs_are_listed_page_by_page(client):
    first = client.json("api/photographs", first=0, count=3)
    assert [one["photo"] for one in first] == ["0", "1", "2"]
    assert client.json("api/photographs", first=2, count=1) == first[2:]
    assert client.json("api/photographs", first=10_000, count=3) == []


def test_a_photograph_has_classes_and_maps(client, explorer):
    found = client.json("api/photographs/0")
    shares = [one["probability"] for one in found["classes"]]
    assert len(shares) == 5 and shares == sorted(shares, reverse=True)
    square = explorer.album.find("0").square
    maps = explorer.network.classifier.features(square, layer=3)[0]
    strips = {one["layer"]: one["channels"] for one in found["layers"]}
    best = strips["3"][0]
    assert best["activation"] == pytest.approx(maps.max(), rel=1e-5)
    assert pixels(best["map"]).max() == 255
    y, x = best["position"]
    assert maps[y, x, best["channel"]] == maps.max()
    more = client.json("api/photographs/0/channels", layer="3", first=1, count=2)
    assert more == strips["3"][1:3]
    names = [one["name"] for one in strips["predictions"][:5]]
    assert names == [one["name"] for one in found["classes"]]


def test_a_unit_is_described_and_projected(client):
    path = "api/photographs/0"
    best = next(
        u for u in client.json(f"{path}/point", y=31, x=31) if u["layer"] == "2"
    )
    unit = {"layer": "2", "channel": best["channel"], "y": 3, "x": 3}
    assert best["position"] == [3, 3]
    found = client.json(f"{path}/unit", **unit)
    top, left, bottom, right = found["box"]
    assert (bottom - top, right - left) == (35, 35)
    assert pixels(found["patch"]).shape == (35, 35, 3)
    for method in ("deconvnet", "guided", "gradient"):
        answer = client.json(f"{path}/projection", method=method, **unit)
        assert pixels(answer["picture"]).shape == (35, 35, 3)
    shares = [one["share"] for one in client.json(f"{path}/fed-by", **unit)]
    assert 0 < len(shares) <= 8


def test_the_snippet_reproduces_the_unit(client, tmp_path, monkeypatch):
    picture = client.get("api/photographs/0/picture")
    assert picture.headers["content-type"] == "image/jpeg"
    photo = client.drop(picture.content).json()["photo"]
    unit = {"layer": "5", "channel": 7, "y": 1, "x": 1}
    found = client.json(f"api/photographs/{photo}/unit", **unit)
    answer = client.json(
        f"api/photographs/{photo}/projection", method="deconvnet", **unit
    )
    (tmp_path / "photograph.jpg").write_bytes(picture.content)
    monkeypatch.chdir(tmp_path)
    names = {}
    exec(found["snippet"], names)
    top, left, bottom, right = found["box"]
    wanted = names["picture"][top:bottom, left:right]
    assert np.array_equal(pixels(answer["picture"]), wanted)


def test_a_point_and_occlusion_answer(client):
    units = client.json("api/photographs/0/point", y=20, x=30.5)
    assert {one["layer"] for one in units} == {"1", "2", "3", "4", "5"}
    found = client.json("api/photographs/0/occlusion", layer="5", channel=7, label=3)
    assert pixels(found["probability_map"]).shape == (56, 56)
    low, high = found["probability_range"]
    assert 0 <= low <= high <= 1


def test_strongest_images_come_after_a_search(client):
    for _ in range(600):
        found = client.json("api/strongest", layer="5", channel=7)
        assert found["total"] == 60
        if found["done"] == found["total"] and "images" in found:
            break
        time.sleep(0.1)
    strengths = [one["activation"] for one in found["images"]]
    assert strengths == sorted(strengths, reverse=True)
    photographs = [one["name"].partition("/")[0] for one in found["images"]]
    assert len({*photographs}) == len(photographs) <= 9
    assert pixels(found["images"][0]["patch"]).shape[2] == 3


def test_a_dropped_photograph_is_kept_by_its_content(client):
    encoded = png(noise(3, 90, 70))
    first = client.drop(encoded, "a <b>.png").json()
    assert first == client.drop(encoded, "a <b>.png").json()
    found = client.json(f"api/photographs/{first['photo']}")
    assert found["name"] == "a <b>.png" and found["class_name"] is None
    assert client.get("api/photographs/p0123/picture").status_code == 400


@pytest.mark.parametrize(
    "path",
    [
        "api/photographs/67",
        "api/photographs/x",
        "api/photographs/0/unit",
        "api/photographs/0/unit?layer=5",
        "api/photographs/0/unit?layer=5&channel=one",
        "api/photographs/0/unit?layer=5&channel=-1",
        "api/photographs/0/unit?layer=5&channel=1&y=1",
        "api/photographs/0/unit?layer=conv9&channel=1",
        "api/photographs/0/projection?layer=5&channel=1&method=other",
        "api/photographs/0/occlusion?layer=5&channel=1&label=200",
        "api/photographs/0/point?y=nan&x=1",
        "api/strongest?layer=5&channel=128",
    ],
)
def test_wrong_questions_get_one_sentence(client, path):
    found = client.get(path)
    assert found.status_code == 400
    assert "\n" not in found.json()["error"]


def test_what_is_no_image_is_refused(client):
    assert client.drop(b"no image").status_code == 400
    assert client.drop(b"").status_code == 400
    truncated = png(noise(3, 90, 70))[:500]
    assert client.drop(truncated).status_code == 400


def test_a_photograph_of_forty_megapixels_is_taken(client):
    file = io.BytesIO()
    Image.new("RGB", (8000, 5000), (200, 90, 10)).save(file, "JPEG")
    photo = client.drop(file.getvalue()).json()["photo"]
    answer = client.get(f"api/photographs/{photo}/picture")
    picture = Image.open(io.BytesIO(answer.content))
    assert picture.size == (448, 448)
    assert np.abs(np.asarray(picture, int) - (200, 90, 10)).max() < 4


def test_two_tabs_that_ask_at_once_get_their_own_answers(client):
    paths = [f"api/photographs/{n % 3}/unit?layer=4&channel={n}" for n in range(12)]
    wanted = [client.json(path) for path in paths]
    with ThreadPoolExecutor(4) as tabs:
        assert [*tabs.map(client.json, paths)] == wanted


@pytest.mark.slow
def test_a_network_of_a_thousand_classes_and_2048_channels():
    server = visualize.open_explorer("keras:ResNet50:random", max_images=10)
    client = Client(server.address)
    layers = {one["layer"]: one for one in client.json("api/network")["layers"]}
    assert layers["conv5_block3_out"]["shape"] == [7, 7, 2048]
    found = client.json("api/photographs/0")
    assert len(found["layers"]) == len(layers)
    query = {"layer": "conv5_block3_out", "channel": 2047}
    last = client.json("api/photographs/0/channels", layer=query["layer"], first=2040)
    assert len(last) == 8
    unit = client.json("api/photographs/0/unit", **query)
    top, left, bottom, right = unit["box"]
    path = "api/photographs/0/projection"
    picture = pixels(client.json(path, method="deconvnet", **query)["picture"])
    assert picture.shape == (bottom - top, right - left, 3)
    server.stop()


def test_uploads_end_at_the_largest_size(client):
    def endless():
        for _ in range(MAX_BYTES // 2**20 + 2):
            yield bytes(2**20)

    try:
        assert client.drop(endless()).status_code == 413
    except requests.ConnectionError:
        pass  # the server closed before all was sent
    assert client.get("api/network").status_code == 200


def test_only_the_page_is_served_beside_the_api(client):
    page = client.get("")
    assert page.headers["content-type"].startswith("text/html")
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy
    assert (
        client.get("page/main.js")
        .headers["content-type"]
        .startswith(("text/javascript", "application/javascript"))
    )
    for path in ("page/nothing.js", "page/..%2fapi.py", "page/%2e%2e/api.py", "api.py"):
        assert client.get(path).status_code == 404


def raw(server, path, host, **headers):
    """Sends a request whose path and headers nobody cleans."""
    port = int(server.address.split(":")[2].split("/")[0])
    lines = [f"GET {path} HTTP/1.1", f"Host: {host.format(port=port)}"]
    lines += [f"{name}: {value.format(port=port)}" for name, value in headers.items()]
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall("\r\n".join([*lines, "Connection: close", "", ""]).encode())
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), body


def test_without_the_token_nothing_is_answered(server):
    for path in (
        "/",
        "/api/network",
        "/page/main.js",
        "/wrong/api/network",
        "//",
        "/a/..",
    ):
        assert raw(server, path, "127.0.0.1:{port}") == (404, b"")


@pytest.mark.parametrize(
    ("host", "origin", "status"),
    [
        ("127.0.0.1:{port}", None, 200),
        ("localhost:{port}", None, 200),
        ("127.0.0.1:{port}", "http://127.0.0.1:{port}", 200),
        ("attacker.example:{port}", None, 404),  # a name that was bound to this machine
        ("127.0.0.1:1", None, 404),
        ("127.0.0.1:{port}", "http://attacker.example", 404),
        ("127.0.0.1:{port}", "http://127.0.0.1:1", 404),
        ("127.0.0.1:{port}", "null", 404),
    ],
)
def test_other_hosts_and_origins_are_refused(server, host, origin, status):
    path = "/" + server.address.split("/", 3)[3] + "api/network"
    headers = {} if origin is None else {"Origin": origin}
    found, body = raw(server, path, host, **headers)
    assert found == status and bool(body) == (status == 200)


def test_a_closed_connection_stops_its_occlusion(client, explorer, server):
    begun = threading.Event()
    network = explorer.network
    stopped = []

    class Watched(type(network)):
        def occlude(self, look, unit, label, progress):
            begun.set()
            for _ in range(200):
                time.sleep(0.05)
                try:
                    progress.update(1)
                except Exception:
                    stopped.append(True)
                    raise
            raise AssertionError("nobody stopped it")

    network.__class__ = Watched
    try:
        path = "/" + server.address.split("/", 3)[3] + "api/photographs/0/occlusion"
        host, port = server.address.split("/")[2].split(":")
        connection = socket.create_connection((host, int(port)))
        query = "layer=5&channel=1&label=1"
        connection.sendall(
            f"GET {path}?{query} HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode()
        )
        assert begun.wait(20)
        connection.close()
        assert client.get("api/photographs/1").status_code == 200  # its turn comes
        assert stopped
    finally:
        network.__class__ = Watched.__base__


def test_a_port_that_is_taken_is_named(explorer):
    from visualize.explore.server import Server
    from zfkeras.errors import UsageError

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(UsageError) as caught:
            Server(explorer, taken.getsockname()[1])
    assert caught.value.argument == "--port"
