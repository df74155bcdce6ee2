"""A network that is read only if something of it is not known from an earlier run.

Whoever finds all features in the cache needs no weights. It computes no features.
"""

import contextlib
import functools
import hashlib
import math
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import keras

import zfkeras
from transfer.features.cache import FORMAT, default_cache
from transfer.features.layer_order import in_order
from transfer.features.layers import layer_tensors
from zfkeras.io.file_names import layer_stem
from zfkeras.io.files import read_json_again, write_json
from zfkeras.models.classifier import Classifier
from zfkeras.models.fingerprint import network_digest
from zfkeras.models.presets import network_file


class KnownNetwork:
    """A network, and what is kept of it beside its features.

    Args:
        load: reads the network.
        file: the one file that it comes from, whose bytes decide what it is; `None`
            (default): the cache keeps nothing of the network.
        cache: folder of features; `None` (default) means the usual one.
    """

    def __init__(
        self,
        load: Callable[[], Classifier],
        file: Path | None = None,
        cache: Path | None = None,
    ):
        self._load, self._path, self._facts = load, None, {}
        if file is not None:
            folder = (cache or default_cache()) / "networks"
            self._path = folder / f"{_digest(file)}.json"
            self._facts = read_json_again(self._path, "reading the network") or {}

    @classmethod
    def of(cls, context, settings) -> "KnownNetwork":
        """Returns the network that `FeatureSettings` name."""
        says_all = not settings.reading
        file = network_file(settings.model) if says_all else None
        return cls(
            lambda: context.classifier(settings.model, settings), file, settings.cache
        )

    @functools.cached_property
    def classifier(self) -> Classifier:
        """The network, read now if it has not been."""
        return self._load()

    @property
    def digest(self) -> str:
        """The digest of the network, by `network_digest`."""
        return self._fact(
            "digest",
            lambda: network_digest(
                self.classifier.model, self.classifier.preprocessing
            ),
        )

    def sizes(self, layers: Iterable[int | str]) -> dict[int | str, int]:
        """Returns the number of features of some layers, in the order of `in_order`."""
        return {layer: self._size(layer) for layer in in_order(layers)}

    def _size(self, layer):
        def compute():
            tensors = layer_tensors(self.classifier.model, [layer])
            return math.prod(tensors[layer].shape[1:])

        return self._fact(layer_stem(layer), compute)

    def _fact(self, name: str, compute: Callable[[], Any]) -> Any:
        """Returns what is known by a name, or computes and keeps it."""
        if name not in self._facts:
            self._facts[name] = compute()
            if self._path is not None:
                with contextlib.suppress(OSError):  # it can be computed again
                    self._path.parent.mkdir(parents=True, exist_ok=True)
                    write_json(self._path, self._facts)
        return self._facts[name]


def _digest(file: Path) -> str:
    """Digests a file's bytes, and the versions that read them."""
    with open(file, "rb") as content:
        digest = hashlib.file_digest(content, "sha256")
    versions = f"{FORMAT} {zfkeras.__version__} {keras.__version__}"
    digest.update(versions.encode())
    return digest.hexdigest()[:32]
