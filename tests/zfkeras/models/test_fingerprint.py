import dataclasses

import keras
import numpy as np
import pytest

from tests.helpers.splits import noise_split
from zfkeras.data.preprocessing import Preprocessing
from zfkeras.models.fingerprint import images_digest, network_digest

PLAIN = Preprocessing(np.zeros((12, 12, 3), np.float32), 8)


def network(name=None, **settings):
    layers = [
        keras.Input((8, 8, 3), name="images"),
        keras.layers.Conv2D(2, 3, name="conv", activation=settings.get("activation")),
        keras.layers.MaxPooling2D(
            2, padding=settings.get("padding", "valid"), name="pool"
        ),
    ]
    inner = keras.Sequential(layers, name="inner")
    image = keras.Input((8, 8, 3), name="outer")
    model = keras.Model(image, inner(image), name=name)
    random = np.random.default_rng(settings.get("seed", 0))
    model.set_weights([random.normal(size=w.shape) for w in model.weights])
    return model


def test_whatever_changes_a_networks_answer_changes_its_digest():
    same = network_digest(network(), PLAIN)
    assert len(same) == 64
    assert same == network_digest(network("other"), PLAIN)
    mean_image = PLAIN.mean_image + 1
    others = [
        network_digest(network(seed=1), PLAIN),
        network_digest(network(activation="relu"), PLAIN),
        network_digest(network(padding="same"), PLAIN),  # deep inside
        network_digest(network(), dataclasses.replace(PLAIN, mean_image=mean_image)),
        network_digest(network(), dataclasses.replace(PLAIN, input_scale=0.5)),
    ]
    assert len({same, *others}) == len(others) + 1


def test_the_file_of_a_network_keeps_its_digest(tmp_path):
    model = network()
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert network_digest(loaded, PLAIN) == network_digest(model, PLAIN)


class Streamed:
    """A split that does not list its images."""

    def __init__(self, split):
        self.num_examples, self.stream = split.num_examples, split.stream
        self.read = split.read


@pytest.mark.parametrize("kind", [lambda split: split, Streamed])
def test_names_labels_and_contents_are_in_the_digest_of_images(kind):
    split = noise_split(9, 8)
    same = images_digest(kind(split))
    assert same == images_digest(kind(noise_split(9, 8)))
    names = np.array([*split.names[:-1], b"x"])
    labels = split.labels.copy()
    labels[-1] += 1
    others = [
        images_digest(kind(noise_split(10, 8))),
        images_digest(kind(dataclasses.replace(split, ids=names))),
        images_digest(kind(dataclasses.replace(split, labels=labels))),
        # Other files under the same names, as when one is replaced.
        images_digest(kind(dataclasses.replace(split, read_key=lambda key: b"x"))),
    ]
    assert len({same, *others}) == len(others) + 1


def test_few_contents_are_read_and_few_names_where_so_asked():
    split, read = noise_split(300, 8), []

    def reads(key):
        read.append(key)
        raise OSError("not there")  # told of where it is used

    split = dataclasses.replace(split, read_key=reads)
    images_digest(split)
    assert 64 <= len(read) <= 128
    read.clear()
    images_digest(split, with_contents=False)
    assert read == []
    changed = dataclasses.replace(split, labels=np.arange(300) // 100)
    before, after = (
        images_digest(Streamed(one), at_most=100)
        for one in (dataclasses.replace(split, labels=np.zeros(300, int)), changed)
    )
    assert before == after
