import base64
import dataclasses
import hashlib
import io
import re

import numpy as np
import pytest
from PIL import Image

from tests.helpers.browser import see
from tests.helpers.page_reader import PageReader
from tests.helpers.pictures import encoded, picture
from visualize.report.page import (
    Card,
    Gallery,
    GalleryLayer,
    Page,
    Section,
    Table,
    embed,
    render,
    write_page,
)
from zfkeras.data.sources.photographs import Photograph
from zfkeras.errors import UsageError

HOSTILE = (
    "<script>document.title='owned'</script>",
    "\"' onmouseover='document.title=1' x=\"",
    "</script></style></table><img src=http://example.com/x>",
    "{{ 7 * 7 }}{% raw %}",
    "\u202egnp.tac\u202c größer 猫",
)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures")
    (folder / "small.png").write_bytes(encoded(picture(35, 35), "PNG"))
    (folder / "wide.png").write_bytes(encoded(picture(1400, 500), "PNG"))
    return folder


def a_layer(picture, number, names_of):
    name, cards = f"conv{number}", []
    for channel, names in names_of.items():
        top = [
            {"activation": "1.00", "class_name": one, "image_id": f"{one}.png"}
            for one in names
        ]
        said = (names[0], " ".join(names), top)
        cards.append(Card(f"{name}-{channel}", channel, picture, picture, *said))
    facts = ("facts", "reconstructions", "large")
    title = f"Layer {number} ({name})"
    return GalleryLayer(name, str(number), title, *facts, tuple(cards))


@pytest.fixture(scope="module")
def page(pictures):
    small = embed(pictures / "small.png", "a channel")
    wide = embed(pictures / "wide.png", f"a figure of {HOSTILE[0]}")
    table = Table(HOSTILE[0], ["name", HOSTILE[1]], [[HOSTILE[2], "1"]])
    layers = (
        a_layer(small, 1, {2: ["tabby cat"], 17: ["dog"], 170: ["Café"]}),
        a_layer(small, 2, {17: list(HOSTILE), 30: ["dog", "tabby cat"]}),
    )
    return Page(
        title=f"What {HOSTILE[0]} sees",
        subtitle=HOSTILE[2],
        facts=(("top-1 error", "63.1 %", "on 10,000 images"),),
        gallery=Gallery(title="Fig. 2: features", folder=pictures, layers=layers),
        sections=(
            Section(
                anchor="evolution",
                title="Fig. 4: evolution",
                folder=pictures,
                paper="layers settle",
                ours=(HOSTILE[3],),
                pictures=(wide,),
                tables=(table,),
            ),
        ),
        missing=(("Fig. 8", HOSTILE[2]),),
        provenance=(("command", HOSTILE[4]),),
    )


@pytest.fixture(scope="module")
def html(page):
    return render(page)


@pytest.fixture(scope="module")
def path(page, tmp_path_factory):
    return write_page(page, tmp_path_factory.mktemp("page") / "report.html")


def test_the_page_holds_all_it_shows(html):
    read = PageReader(html)
    assert len(read.all("img")) == 2 * 5 + 1
    for image in read.all("img"):
        assert re.match(r"data:image/(png|jpeg);base64,", image["src"])
        assert image["alt"] and int(image["width"]) > 0 and int(image["height"]) > 0
    assert len(read.all("details")) == 5
    outside = [a for a in read.addresses if not a.startswith(("data:", "#"))]
    assert not outside
    assert not re.search(r"url\(|@import|fetch\(|XMLHttpRequest", "".join(read.code))


def test_photographs_are_credited_with_links_that_are_addresses(page):
    first, other = "https://example.com/?a=1&b=<i>", "https://example.com/by"
    credits = tuple(
        Photograph("x.jpg", title, author, licence, licence_url, source, "", "")
        for title, author, licence, licence_url, source in (
            (HOSTILE[0], HOSTILE[1], "CC BY 2.0", other, first),
            (HOSTILE[2], "Jo", "CC0 1.0", "", "javascript:document.title=1"),
        )
    )
    read = PageReader(render(dataclasses.replace(page, credits=credits)))
    assert {"#credits", first, other} <= {*read.addresses}
    assert not [a for a in read.addresses if a.startswith("javascript")]
    for shown in (*HOSTILE[:3], "CC BY 2.0", "Jo", "CC0 1.0"):
        assert " ".join(shown.split()) in read.text
    assert not read.all("i")


def test_links_lead_to_what_is_there(html):
    read = PageReader(html)
    ids = [attributes["id"] for _, attributes in read.elements if "id" in attributes]
    assert len(ids) == len({*ids})
    links = {address[1:] for address in read.addresses if address.startswith("#")}
    assert links == {"main", "gallery", "evolution", "missing", "provenance"}
    assert links <= {*ids}


def test_the_policy_lets_only_the_pages_own_script_and_style_pass(html):
    (policy,) = [
        meta["content"]
        for meta in PageReader(html).all("meta")
        if meta.get("http-equiv") == "Content-Security-Policy"
    ]
    rules = dict(rule.split(maxsplit=1) for rule in policy.split("; "))
    assert rules["default-src"] == rules["base-uri"] == rules["form-action"] == "'none'"
    assert rules["img-src"] == "data:"
    for tag in ("script", "style"):
        (inside,) = re.findall(rf"<{tag}>(.*?)</{tag}>", html, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(inside.encode()).digest()).decode()
        assert rules[f"{tag}-src"] == f"'sha256-{digest}'"
    # The policy would block them, and the page would not look or work as meant.
    names = {name for _, found in PageReader(html).elements for name in found}
    assert not [name for name in names if name == "style" or name.startswith("on")]


