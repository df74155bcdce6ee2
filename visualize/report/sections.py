"""Makes the report's gallery and sections out of the folders of the figures."""

import contextlib
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

from visualize.figures.features.figure import FEATURES, WITHOUT_SWITCHES
from visualize.images.objects import said_of_objects
from visualize.report.page import Card, Gallery, GalleryLayer, Section, embed
from zfkeras.data.wnids import without_wnid
from zfkeras.errors import RunError, UsageError
from zfkeras.io.file_names import layer_stem
from zfkeras.records import Record

_FAR_FEWER, _FEWER = 0.8, 0.95  # shares of the lower layer's classes
_SMALL = 16  # pixels of a patch up to which its card is small


@contextlib.contextmanager
def said_in_one_line(folder: Path) -> Iterator[None]:
    """Turns what damaged files in a folder raise into a `RunError` of one line."""
    try:
        yield
    except KeyError as err:
        raise RunError(f"a record in {folder} has no {err}: it is damaged.") from err
    except (OSError, ValueError, TypeError, IndexError, AttributeError) as err:
        reason = str(err) if isinstance(err, (UsageError, OSError)) else repr(err)
        raise RunError(f"cannot read what is in {folder}: {reason}") from err


def record_section(key: str, title: str, record: Record, folder: Path) -> Section:
    """Makes the section of a figure or table of its record and the pictures beside."""
    with said_in_one_line(folder):
        alt = f"{title}. {' '.join(record.findings)}"
        return Section(
            anchor=key,
            title=title,
            folder=folder,
            paper=str(record.paper.get("claim", "")),
            ours=(*record.findings, *_said_of_bad_images(record)),
            pictures=tuple(
                embed(_inside(folder, name), "" if place else alt)
                for place, name in enumerate(record.pictures)
            ),
            tables=tuple(record.tables),
        )


def _said_of_bad_images(record: Record) -> tuple[str, ...]:
    """Says how many images could not be read, if there were any."""
    count = (record.numbers.get("bad_images") or {"count": 0})["count"]
    noun = "image" if count == 1 else "images"
    return (f"{count:,} {noun} could not be read and took no part.",) * (count > 0)


def gallery(record: Record, folder: Path) -> Gallery:
    """Makes the gallery from the record that `make_gallery` returns."""
    with said_in_one_line(folder):
        numbers = record.numbers
        layers, top = numbers["layers"], numbers["top"]
        shorts = _short_names([str(layer["layer"]) for layer in layers])
        return Gallery(
            title=FEATURES.title,
            folder=folder,
            paper=str(record.paper["claim"]),
            ours=(
                f"the {top} strongest activations of channels drawn at random among "
                f"the active ones, over {numbers['num_images']:,} images; one "
                f"activation per {_counted_once(numbers)}. Grey is zero, and each "
                "reconstruction has its contrast stretched by itself. Choose a channel "
                "to enlarge it.",
                *record.findings,
                *_specific(layers, top / numbers["images_per_class"]),
                *_said_of_bad_images(record),
            ),
            layers=tuple(
                _layer(layer, short, top, folder)
                for layer, short in zip(layers, shorts, strict=True)
            ),
        )


def _counted_once(record: Mapping) -> str:
    """Names what gives a channel one activation at most (`strongest.distinct`)."""
    return "photograph" if record.get("data") == "photographs" else "image"


