"""A spec string such as `folder:PATH` -> the splits of labelled images behind it."""

import dataclasses
import importlib
import logging
from collections.abc import Mapping

from zfkeras.data.joined import join
from zfkeras.data.published.finding import find_data
from zfkeras.data.published.sets import DATA_SETS
from zfkeras.data.splits import Split
from zfkeras.errors import UsageError

_log = logging.getLogger(__name__)
_BUILT_IN = ("photographs", "shapes")  # prefixes that need nothing behind them

# Prefix -> the module whose `open_source(rest of the spec) -> Source` reads it.
READERS = {
    "caltech101": "zfkeras.data.caltech101",
    "caltech256": "zfkeras.data.caltech256",
    "folder": "zfkeras.data.folder",
    "photographs": "zfkeras.data.photographs",
    "shapes": "zfkeras.data.shapes",
    "tfds": "zfkeras.data.tfds",
    "tiny-imagenet": "zfkeras.data.tiny_imagenet",
    "voc2007": "zfkeras.data.voc2007",
    "voc2012": "zfkeras.data.voc2012",
}


@dataclasses.dataclass(frozen=True)
class Source:
    """Labelled images of one origin.

    Args:
        spec: the spec string it was opened by.
        class_names: name of each label, such as "n02124075 Egyptian cat".
        splits: split name ("train", "validation", "test") -> `Split`.
    """

    spec: str
    class_names: tuple[str, ...]
    splits: Mapping[str, Split]

    def split(self, name: str) -> Split:
        """Returns one split.

        Raises:
            UsageError: there is no split of that name.
        """
        if name not in self.splits:
            raise UsageError(
                f"split must be one of {sorted(self.splits)} for --data {self.spec}. "
                f"Received: split={name!r}."
            )
        return self.splits[name]

    def split_name(self, name: str | None, usual: str = "validation") -> str:
        """Decides which split to look at; the log says if it is not the usual one.

        Args:
            name: the split asked for; one that is not there is for `split` to refuse.
                `None`: the usual one, or the only one there is.
            usual: what is taken where there is a choice.

        Raises:
            UsageError: none is asked for, and there are several but not the usual one.
        """
        if name is not None:
            return name
        if usual in self.splits:
            return usual
        if len(self.splits) > 1:
            raise UsageError(
                f"--split must name one of {sorted(self.splits)} for --data "
                f"{self.spec}, which has no {usual} split. Received: none."
            )
        (only,) = self.splits
        _log.info(
            "--data %s has no %s split; taking its only one, %s", self.spec, usual, only
        )
        return only

    def whole(self) -> Split:
        """All splits as one, in their order, for those who divide the images anew.

        VOC's "trainval" is "train" and "validation" once more, and counts once.
        """
        parts = {*self.splits}
        if "trainval" in parts:
            halves = {"train", "validation"}
            parts -= {"trainval"} if halves <= parts else halves
        return join([split for name, split in self.splits.items() if name in parts])

    def check_one_class_each(self) -> None:
        """Refuses images that show several classes at once, as VOC's do.

        Raises:
            UsageError: they are such.
        """
        if any(split.targets is not None for split in self.splits.values()):
            raise UsageError(
                "--data must give each image one class. Received: "
                f"{self.spec}, whose images show several (transfer.pascal takes it)."
            )

    def first_classes(self, number: int) -> "Source":
        """Keeps the first `number` classes of every split.

        Raises:
            UsageError: there are not so many, or fewer than two are asked for.
        """
        if not 2 <= number <= len(self.class_names):
            raise UsageError(
                f"num_classes must be from 2 to {len(self.class_names)} for --data "
                f"{self.spec}. Received: {number}."
            )
        splits = {
            name: split.first_classes(number) for name, split in self.splits.items()
        }
        return dataclasses.replace(
            self, class_names=self.class_names[:number], splits=splits
        )


def open_source(spec: str) -> Source:
    """Opens the source that a spec string names. Reads names and labels, no images.

    Args:
        spec: `tfds:NAME`, `folder:PATH`, `tiny-imagenet:PATH`, `caltech101:PATH`,
            `caltech256:PATH`, `voc2012:PATH`, `voc2007:PATH`, `shapes` (64 pixels),
            `shapes:SIZE` or `shapes:SIZE:COUNT`, drawn as they are read; `photographs`,
            crops of photographs that come with the package, or `photographs:whole`; or
            the bare name of a published set, such as `caltech101`, which `find_data`
            looks for.

    Raises:
        UsageError: no such kind of source, nothing usable is there, or a published set
            is nowhere on this machine.
        FileNotFoundError: there is no such path.
    """
    if spec in DATA_SETS:
        spec = find_data(spec)
    prefix, _, rest = spec.partition(":")
    if prefix not in READERS:
        known = ", ".join(
            name if name in _BUILT_IN else f"{name}:..." for name in sorted(READERS)
        )
        raise UsageError(
            f"--data must be one of {known}, or the name of a published set "
            f"({', '.join(DATA_SETS)}). Received: {spec!r}."
        )
    if prefix not in _BUILT_IN and not rest:
        raise UsageError(f"--data {prefix}: needs a path or name behind the colon.")
    return importlib.import_module(READERS[prefix]).open_source(rest)
