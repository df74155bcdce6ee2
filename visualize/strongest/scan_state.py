"""The state of a scan and its file."""

import dataclasses
import hashlib
import json
from pathlib import Path

import keras
import numpy as np

from zfkeras.data.split import Split
from zfkeras.io.arrays import read_arrays
from zfkeras.io.files import raise_system_errors, warn_of_damage, written_whole
from zfkeras.models.fingerprint import images_digest, network_digest

_VERSION = 1
_NUM_HASHED = 256  # examples of a split whose list of names cannot be had for nothing


@dataclasses.dataclass(frozen=True, eq=False)
class ScanState:
    """What a scan has found in the examples it has passed."""

    key: str  # fingerprint of network, preprocessing and data; see `fingerprint`
    layers: tuple[tuple[str, int], ...]  # (name, channels) of each layer, in order
    next_position: int  # place in the split's order of the first example still to come
    num_images: int  # how many images were looked at, without the bad ones
    is_complete: bool  # whether the whole split has been passed
    values: np.ndarray  # float32 array (channels of all layers, count), strongest first
    places: np.ndarray  # int64 array (channels, count, 4): place, label, y, x
    bad_images: dict[str, str]  # {id: reason} of the images left out so far

    @classmethod
    def empty(cls, key: str, layers, count: int) -> "ScanState":
        """Makes the state before the first example."""
        channels = sum(number for _, number in layers)
        values = np.full((channels, count), -np.inf, np.float32)
        places = np.full((channels, count, 4), -1, np.int64)
        return cls(key, tuple(layers), 0, 0, False, values, places, {})

    def serves(self, key: str, layers, count: int) -> bool:
        """Returns whether it serves a request; a finished one serves smaller ones."""
        if self.key != key or self.values.shape[1] < count:
            return False
        same = tuple(self.layers) == tuple(layers)
        return same or (self.is_complete and {*layers} <= {*self.layers})

    def rows(self, name: str) -> slice:
        """Returns the rows of `values` and `places` that belong to a layer."""
        start = 0
        for layer, channels in self.layers:
            if layer == name:
                return slice(start, start + channels)
            start += channels
        raise KeyError(name)


def save_state(path: Path, state: ScanState) -> None:
    """Writes a state, whole or not at all; each array carries a checksum (CRC-32)."""
    about = {f.name: getattr(state, f.name) for f in dataclasses.fields(state)}
    values, places = about.pop("values"), about.pop("places")
    about["version"] = _VERSION
    text = np.frombuffer(json.dumps(about).encode(), np.uint8)
    with written_whole(path) as file:
        np.savez(file, about=text, values=values, places=places)


def load_state(path: Path) -> ScanState | None:
    """Reads a state; `None` if there is none, or if it is damaged (which is logged)."""
    if not Path(path).is_file():
        return None
    try:
        archive = read_arrays(path)
        about = json.loads(archive["about"].tobytes())
        arrays = {name: archive[name] for name in ("values", "places")}
        if about.pop("version") != _VERSION:
            raise ValueError("written by another version")
        about["layers"] = tuple((name, number) for name, number in about["layers"])
        state = ScanState(**about, **arrays)
        _check(state)
        return state
    # Damaged bytes make zipfile and NumPy raise nearly everything there is.
    except Exception as err:
        raise_system_errors(err)
        warn_of_damage(path, err, "scanning anew")
        return None


def _check(state: ScanState) -> None:
    channels = sum(number for _, number in state.layers)
    count = state.values.shape[-1]
    wanted = ((channels, count), (channels, count, 4))
    if (state.values.shape, state.places.shape) != wanted:
        raise ValueError("arrays of other shapes than its layers")


def fingerprint(model: keras.Model, preprocessing, split: Split, data: str) -> str:
    """Digests all that a scan depends on, except the image files' contents."""
    of_images = images_digest(split, at_most=_NUM_HASHED, with_contents=False)
    parts = [data, network_digest(model, preprocessing), of_images]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()
