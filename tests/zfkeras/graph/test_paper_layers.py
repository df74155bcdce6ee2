import keras
import pytest

from zfkeras.errors import UsageError
from zfkeras.graph.paper_layers import paper_layer, usual_layers
from zfkeras.models.zfnet import ZFNet


def convolution(channels, name, strides=1):
    return keras.layers.Conv2D(channels, 3, strides, "same", name=name)


def test_of_zfnet_they_are_the_papers_that_it_has():
    assert usual_layers(ZFNet(4, variant="zfnet_quarter")) == [1, 2, 3, 4, 5]
    removed = ZFNet(4, variant="zfnet_quarter_without_3_4")
    assert usual_layers(removed) == [1, 2, 5]


def test_of_others_they_are_the_last_maps_of_each_stage():
    layers = [keras.Input((64, 64, 3)), keras.layers.Rescaling(1 / 255)]
    for block in range(1, 7):
        layers += [
            convolution(2, f"block{block}_conv1"),
            convolution(2, f"block{block}_conv2"),
            keras.layers.MaxPooling2D(name=f"block{block}_pool"),
        ]
    base = keras.Sequential(layers, name="base")
    # The last pool leaves one place, which is no map.
    ends = [*(f"block{block}_pool" for block in range(2, 6)), "block6_conv2"]
    assert usual_layers(base) == ends

    image = keras.Input((64, 64, 3))
    maps = keras.layers.GlobalAveragePooling2D()(base(keras.layers.Rescaling(2)(image)))
    model = keras.Model(image, keras.layers.Dense(3, "softmax")(maps))
    assert usual_layers(model) == [f"base.{end}" for end in ends]


def test_without_stages_they_are_the_first_and_the_last_maps():
    image = keras.Input((None, None, 3))
    maps = convolution(2, "one")(image)
    maps = convolution(2, "two")(maps)
    maps = keras.layers.ReLU(name="three")(maps)
    maps = keras.layers.GlobalAveragePooling2D()(maps)
    model = keras.Model(image, keras.layers.Dense(3)(maps))
    assert usual_layers(model) == ["one", "three"]
    words = keras.Sequential([keras.Input((8,)), keras.layers.Dense(3)])
    with pytest.raises(UsageError, match="nothing like the paper's layer 1"):
        usual_layers(words)


def test_dropout_stands_for_no_layer():
    image = keras.Input((32, 32, 3))
    maps = keras.layers.SpatialDropout2D(0.1)(convolution(2, "maps")(image))
    vector = keras.layers.GlobalAveragePooling2D(name="mean")(maps)
    vector = keras.layers.Dropout(0.1)(vector)
    model = keras.Model(image, keras.layers.Dense(3)(vector))
    assert [paper_layer(model, number) for number in (1, 5, 7)] == [
        "maps",
        "maps",
        "mean",
    ]
