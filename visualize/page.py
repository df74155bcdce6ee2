"""The report's page: one HTML file that holds all it shows and asks for nothing.

It lays out what it is given; it makes no figures and reads no records. Whatever text
comes in is escaped by the templates, and a policy in the page forbids every request and
every script and style but its own.
"""

import base64
import dataclasses
import hashlib
import io
from pathlib import Path

import jinja2
from PIL import Image

from zfkeras.errors import UsageError
from zfkeras.files import raise_system_errors, written_whole

_TEMPLATES = Path(__file__).parent / "templates"
_LARGE = 300_000  # bytes of a picture from which it is looked for a smaller coding
_WIDEST = 2400  # pixels
_QUALITY = 88
_SHARP = 200  # pixels up to which a picture is shown with its pixels as squares


@dataclasses.dataclass(frozen=True)
class Picture:
    """A picture, in the page itself.

    Args:
        source: data URI.
        width: in pixels.
        height: in pixels.
        alt: what it shows, for those who do not see it.
        caption: below it. Empty (default): none.
    """

    source: str
    width: int
    height: int
    alt: str
    caption: str = ""

    @property
    def sharp(self) -> bool:
        """Whether it is so small that its pixels are to be seen."""
        return max(self.width, self.height) <= _SHARP


@dataclasses.dataclass(frozen=True)
class Table:
    """A table whose first column names the rows.

    Args:
        caption: above it.
        headings: of the columns.
        rows: texts, one for each heading.
        strong: first cells of the rows to be set in bold.
        note: below it. Empty (default): none.
    """

    caption: str
    headings: list[str]
    rows: list[list[str]]
    strong: tuple[str, ...] = ()
    note: str = ""


@dataclasses.dataclass(frozen=True)
class Section:
    """A figure or a group of tables.

    Args:
        anchor: its id in the page.
        short: its name in the contents.
        title: its heading.
        paper: what the paper says.
        ours: sentences on what is to be seen here.
        pictures: in order.
        tables: in order.
    """

    anchor: str
    short: str
    title: str
    paper: str = ""
    ours: tuple[str, ...] = ()
    pictures: tuple[Picture, ...] = ()
    tables: tuple[Table, ...] = ()


@dataclasses.dataclass(frozen=True)
class Card:
    """A channel in the gallery.

    Args:
        anchor: its id in the page.
        channel: its number.
        left: its filter or reconstructions.
        patches: what they come from.
        summary: the classes among its strongest, in short.
        words: what it is found by.
        top: {"activation", "class_name", "image_id"} of each, strongest first.
    """

    anchor: str
    channel: int
    left: Picture
    patches: Picture
    summary: str
    words: str
    top: list[dict]


@dataclasses.dataclass(frozen=True)
class GalleryLayer:
    """A layer in the gallery.

    Args:
        name: of the Keras layer.
        short: on the button that chooses it.
        title: its heading.
        facts: a line on what its units see.
        left: what the left pictures are.
        size: "small" or "large" cards.
        cards: its channels.
    """

    name: str
    short: str
    title: str
    facts: str
    left: str
    size: str
    cards: tuple[Card, ...]


@dataclasses.dataclass(frozen=True)
class Gallery:
    """The features of all layers.

    Args:
        title: its heading.
        paper: what the paper says.
        ours: sentences on what is to be seen here.
        layers: lowest first.
    """

    title: str
    paper: str
    ours: tuple[str, ...]
    layers: tuple[GalleryLayer, ...]


@dataclasses.dataclass(frozen=True)
class Credit:
    """The attribution of a photograph that the page shows.

    Args:
        title: as its author calls it.
        author: who made it.
        licence: its name.
        source: address where the author published it.
        licence_url: address of the licence's text. Empty (default): none.
    """

    title: str
    author: str
    licence: str
    source: str
    licence_url: str = ""


@dataclasses.dataclass(frozen=True)
class Page:
    """All that the page says.

    Args:
        title: of the page.
        subtitle: a sentence on network and images.
        facts: (name, value, note) of the numbers at the top.
        gallery: of features; `None` if it could not be made.
        sections: figures and tables, in order.
        missing: (title, reason) of what could not be made.
        provenance: (name, value) of how the page came about.
        credits: of the photographs that it shows. Empty (default): none are due.
    """

    title: str
    subtitle: str
    facts: tuple[tuple[str, str, str], ...]
    gallery: Gallery | None
    sections: tuple[Section, ...]
    missing: tuple[tuple[str, str], ...]
    provenance: tuple[tuple[str, str], ...]
    credits: tuple[Credit, ...] = ()


def write_page(page: Page, path: Path) -> Path:
    """Writes the page, whole or not at all; returns the path.

    Args:
        page: what it says.
        path: ends in .html.
    """
    with written_whole(path, "w") as file:
        file.write(render(page))
    return Path(path)


def render(page: Page) -> str:
    """The page as HTML.

    Args:
        page: what it says.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    style, script = (_own_text(name) for name in ("report.css", "report.js"))
    return environment.get_template("report.html.j2").render(
        page=page,
        style=style,
        script=script,
        style_hash=_policy_hash(style),
        script_hash=_policy_hash(script),
    )


def _own_text(name: str) -> str:
    return (_TEMPLATES / name).read_text(encoding="utf-8")


def _policy_hash(text: str) -> str:
    """By which a Content-Security-Policy lets a style or script in the page pass."""
    digest = hashlib.sha256(text.encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode()}"


def embed(path: Path, alt: str, caption: str = "") -> Picture:
    """Reads a picture into the page.

    Large ones are coded anew as JPEG where that is smaller, and made no wider than a
    screen can show: a page of many has to stay light.

    Args:
        path: of a PNG or JPEG file.
        alt: what it shows, for those who do not see it.
        caption: below it.

    Raises:
        FileNotFoundError: there is no such file.
        UsageError: it is no picture, or damaged.
    """
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
    return Picture(f"data:image/{kind};base64,{data}", width, height, alt, caption)


def _as_jpeg(image: Image.Image) -> bytes:
    file = io.BytesIO()
    if image.has_transparency_data:
        ground = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(ground, image.convert("RGBA"))
    image.convert("RGB").save(file, "JPEG", quality=_QUALITY, subsampling=0)
    return file.getvalue()
