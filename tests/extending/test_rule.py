import keras
import numpy as np

from tests.extending.clip_rule import Clip
from visualize import Deconvnet
from zfkeras.graph.receptive_field import receptive_field


def network(activation):
    keras.utils.set_random_seed(0)
    layers = [
        keras.layers.Conv2D(4, 5, 2, name="low"),
        activation,
        keras.layers.Conv2D(6, 3, name="high"),
    ]
    return keras.Sequential([keras.Input((24, 24, 3)), *layers])


def test_a_rule_is_one_file_and_one_call():
    images = np.random.default_rng(0).normal(size=(2, 24, 24, 3)).astype(np.float32)
    ours = network(Clip(1e6))  # clips nothing here but what a ReLU does
    theirs = network(keras.layers.ReLU())
    theirs.set_weights(ours.get_weights())
    answers = [
        Deconvnet(model).project(images, "high", channel=2) for model in (ours, theirs)
    ]
    np.testing.assert_allclose(*answers, atol=1e-6)
    assert np.abs(answers[0]).max() > 0
    fields = [receptive_field(model, model.outputs[0]) for model in (ours, theirs)]
    assert fields[0] == fields[1]
