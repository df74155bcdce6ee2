"""Networks of keras.applications with random weights: projected, or refused by name."""

import keras
import numpy as np
import pytest

from tests.helpers.projections import assert_engines_agree, random_images, shake
from visualize import Deconvnet
from zfkeras import UsageError
from zfkeras.graph.layer_graph import LayerGraph

SIDE = 75


def made(name):
    keras.utils.set_random_seed(0)
    make = getattr(keras.applications, name)
    return make(weights=None, include_top=False, input_shape=(SIDE, SIDE, 3))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "layer"),
    [
        ("VGG16", "block3_pool"),
        ("VGG19", "block3_pool"),
        ("ResNet50", "conv3_block4_out"),
        ("ResNet50V2", "conv3_block3_out"),
        ("MobileNet", "conv_pw_5_relu"),
        ("MobileNetV2", "block_6_expand_relu"),
        ("DenseNet121", "pool2_pool"),
        ("InceptionV3", "mixed0"),
        ("InceptionResNetV2", "block35_3_ac"),
        ("Xception", "block4_sepconv1_act"),
        ("NASNetMobile", "reduction_concat_stem_1"),
    ],
)
def test_a_middle_layer_is_projected(name, layer):
    model = made(name)
    found = Deconvnet(model).project_units(random_images((1, SIDE, SIDE, 3)), layer)
    picture = found.reconstructions[0]
    assert np.isfinite(picture).all() and picture.any()
    boxes = LayerGraph(model).field(layer)
    top, left, bottom, right = np.maximum(boxes.box(found.positions[0]), 0)
    picture[top:bottom, left:right] = 0
    assert not picture.any()  # a unit has no part in what it does not see


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "layer"),
    [
        ("ConvNeXtTiny", "convnext_tiny_stage_2_block_0_layer_scale"),
        ("EfficientNetB0", "block4a_project_bn"),
        ("EfficientNetV2B0", "block4a_project_bn"),
        ("MobileNetV3Small", "expanded_conv_5_project_bn"),
    ],
)
def test_engines_agree_on_modern_networks(name, layer):
    model = made(name)
    shake(model)
    images = random_images((1, SIDE, SIDE, 3), scale=3)
    assert_engines_agree(model, images, layer, "guided", "generalised")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "layer", "refused", "kind"),
    [
        ("EfficientNetB0", "top_conv", "stem_activation", "silu"),
        (
            "ConvNeXtTiny",
            "convnext_tiny_stage_0_block_0_identity",
            "convnext_tiny_stem.convnext_tiny_stem_layernorm",
            "LayerNormalization",
        ),
    ],
)
def test_what_has_no_rule_is_one_line_that_names_it(name, layer, refused, kind):
    with pytest.raises(UsageError) as error:
        Deconvnet(made(name)).require([layer])
    assert (error.value.argument, error.value.received) == (refused, kind)
    said = str(error.value)
    assert "visualize.register_rule" in said and "\n" not in said


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "family", "layer"),
    [("VGG16", "vgg16", "block2_pool"), ("ResNet50V2", "resnet_v2", "pool1_pool")],
)
def test_their_preprocessing_may_be_inside(name, family, layer, tmp_path):
    base = made(name)
    image = keras.Input((SIDE, SIDE, 3))
    prepare = getattr(keras.applications, family).preprocess_input
    model = keras.Model(image, base(prepare(image)))
    model.save(tmp_path / "model.keras")
    model = keras.saving.load_model(tmp_path / "model.keras")
    photograph = np.random.default_rng(0).uniform(0, 255, (SIDE, SIDE, 3)).astype("f")
    inner, outer = layer, f"{base.name}.{layer}"
    expected = Deconvnet(base).project(prepare(photograph[None].copy()), inner, 1)
    found = Deconvnet(model).project(photograph, outer, 1)
    if family == "vgg16":  # red, green, blue are turned round
        expected = expected[..., ::-1]
    else:  # -1 to 1
        expected = expected / 127.5
    np.testing.assert_allclose(found, expected, atol=1e-4 * np.abs(expected).max())
    field = LayerGraph(base).field(inner)
    assert LayerGraph(model).field(outer) == field
