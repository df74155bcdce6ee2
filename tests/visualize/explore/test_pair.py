"""Two explorers on one page: one photograph in two networks, or two in one."""

import dataclasses

import pytest

from tests.helpers.browser import see
from tests.helpers.explorer_client import Client
from tests.helpers.splits import noise, png
from visualize.explore.command import ExploreSettings
from zfkeras.models.presets import load
from zfkeras.models.zfnet import ZFNet
from zfkeras.passes.context import Context


@pytest.fixture(scope="module")
def client():
    pytest.importorskip("uvicorn", reason="needs the extra explore")
    from visualize.explore.explorer import Explorer
    from visualize.explore.server import Server

    trained = load("quarter")
    untrained = dataclasses.replace(trained, model=ZFNet(200, variant="zfnet_quarter"))
    settings = ExploreSettings(max_images=20)
    one, other = (
        Explorer(each, Context(), dataclasses.replace(settings, model=name))
        for each, name in ((trained, "quarter"), (untrained, "/runs/untrained.keras"))
    )
    server = Server(one, beside=other)
    server.start()
    assert server.address.endswith("/pair")
    yield Client(server.address.removesuffix("pair"))
    server.stop()


def test_both_answer_for_the_same_photographs(client):
    for name in ("api/network", "beside/api/network"):
        assert client.json(name)["beside"] is True
    dropped = client.drop(png(noise(0, 70, 60))).json()["photo"]
    for photo in ("3", dropped):
        path = f"api/photographs/{photo}"
        one, other = client.json(path), client.json(f"beside/{path}")
        assert one["photo"] == other["photo"] and one["classes"] != other["classes"]


@pytest.mark.slow
def test_what_one_shows_the_other_follows(client):
    both = "[frames[0], frames[1]]"
    ready = f"{both}.every((f) => f.document.querySelectorAll('.tile').length > 40)"
    hashes = {"js": f"{both}.map((f) => f.location.hash)"}
    tile = "frames[1].document.querySelector('[data-unit^=\"4 \"]').click(); null"
    tick = "document.getElementById('same-photograph').click(); null"
    choose = "frames[0].document.querySelectorAll('#gallery button')[2].click(); null"
    titles = {"js": f"{both}.map((f) => f.document.title).join()"}
    seen = see(
        f"{client.address}pair",
        {"until": ready},
        titles,
        {"js": tile},
        {"until": "frames[0].document.querySelector('#unit h2')"},
        hashes,
        {"js": tick},
        {"js": choose},
        {"until": "frames[0].location.hash.includes('photo=2')"},
        hashes,
        {"js": "location.hash"},
        width=1400,
    )
    names, same, apart, whole = [one for one in seen["answers"] if one is not None]
    assert names == "Explorer: quarter,Explorer: untrained.keras"
    assert same[0] == same[1] and "layer=4" in same[0] and "y=" in same[0]
    assert "photo=2" in apart[0] and "photo=0" in apart[1]
    assert "layer=4" in apart[0] and "layer=4" in apart[1]
    assert whole.startswith("#left=photo%3D2") and "right=photo%3D0" in whole
