"""The networks of keras.applications by name."""

import os
import subprocess
import sys

import keras
import numpy as np
import pytest

import zfkeras
from tests.helpers.splits import noise
from zfkeras.errors import UsageError
from zfkeras.models.applications import application_names, inputs_of
from zfkeras.models.inputs import make_preprocessing

MODES = {
    "convnext": "0..255",
    "densenet": "torch",
    "efficientnet": "0..255",
    "efficientnet_v2": "0..255",
    "inception_resnet_v2": "tf",
    "inception_v3": "tf",
    "mobilenet": "tf",
    "mobilenet_v2": "tf",
    "mobilenet_v3": "0..255",
    "nasnet": "tf",
    "resnet": "caffe",
    "resnet_v2": "tf",
    "vgg16": "caffe",
    "vgg19": "caffe",
    "xception": "tf",
}


@pytest.mark.parametrize("name", application_names())
def test_the_mode_of_each_family_is_that_of_its_preprocess_input(name):
    family = getattr(keras.applications, name).__module__.rpartition(".")[2]
    assert inputs_of(name) == MODES[family]
    prepare = getattr(keras.applications, family).preprocess_input
    image = noise(3, 32, 48)
    ours = make_preprocessing(inputs_of(name), image.shape).centre_crop(image)
    np.testing.assert_allclose(ours, prepare(image.astype(np.float32)), atol=1e-4)


def test_a_network_with_random_weights_needs_no_download():
    classifier = zfkeras.load("keras:MobileNetV2:random")
    assert classifier.made["from_keras"]["inputs"] == "tf"
    assert classifier.predict(noise(0, 40, 50)).shape == (1, 1000)


@pytest.mark.parametrize("spec", ["keras:VGG17", "keras:", "keras:VGG16:imagenet"])
def test_an_unknown_name_is_refused_with_names_that_are_near(spec):
    with pytest.raises(UsageError) as caught:
        zfkeras.load(spec)
    assert "VGG16" in caught.value.expected or "ConvNeXt" in caught.value.expected


def test_without_a_network_one_line_tells_the_size_and_the_remedy(tmp_path):
    nowhere = dict.fromkeys(("http_proxy", "https_proxy"), "http://127.0.0.1:9")
    run = subprocess.run(
        [sys.executable, "-m", "zfkeras", "summary", "--model", "keras:MobileNetV2"],
        env={**os.environ, **nowhere, "KERAS_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 1, run.stderr
    assert "weights of 14 MB" in run.stderr + run.stdout
    assert "keras:MobileNetV2:random" in run.stderr.splitlines()[-1]
    assert "Traceback" not in run.stderr
