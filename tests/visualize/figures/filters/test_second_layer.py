import keras
import numpy as np
import pytest

from tests.helpers.networks import make_classifier
from tests.helpers.searching import search
from tests.helpers.splits import noise, noise_split
from visualize.figures.filters.second_layer import default_layer, look_at_second_layer
from zfkeras.errors import UsageError
from zfkeras.models.zfnet import ZFNet


@pytest.fixture(scope="module")
def classifier():
    return make_classifier(3, "ab")


@pytest.fixture
def look(classifier, tmp_path):
    def look(layer, number):
        images = search(noise_split(number, 64))
        return look_at_second_layer(
            classifier, layer, images, [(2, 2)], workdir=tmp_path
        )

    return look


def test_the_second_layer_is_found_in_any_model():
    assert default_layer(ZFNet(2, variant="zfnet_quarter_without_6_7")) == "norm2"
    convs = [keras.layers.Conv2D(2, 3, name=f"block1_conv{n}") for n in (1, 2)]
    tail = [keras.layers.Flatten(), keras.layers.Dense(2, name="fc2")]
    like_vgg = keras.Sequential([keras.Input((8, 8, 3)), *convs, *tail])
    assert default_layer(like_vgg) == "block1_conv2"
    single = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(2, 3)])
    with pytest.raises(UsageError, match="--model"):
        default_layer(single)


def test_the_strongest_activation_of_a_filter_is_projected_to_the_filter(
    look, classifier
):
    """One activation of conv1 comes down as the filter, as strong as it was."""
    found, conv = look("conv1", 5), classifier.model.get_layer("conv1")
    images = [noise(number, 64, 64) for number in range(5)]
    crops = np.stack([classifier.preprocessing.centre_crop(image) for image in images])
    maps = keras.Model(classifier.model.inputs[0], conv.output)(crops).numpy()
    kernel, strongest, whole = np.asarray(conv.kernel), maps.max(axis=(0, 1, 2)), 0
    for channel, shown in zip(found.channels, found.reconstructions, strict=True):
        wanted = strongest[channel] * kernel[..., channel]
        inside = np.any(shown != 0, axis=-1)
        np.testing.assert_allclose(shown[inside], wanted[inside], rtol=1e-4, atol=1e-5)
        whole += inside.all()
    assert whole > 40  # the others hang over the image's border
    assert found.patches.shape == found.reconstructions.shape == (64, 7, 7, 3)
    assert not found.silent.any()