def _specific(layers: list[Mapping], fewest: float) -> tuple[str, ...]:
    """Says whether higher layers are more specific to classes, as in the paper.

    fewest: of how many classes the images of a channel are if it answers to as few as
    it can.
    """
    first, last = layers[0], layers[-1]
    low, high = first["mean_num_classes_in_top"], last["mean_num_classes_in_top"]
    if None in (low, high):  # all channels dead, or the images of no known class
        return ()
    chance = first["num_classes_by_chance"]
    # Only the layers of networks that ZFNet makes have the paper's numbers.
    is_zfnet = isinstance(first["layer"], int)
    paper = "as in the paper" if is_zfnet else "as the paper reports of ZFNet"
    verdict = "higher layers are not more specific to classes than lower ones."
    if fewest > _FAR_FEWER * chance:
        verdict = (
            "with so few images per class, these images cannot show whether higher "
            "layers are more specific to classes."
        )
    elif high < _FAR_FEWER * low:
        verdict = f"higher layers are more specific to classes, {paper}."
    elif high < _FEWER * low:
        verdict = f"higher layers are a little more specific, {paper}."
    elif high < low:
        verdict = "higher layers are hardly more specific to classes than lower ones."
    return (
        f"Among the images of a channel there are {low:.1f} classes in layer "
        f"{first['layer']} and {high:.1f} in layer {last['layer']}, where chance gives "
        f"{chance:.1f}: {verdict}",
    )


def _short_names(names: list[str]) -> list[str]:
    """Shortens names of layers that all lie in one nested model."""
    parts = [name.rpartition(".") for name in names]
    same = len({model for model, _, _ in parts}) == 1
    return [own for _, _, own in parts] if same else names


def _layer(record: Mapping, short: str, top: int, folder: Path) -> GalleryLayer:
    name, number = str(record["layer_name"]), record["layer"]
    title = f"Layer {number} ({name})" if number != name else f"Layer {name}"
    facts = (
        f"{_what_a_unit_sees(record)} {record['num_channels']:,} channels, "
        f"{record['num_dead'] or 'none'} without any activation."
    )
    if (classes := record["mean_num_classes_in_top"]) is not None:
        facts += f" The {top} images of a channel come from {classes:.1f} classes on "
        facts += "average."
    if not record.get("pools_maxima", True):
        facts += f" {WITHOUT_SWITCHES[0].upper()}{WITHOUT_SWITCHES[1:]}"
    if record.get("on_objects"):
        said = said_of_objects(record["on_objects"])
        facts += f" {said[0].upper()}{said[1:]}"
    left, stem = str(record["left"]), layer_stem(number)
    is_small = max(record["receptive_field"]) <= _SMALL
    return GalleryLayer(
        name,
        short,
        title,
        facts,
        left,
        "small" if is_small else "large",
        tuple(_card(stem, title, left, one, folder) for one in record["features"]),
    )


def _what_a_unit_sees(record: Mapping) -> str:
    if not record.get("knows_receptive_field", True):
        return "What a unit sees cannot be told, so whole images are shown."
    (height, width), step = record["receptive_field"], record["stride"][0]
    if step == 0:
        return "A unit sees the whole image."
    return f"A unit sees {height} x {width} pixels, the next one {step} further on."


def _card(stem, title, left, feature, folder) -> Card:
    channel = int(feature["channel"])
    top = [
        {
            "activation": f"{row['activation']:.2f}",
            "class_name": str(row["class_name"]) if row["label"] >= 0 else "–",
            "image_id": str(row["image_id"]),
        }
        for row in feature["top"]
    ]
    names = Counter(_shown_name(row) for row in feature["top"])
    where = f"{title}, channel {channel}"
    said = f"{where}: patches of images of {', '.join(names)}"
    summary = "; ".join(
        f"{name} ({count})" if count > 1 else name
        for name, count in names.most_common(2)
    )
    return Card(
        f"{stem}-{channel}",
        channel,
        embed(_inside(folder, feature["left"]), f"{where}: {left}"),
        embed(_inside(folder, feature["patches"]), said),
        summary,
        " ".join(dict.fromkeys([*names, *(row["class_name"] for row in top)])),
        top,
    )


def _shown_name(row: Mapping) -> str:
    """Names the class of an image, or the image if the class is not known."""
    if row["label"] >= 0:
        return without_wnid(str(row["class_name"]))
    return str(row["image_id"]).partition("/")[0].replace("_", " ")


def _inside(folder: Path, name: str) -> Path:
    """Returns the path of a file that a record names; it must lie beside the record."""
    if Path(name).name != name:
        raise UsageError(f"a picture must be a name in the folder. Received: {name!r}.")
    return folder / name
