"""Layers whose names only a stranger would choose."""

import json

import keras
import numpy as np

from visualize.figures.features.gallery import make_gallery
from visualize.report.sections import gallery
from zfkeras.data.preprocessing import Preprocessing
from zfkeras.data.register import open_source
from zfkeras.models.classifier import Classifier

LONG = "x" * 250
NAMES = (
    "inner>conv",
    "..",
    f"{LONG}1",
    f"{LONG}2",
    "features",
)


def test_the_gallery_takes_any_names_of_layers(tmp_path):
    convolutions = [keras.layers.Conv2D(2, 3, name=name) for name in NAMES]
    model = keras.Sequential([keras.Input((32, 32, 3)), *convolutions])
    model.add(keras.layers.GlobalMaxPooling2D())
    preprocessing = Preprocessing(np.zeros((32, 32, 3), np.float32), crop_size=32)
    source = open_source("shapes").first_classes(2)
    path = make_gallery(
        Classifier(model, preprocessing, source.class_names, {}),
        source,
        "validation",
        tmp_path,
        layers=[*NAMES],
        num_channels=2,
        top=1,
        max_images=9,
    )
    files = [
        feature[side]
        for layer in json.loads(path.read_text("utf-8"))["layers"]
        for feature in layer["features"]
        for side in ("left", "patches")
    ]
    assert sorted(files) == sorted(p.name for p in tmp_path.glob("*.png"))
    read = gallery(path)
    anchors = {card.anchor for layer in read.layers for card in layer.cards}
    assert len(anchors) == len(files) / 2
