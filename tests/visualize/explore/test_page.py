"""The explorer's page in a browser: every click, a hostile file, a server that ends."""

import json
import threading

import pytest

from tests.helpers.browser import see
from tests.helpers.explorer_client import served

pytestmark = pytest.mark.slow

READY = {"until": "document.querySelectorAll('.tile').length > 40"}
PICTURES = "[...document.querySelectorAll('.pictures img')]"
BARS = "[...document.querySelectorAll('.tiles.bars .bar')]"
SHOWN = {"until": f"{PICTURES}.length >= 4 && {PICTURES}.every((i) => i.naturalWidth)"}
HASH = {"js": "location.hash"}
HEADING = {"js": "document.querySelector('#unit h2')?.textContent ?? ''"}
TROUBLE = {"js": "document.getElementById('trouble').textContent"}


def click(selector):
    return {"js": f"document.querySelector({json.dumps(selector)}).click(); null"}


def drop(content, name):
    """Drops a file of some JavaScript content, as the mouse would."""
    return {
        "js": f"""(async () => {{
          const data = new DataTransfer();
          data.items.add(new File([{content}], {json.dumps(name)}));
          const event = new DragEvent("drop", {{ dataTransfer: data, bubbles: true }});
          document.body.dispatchEvent(event);
        }})(); null"""
    }


def answers(seen):
    return [answer for answer in seen["answers"] if answer is not None]


@pytest.mark.parametrize(
    ("size", "dark"),
    [((1280, 900), False), ((390, 844), True)],
    ids=["light desk", "dark phone"],
)
def test_clicks_lead_from_the_photograph_to_units(client, size, dark):
    third = client.json("api/photographs")[2]["class_name"].split(" ", 1)[-1]
    seen = see(
        client.address,
        READY,
        {"js": "document.documentElement.scrollWidth <= innerWidth"},
        click('[data-unit="5 ' + strongest(client, "5") + '"]'),
        SHOWN,
        HEADING,
        HASH,
        {"until": "document.querySelector('.shares button')"},
        click(".shares button"),
        {"until": "document.querySelector('#unit h2').textContent.includes('Layer 4')"},
        SHOWN,
        {"js": "history.back(); null"},
        {"until": "document.querySelector('#unit h2').textContent.includes('Layer 5')"},
        SHOWN,
        {"until": "document.querySelectorAll('.pair').length > 3"},
        click("[data-part=occlusion] summary"),
        {"until": "document.querySelectorAll('.under').length === 2"},
        click("#classes button"),
        {"until": "document.querySelector('#unit h2').textContent.includes('redict')"},
        SHOWN,
        {"key": "Escape"},
        {"until": "!document.querySelector('#unit h2')"},
        click("#photo"),
        {"until": "document.querySelectorAll('#unit .row button').length > 5"},
        HEADING,
        click("#unit .row button"),
        SHOWN,
        click("#gallery li:nth-child(3) button"),
        {"until": f"document.getElementById('name').textContent === '{third}'"},
        SHOWN,
        HASH,
        {"js": "document.documentElement.scrollWidth <= innerWidth"},
        click("#changing summary"),
        {
            "js": "document.getElementById('change-turn').value = 90;"
            "document.getElementById('change-turn').dispatchEvent(new Event('input'));"
            "null"
        },
        {"until": "document.getElementById('photo').src.includes('turn')"},
        SHOWN,
        click("#reset"),
        {"until": "!document.getElementById('photo').src.includes('turn')"},
        SHOWN,
        width=size[0],
        height=size[1],
        dark=dark,
    )
    assert seen["requests"] == []
    fits, unit, address, point, changed, still_fits = answers(seen)
    assert fits and still_fits and seen["console"] == []
    channel = strongest(client, "5")
    assert unit == f"Layer 5 (pool5), channel {channel}"
    assert f"layer=5&channel={channel}&y=" in address
    assert point == "Units that answer here"
    assert "photo=2" in changed and "layer=" in changed


