"""Writes the pictures and the record of the report's gallery of features."""

from pathlib import Path

import numpy as np
from PIL import Image

from visualize.figures.features.figure import (
    FEATURES,
    PAPER,
    FeatureSettings,
    find_features,
    layer_record,
)
from visualize.figures.features.top_features import LayerFeatures
from visualize.figures.figure import Figure
from visualize.images.contrast import stretch
from zfkeras.io.file_names import layer_stem
from zfkeras.io.files import written_whole
from zfkeras.plots import tile
from zfkeras.records import Record

_LINE = 24  # grey value of the lines between patches
_SHARP = 32  # pixels of a patch up to which it is kept as PNG
_QUALITY = 90  # of the JPEG of larger patches


def make_gallery(context, settings: FeatureSettings) -> Record:
    """Writes two small pictures of each channel that is shown."""
    class_names = context.source(settings.data).class_names
    found, images = find_features(context, settings)
    records = []
    for features, strongest in found:
        record = layer_record(features, strongest, class_names)
        record["left"] = "reconstructions" if features.filters is None else "filter"
        for row, feature in enumerate(record["features"]):
            feature |= _write_sheets(features, row, context.workdir)
        records.append(record)
    return Record(PAPER, (), {**images(), "top": settings.top, "layers": records})


GALLERY = Figure(
    key="gallery",
    title=FEATURES.title,
    description=FEATURES.description,
    settings=FeatureSettings,
    measure=make_gallery,
    takes=("layers", "channels"),
)


def _write_sheets(features: LayerFeatures, row: int, folder: Path) -> dict:
    """Writes the two pictures of a channel; returns their names."""
    stem = f"{layer_stem(features.layer)}-{features.channels[row]:04d}"
    left = (
        _sheet(features.reconstructions[row])
        if features.filters is None
        else stretch(features.filters[row][None])[0]
    )
    side = max(features.patches.shape[2:4])
    return {
        "left": _write(left, folder / f"{stem}-left", side),
        "patches": _write(
            _sheet(features.patches[row]), folder / f"{stem}-right", side
        ),
    }


def _sheet(images: np.ndarray) -> np.ndarray:
    """Tiles images (count, height, width, 3) into one, as many rows as columns."""
    columns = int(np.ceil(np.sqrt(len(images))))
    gap = max(1, max(images.shape[1:3]) // 28)
    return tile(images, columns, gap=gap, fill=_LINE)


def _write(pixels: np.ndarray, stem: Path, side: int) -> str:
    """Writes a PNG of small patches, a JPEG of large ones; returns the file's name."""
    kind = "png" if side <= _SHARP else "jpg"
    path = stem.with_name(f"{stem.name}.{kind}")
    options = {"optimize": True} if kind == "png" else {"quality": _QUALITY}
    with written_whole(path) as file:
        image = Image.fromarray(pixels)
        format_name = "PNG" if kind == "png" else "JPEG"
        image.save(file, format_name, subsampling=0, **options)
    return path.name
