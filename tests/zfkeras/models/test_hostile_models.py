"""`.keras` files of strangers: refused in one line, with nothing run, read or written.

Lambda layers, pickles, damaged files and wrong parts are tried in test_classifier.py.
"""

import io
import json
import os
import zipfile

import h5py
import numpy as np
import pytest

import zfkeras
from zfkeras.errors import UsageError

CARD, MEAN_IMAGE = "zfkeras/card.json", "zfkeras/mean_image.npy"
WEIGHTS, CONFIG = "model.weights.h5", "config.json"
FIRST = "layers/conv2d/vars/0"


def refused(path, match):
    with pytest.raises(UsageError, match=match) as caught:
        zfkeras.load(path)
    assert len(str(caught.value).splitlines()) == 1
    assert path.name in str(caught.value)


@pytest.fixture(scope="module")
def members(model_file):
    with zipfile.ZipFile(model_file) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.fixture
def packed(members, tmp_path):
    """Makes a model file with members replaced and added."""

    def pack(changes=(), more=(), method=zipfile.ZIP_DEFLATED):
        path = tmp_path / "hostile.keras"
        with zipfile.ZipFile(path, "w", method) as archive:
            for name, content in [*{**members, **dict(changes)}.items(), *more]:
                archive.writestr(name, content)
        return path

    return pack


def with_weights(members, change) -> bytes:
    file = io.BytesIO(members[WEIGHTS])
    with h5py.File(file, "r+") as weights:
        change(weights)
    return file.getvalue()


def with_config(members, change) -> dict:
    config = json.loads(members[CONFIG])
    change(config["config"]["layers"])
    return {CONFIG: json.dumps(config)}


# --- the archive ---


@pytest.mark.parametrize(
    "name",
    ["../../outside.txt", "assets/x.txt"],
)
def test_what_is_no_part_of_a_network_is_refused(packed, tmp_path, name):
    path = packed(more=[(name, b"content")])
    before = sorted(tmp_path.parent.rglob("*"))
    refused(path, "no part of a network: a member")
    assert sorted(tmp_path.parent.rglob("*")) == before


@pytest.mark.parametrize("name", [CARD, CONFIG, MEAN_IMAGE, "metadata.json"])
def test_a_member_that_bursts_is_refused(packed, name):
    path = packed({name: bytes(2**26 + 1)})
    assert path.stat().st_size < 30e6
    refused(path, r"unpacks to 67 MB")


# --- the weights ---


def test_weights_in_another_file_are_refused(packed, members, tmp_path):
    secret = tmp_path / "secret.h5"
    shape = (7, 7, 3, 64)
    with h5py.File(secret, "w") as file:
        file["x"] = np.full(shape, 42, np.float32)
    raw = tmp_path / "secret.bin"
    raw.write_bytes(bytes(4 * np.prod(shape)))

    def external_link(weights):
        weights[FIRST] = h5py.ExternalLink(str(secret), "x")

    def external_storage(weights):
        place = [(str(raw), 0, h5py.h5f.UNLIMITED)]
        weights.create_dataset(FIRST, shape, "f4", external=place)

    def virtual_dataset(weights):
        layout = h5py.VirtualLayout(shape, "f4")
        layout[...] = h5py.VirtualSource(str(secret), "x", shape)
        weights.create_virtual_dataset(FIRST, layout)

    def soft_link(weights):
        weights[FIRST] = h5py.SoftLink("/layers/conv2d_1/vars/0")

    for link in (external_link, external_storage, virtual_dataset, soft_link):

        def change(weights, link=link):
            del weights[FIRST]
            link(weights)

        path = packed({WEIGHTS: with_weights(members, change)})
        refused(path, "not safe to load")


# --- the configuration ---


def test_a_network_larger_than_its_file_is_refused_before_it_is_built(
    packed, members, tmp_path
):
    def widen(layers):
        last = [layer for layer in layers if layer["class_name"] == "Dense"][-1]
        last["config"]["units"] = 10**9

    path = packed(with_config(members, widen))
    refused(path, r"weights, more than its file can hold")


def replaced(entry):
    """Puts a layer of a stranger's choice in the place of the second one."""

    def change(layers):
        layers[1].update(entry)
        layers[1]["registered_name"] = None

    return change


@pytest.mark.parametrize(
    "entry",
    [
        {"module": "os", "class_name": "system", "config": {"command": "touch run"}},
        {"module": "subprocess", "class_name": "Popen", "config": {"args": "ls"}},
        {"module": "antigravity", "class_name": "X", "config": {}},
        {"module": "tests.helpers.networks", "class_name": "make_classifier"},
        {
            "module": "keras.layers",
            "class_name": "TFSMLayer",
            "config": {"name": "x", "filepath": "/tmp/x"},
        },
        {
            "module": "keras.layers",
            "class_name": "TorchModuleWrapper",
            "config": {"name": "x", "module": "gASVAAA="},
        },
        {
            "module": "keras.layers",
            "class_name": "StringLookup",
            "config": {"name": "x", "vocabulary": "/etc/passwd"},
        },
    ],
    ids=lambda entry: entry["class_name"],
)
def test_layers_that_are_none_are_refused(
    packed, members, tmp_path, monkeypatch, entry
):
    monkeypatch.chdir(tmp_path)
    refused(packed(with_config(members, replaced(entry))), "not safe to load")
    assert [path.name for path in tmp_path.iterdir()] == ["hostile.keras"]


HOSTILE_NAMES = ["<b>$x|\x1b[31m", "größe"]


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_names_that_tensorflow_does_not_take_are_refused(packed, members, name):
    # Previously a traceback in the first prediction.
    text = members[CONFIG].decode().replace('"conv2"', json.dumps(name))
    refused(packed({CONFIG: text}), "a name that TensorFlow does not take: ")


def test_two_members_of_a_name_are_refused(packed):
    with pytest.warns(match="Duplicate name"):
        path = packed(more=[(CONFIG, b"{}")])
    refused(path, r"two members 'config\.json'")


def test_a_member_that_says_it_is_small_is_refused(packed, members):
    # With the checksum of what it says: zipfile finds no fault with it.
    path = packed({CARD: os.urandom(5000)})
    data = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as archive:
        local = archive.getinfo(CARD).header_offset
    central = data.rindex(b"PK\1\2", 0, data.rindex(CARD.encode()))
    for at in (local + 22, central + 24):
        data[at : at + 4] = (10).to_bytes(4, "little")
    path.write_bytes(data)
    refused(path, r"card\.json unpacks to more than it says")


def test_a_mean_image_that_claims_terabytes_is_refused(packed):
    file = io.BytesIO()
    claim = {"descr": "<f4", "fortran_order": False, "shape": (10**6, 10**6, 3)}
    np.lib.format.write_array_header_1_0(file, claim)
    refused(packed({MEAN_IMAGE: file.getvalue()}), "not safe to load")