def test_a_number_is_a_bar_and_a_unit_that_is_not_active_says_so(client):
    units = (
        (channel, client.json(f"api/photographs/0/unit?layer=7&channel={channel}"))
        for channel in range(1024)
    )
    silent = next(channel for channel, unit in units if not unit["activation"])
    seen = see(
        client.address + f"#photo=0&layer=7&channel={silent}",
        READY,
        {"until": "document.querySelector('#unit .refusal')"},
        {"js": "document.querySelector('#unit .refusal').textContent"},
        {"js": f"{PICTURES}.length"},
        {"js": f"{BARS}.map((bar) => bar.style.width)"},
        {"js": "document.querySelectorAll('.tiles.bars img').length"},
    )
    said, pictures, widths, images = answers(seen)
    assert "not active here" in said and pictures == 1
    assert images == 0 and len(widths) > 30 and widths[0] == "100%"
    assert float(widths[1].rstrip("%")) < 100


def strongest(client, layer):
    strips = client.json("api/photographs/0")["layers"]
    (channels,) = (one["channels"] for one in strips if one["layer"] == layer)
    return str(channels[0]["channel"])


def test_files_are_dropped_and_hostile_ones_do_no_harm(client):
    name = "<img src=x onerror=document.title='taken'>.png"
    picture = """await new Promise((resolve) => {
      const canvas = document.createElement('canvas');
      canvas.width = 80; canvas.height = 60;
      canvas.getContext('2d').fillRect(9, 9, 30, 30);
      canvas.toBlob(resolve);
    })"""
    seen = see(
        client.address,
        READY,
        drop("'no image'", "broken.jpg"),
        {"until": "!document.getElementById('trouble').hidden"},
        TROUBLE,
        drop(picture, name),
        {"until": "document.getElementById('name').textContent.includes('onerror')"},
        {"js": "document.getElementById('name').textContent"},
        {"js": "document.title"},
        {"js": "document.getElementById('trouble').hidden"},
    )
    assert seen["requests"] == []
    trouble, shown, title, is_hidden = answers(seen)
    assert "not an image" in trouble
    assert shown == name and title == "Explorer: quarter" and is_hidden


def test_a_server_that_ends_and_one_of_another_token_are_explained(explorer):
    from visualize.explore.server import Server

    server = Server(explorer)
    server.start()
    port = server.address.split(":")[2].split("/")[0]
    other = f"http://127.0.0.1:{port}/"
    seen = see(
        server.address,
        READY,
        {"js": f"history.replaceState(null, '', '{other}another/'); null"},
        click("#gallery li:nth-child(3) button"),
        {"until": "!document.getElementById('trouble').hidden"},
        TROUBLE,
    )
    server.stop()
    assert "printed" in answers(seen)[0]


def test_a_server_that_is_killed_under_the_page_is_explained():
    with served() as (process, address):
        killer = threading.Timer(15, process.kill)
        killer.start()
        any_photograph = "document.querySelectorAll('#gallery button')[Date.now() % 5]"
        seen = see(
            address,
            READY,
            {
                "until": f"({any_photograph}.click(), "
                "!document.getElementById('trouble').hidden)"
            },
            TROUBLE,
        )
        killer.cancel()
    assert "Start it again" in answers(seen)[0]


def test_a_unit_that_no_rule_serves_is_explained():
    import keras

    import visualize
    import zfkeras

    image = keras.Input((16, 16, 3))
    maps = keras.layers.Conv2D(4, 3, name="first")(image)
    maps = keras.layers.Conv2D(4, 3, activation="gelu", name="second")(maps)
    vector = keras.layers.GlobalAveragePooling2D()(maps)
    model = keras.Model(image, keras.layers.Dense(3, "softmax")(vector))
    mine = zfkeras.Classifier.from_keras(model, inputs="0..1")
    server = visualize.open_explorer(mine, max_images=20)
    seen = see(
        server.address,
        {"until": "document.querySelectorAll('.tile').length > 2"},
        click(".strip:last-child .tile"),
        {"until": "document.querySelector('.refusal')"},
        {"js": "document.querySelector('.refusal').textContent"},
        {"js": "document.querySelector('pre').textContent"},
    )
    server.stop()
    refusal, snippet = answers(seen)
    assert "gelu" in refusal and "generalised" in refusal
    assert "network = ..." in snippet