def test_hostile_names_are_text(html):
    read = PageReader(html)
    for name in HOSTILE:
        assert " ".join(name.split()) in read.text
    assert len(read.all("script")) == len(read.all("style")) == 1
    assert all("onmouseover" not in attributes for _, attributes in read.elements)
    assert not any("owned" in code for code in read.code)


def test_a_page_without_figures_says_why():
    # Lines do not end inside of arguments.
    reason = "give it by --run, <b>--x</b>"
    bare = render(Page("t", "s", (), None, (), (("Fig. 2", reason),), ()))
    assert 'give it by <span class="argument">--run,</span> &lt;b&gt;--x' in bare
    read = PageReader(bare)
    assert f"Fig. 2 {reason}" in read.text
    assert "#gallery" not in read.addresses


def test_large_pictures_become_light(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (600, 3000, 4), np.uint8)
    noise[..., 3] = 255
    Image.fromarray(noise).save(tmp_path / "noise.png", compress_level=1)
    shown = embed(tmp_path / "noise.png", "alt")
    content = base64.b64decode(shown.source.partition(",")[2])
    assert shown.source.startswith("data:image/jpeg")
    assert len(content) < (tmp_path / "noise.png").stat().st_size / 2
    with Image.open(io.BytesIO(content)) as image:
        assert image.size == (shown.width, shown.height) == (2400, 480)


def test_what_is_no_picture_is_not_embedded(tmp_path):
    (tmp_path / "x.png").write_bytes(b"<svg onload=alert(1)>")
    with pytest.raises(UsageError, match=r"x\.png is no PNG or JPEG"):
        embed(tmp_path / "x.png", "alt")


SHOWN = "[...document.querySelectorAll('.card')].filter(c => c.offsetHeight)"
CHANNELS = {"js": SHOWN + ".map(c => c.id).join(' ')"}


def typed(words):
    return {
        "js": f"words.value = {words!r}; "
        "words.dispatchEvent(new Event('input', {bubbles: true})); 1"
    }


@pytest.mark.slow
@pytest.mark.parametrize(
    ("size", "dark"),
    [((1280, 900), False), ((390, 844), True)],
    ids=["light desk", "dark phone"],
)
def test_in_a_browser_it_asks_for_nothing_and_fits(path, tmp_path, size, dark):
    seen = see(
        path,
        {"js": "document.documentElement.scrollWidth <= document.body.clientWidth"},
        {"js": "getComputedStyle(document.body).backgroundColor"},
        {"js": "[...document.images].every(i => i.naturalWidth > 0)"},
        {"js": "document.title"},
        {"screenshot": tmp_path / "page.png"},
        width=size[0],
        height=size[1],
        dark=dark,
    )
    assert seen["requests"] == seen["console"] == []
    fits, ground, drawn, title = seen["answers"]
    assert fits and drawn
    assert (max(map(int, re.findall(r"\d+", ground))) < 64) == dark
    assert title == f"What {HOSTILE[0]} sees"
    with Image.open(tmp_path / "page.png") as image:
        assert np.asarray(image.convert("L")).std() > 5


@pytest.mark.slow
def test_in_a_browser_the_filter_finds_channels_and_classes(path):
    layer = "document.querySelector('[name=layer][value=conv2]').click(); 1"
    count = {"js": "document.getElementById('count').textContent"}
    seen = see(
        path,
        *(CHANNELS, typed("17"), CHANNELS, typed("cat"), CHANNELS, count),
        *(typed("CAFE"), CHANNELS, typed("dog tabby"), CHANNELS),
        *(typed(""), {"js": layer}, CHANNELS, typed("nothing such"), CHANNELS),
        {"js": "nothing.offsetHeight > 0 ? 'none' : ''"},
        {"js": "document.querySelector('[type=reset]').click(); 1"},
        CHANNELS,
    )
    assert seen["console"] == []
    everything = "conv1-2 conv1-17 conv1-170 conv2-17 conv2-30"
    assert [answer for answer in seen["answers"] if answer != 1] == [
        everything,
        "conv1-17 conv2-17",
        "conv1-2 conv2-30",
        "2 of 5 channels",
        "conv1-170",
        "conv2-30",
        "conv2-17 conv2-30",
        "",
        "none",
        everything,
    ]


@pytest.mark.slow
def test_in_a_browser_keys_lead_through_the_zoom(path):
    title = {"js": "zoom.open && document.getElementById('zoom-title').textContent"}
    seen = see(
        path,
        {"js": "document.querySelector('#conv1-2 .open').focus(); 1"},
        {"key": "Right"},
        {"js": "document.activeElement.closest('.card').id"},
        {"key": "Return"},
        title,
        *({"key": "Right"}, {"key": "Right"}, title),
        *({"key": "Left"}, title),
        {"js": "document.querySelectorAll('#zoom-content tbody tr').length"},
        {"key": "Escape"},
        {"js": "zoom.open"},
        {"js": "document.activeElement.closest('.card').id"},
        {"js": "document.querySelector('#evolution .open').click(); 1"},
        title,
        {"key": "Right"},  # the only figure
        title,
        {"js": "document.getElementById('close').click(); zoom.open"},
        {"js": "theme.click(); theme.click(); theme.textContent"},
        {"js": "getComputedStyle(document.body).backgroundColor"},
    )
    assert seen["requests"] == seen["console"] == []
    assert [answer for answer in seen["answers"] if answer != 1] == [
        "conv1-17",
        "Layer 1 (conv1), channel 17",
        "Layer 2 (conv2), channel 17",
        "Layer 1 (conv1), channel 170",
        False,
        "conv1-170",
        "Fig. 4: evolution",
        "Fig. 4: evolution",
        False,
        "Theme: dark",
        "rgb(20, 20, 19)",
    ]
