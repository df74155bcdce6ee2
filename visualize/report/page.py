"""Writes the report's page: one HTML file that loads nothing from elsewhere.

The templates escape all text. A Content-Security-Policy in the page forbids every
request, and every script and style but the page's own.
"""

import base64
import dataclasses
import io
from pathlib import Path

import jinja2
from PIL import Image

from zfkeras.data.sources.photographs import Photograph
from zfkeras.errors import UsageError
from zfkeras.io.content_policy import policy_hash
from zfkeras.io.files import raise_system_errors, written_whole
from zfkeras.records import Table

_TEMPLATES = Path(__file__).parent / "templates"
_LARGE = 300_000  # bytes; larger pictures are made smaller
_WIDEST = 2400  # pixels of those
_QUALITY = 88
_SHARP = 200  # pixels; the page enlarges smaller pictures with sharp pixels


@dataclasses.dataclass(frozen=True)
class Picture:
    """A picture as a data URI, with its size in pixels."""

    source: str
    width: int
    height: int
    alt: str

    @property
    def sharp(self) -> bool:
        """Whether the page enlarges it with sharp pixels."""
        return max(self.width, self.height) <= _SHARP


@dataclasses.dataclass(frozen=True, kw_only=True)
class Section:
    """A figure or a group of tables, with the paper's claim and our sentences."""

    anchor: str  # its id in the page
    title: str
    folder: Path  # of its record and pictures
    paper: str = ""
    ours: tuple[str, ...] = ()
    pictures: tuple[Picture, ...] = ()
    tables: tuple[Table, ...] = ()

    @property
    def short(self) -> str:
        """Its name in the contents."""
        return self.title.partition(":")[0]


@dataclasses.dataclass(frozen=True)
class Card:
    """A channel in the gallery."""

    anchor: str
    channel: int
    left: Picture
    patches: Picture
    summary: str
    words: str  # what the search field finds it by
    top: list[dict]  # {"activation", "class_name", "image_id"}, strongest first


@dataclasses.dataclass(frozen=True)
class GalleryLayer:
    """A layer in the gallery."""

    name: str
    short: str
    title: str
    facts: str
    left: str  # what the left pictures of its cards are
    size: str  # "small" or "large" cards
    cards: tuple[Card, ...]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Gallery(Section):
    """The features of all layers, lowest first."""

    anchor: str = "gallery"
    layers: tuple[GalleryLayer, ...]


@dataclasses.dataclass(frozen=True)
class Page:
    """All that the page says; each fact is (name, value, note)."""

    title: str
    subtitle: str
    facts: tuple[tuple[str, str, str], ...]
    gallery: Gallery | None
    sections: tuple[Section, ...]
    missing: tuple[tuple[str, str], ...]
    provenance: tuple[tuple[str, str], ...]
    credits: tuple[Photograph, ...] = ()


def write_page(page: Page, path: Path) -> Path:
    """Writes the page to a .html file, whole or not at all; returns the path."""
    with written_whole(path, "w") as file:
        file.write(render(page))
    return Path(path)


def render(page: Page) -> str:
    """Renders the page as HTML."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    style, script = (
        (_TEMPLATES / name).read_text("utf-8") for name in ("report.css", "report.js")
    )
    return environment.get_template("report.html.j2").render(
        page=page,
        style=style,
        script=script,
        style_hash=policy_hash(style),
        script_hash=policy_hash(script),
    )


def embed(path: Path, alt: str) -> Picture:
    """Reads a PNG or JPEG file; large ones become a smaller JPEG."""
    content = Path(path).read_bytes()
    try:
        with Image.open(io.BytesIO(content), formats=("PNG", "JPEG")) as image:
            image.load()
            kind = image.format.lower()
            if len(content) > _LARGE:
                image.thumbnail((_WIDEST, 2 * _WIDEST), Image.Resampling.LANCZOS)
                smaller = _as_jpeg(image)
                if len(smaller) < len(content):
                    content, kind = smaller, "jpeg"
            with Image.open(io.BytesIO(content)) as shown:
                width, height = shown.size
    # Damaged bytes make Pillow raise nearly everything there is.
    except Exception as err:
        raise_system_errors(err)
        raise UsageError(f"{path} is no PNG or JPEG, or is damaged ({err}).") from err
    data = base64.b64encode(content).decode()
    return Picture(f"data:image/{kind};base64,{data}", width, height, alt)


def _as_jpeg(image: Image.Image) -> bytes:
    file = io.BytesIO()
    if image.has_transparency_data:
        ground = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(ground, image.convert("RGBA"))
    image.convert("RGB").save(file, "JPEG", quality=_QUALITY, subsampling=0)
    return file.getvalue()
