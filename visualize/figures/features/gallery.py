"""Writes the pictures and the record of the report's gallery of features."""

from pathlib import Path

import numpy as np
from PIL import Image

from visualize.features import layer_record
from visualize.figures.features.finder import FeatureFinder
from visualize.figures.features.top_features import LayerFeatures
from visualize.images.contrast import stretch
from visualize.strongest.sample import draw_sample
from zfkeras.data.files.bad_images import BadImages
from zfkeras.data.register import Source
from zfkeras.io.file_names import layer_stem
from zfkeras.io.files import written_whole
from zfkeras.io.provenance import write_results
from zfkeras.models.classifier import Classifier
from zfkeras.plots import tile

_NAME = "gallery"
RECORD = f"{_NAME}.json"
_LINE = 24  # grey value of the lines between patches
_SHARP = 32  # pixels of a patch up to which it is kept as PNG
_QUALITY = 90  # of the JPEG of larger patches


def make_gallery(
    classifier: Classifier,
    source: Source,
    split_name: str,
    folder: Path,
    *,
    layers: list[int | str],
    num_channels: int,
    top: int = 9,
    max_images: int | None = None,
    max_bad_fraction: float = 0.01,
    batch_size: int = 128,
    seed: int = 0,
) -> Path:
    """Writes the strongest activations of some channels; returns the record's path."""
    split = draw_sample(source.split(split_name), max_images, seed)
    finder = FeatureFinder(classifier, layers, top)
    bad_images = BadImages(max(split.num_examples, 1), max_bad_fraction)
    found = finder.find(
        source,
        split,
        num_channels,
        state_path=folder / "top_activations.npz",
        data=f"{source.spec} {split_name} {max_images} {seed}",
        bad_images=bad_images,
        batch_size=batch_size,
        seed=seed,
    )
    records = []
    for features, strongest in found:
        record = layer_record(features, strongest, source.class_names)
        record["left"] = "reconstructions" if features.filters is None else "filter"
        for row, feature in enumerate(record["features"]):
            feature |= _write_sheets(features, row, folder)
        records.append(record)
    return write_results(
        folder,
        _NAME,
        {
            "data": source.spec,
            "split": split_name,
            "num_images": split.num_examples - bad_images.count,
            "bad_images": bad_images.to_json(),
            "top": top,
            "seed": seed,
            "layers": records,
        },
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
