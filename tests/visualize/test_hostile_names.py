"""Layers whose names only a stranger would choose."""

from types import SimpleNamespace

import pytest

from visualize.features import picture_name


def features_of(layer_name):
    return SimpleNamespace(
        layer=layer_name, strongest=SimpleNamespace(layer_name=layer_name)
    )


@pytest.mark.parametrize(
    ("layer_name", "file"),
    [
        ("conv1", "conv1.png"),
        ("inner/conv1", "inner_conv1.png"),
        ("../../x", ".._.._x.png"),
        ("C:\\x", "C__x.png"),
        ("a\0\n|<b>", "a____b_.png"),
        ("größe", "größe.png"),
        ("x" * 5000, "x" * 100 + ".png"),
    ],
)
def test_a_layers_picture_stays_in_its_folder(layer_name, file):
    # Previously a name of a null byte was a ValueError after all the work.
    assert picture_name(features_of(layer_name)) == file
