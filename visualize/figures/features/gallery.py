"""Writes the pictures and the record of the report's gallery of features."""

from pathlib import Path

import numpy as np
from PIL import Image

from visualize.figures.features.figure import (
    FEATURES,
    PAPER,
    FeatureSettings,
    layer_record,
)
from visualize.figures.features.finder import find_features
from visualize.figures.features.top_features import LayerFeatures
from visualize.figures.figure import Figure
from visualize.images.contrast import to_uint8
from zfkeras.io.file_names import layer_stem
from zfkeras.io.files import written_whole
from zfkeras.plots import tile
from zfkeras.records import Record

_LINE = 24  # grey value of the lines between patches
_SHARP = 32  # pixels of a patch up to which it is kept as PNG
_QUALITY = 90  # of the JPEG of larger patches


def make_gallery(context, settings: FeatureSettings) -> Record:
    """Writes two small pictures of each channel that is shown."""
    numbers, class_names, found = find_features(context, settings)
    records = []
    for features, strongest in found:
        record = layer_record(features, strongest, class_names)
        record["left"] = "reconstructions" if features.filters is None else "filter"
        for row, feature in enumerate(record["features"]):
            feature |= _write_sheets(features, row, context.workdir)
        records.append(record)
    numbers |= {"top": settings.top, "layers": records}
    shown = [feature for record in records for feature in record["features"]]
    names = [feature[side] for feature in shown for side in ("left", "patches")]
    return Record(PAPER, (), numbers, pictures=dict.fromkeys(names))


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
        else to_uint8(features.filters[row])
    )
    right = _sheet(features.patches[row])
    is_small = max(features.patches.shape[2:4]) <= _SHARP
    return {
        "left": _write(left, folder / f"{stem}-left", is_small),
        "patches": _write(right, folder / f"{stem}-right", is_small),
    }


def _sheet(images: np.ndarray) -> np.ndarray:
    """Tiles images (count, height, width, 3) into one, as many rows as columns."""
    columns = int(np.ceil(np.sqrt(len(images))))
    gap = max(1, max(images.shape[1:3]) // 28)
    return tile(images, columns, gap=gap, fill=_LINE)


def _write(pixels: np.ndarray, stem: Path, is_small: bool) -> str:
    """Writes small patches as PNG and large ones as JPEG; returns the file's name."""
    kind, ending = ("PNG", "png") if is_small else ("JPEG", "jpg")
    options = {"optimize": True} if is_small else {"quality": _QUALITY}
    path = stem.with_name(f"{stem.name}.{ending}")
    with written_whole(path) as file:
        Image.fromarray(pixels).save(file, kind, subsampling=0, **options)
    return path.name
