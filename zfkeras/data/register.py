"""A spec string such as `folder:PATH` -> the splits of labelled images behind it."""

import dataclasses
import logging
import pkgutil
from collections.abc import Callable, Mapping

from zfkeras.data.joined import join
from zfkeras.data.published.finding import find_data
from zfkeras.data.published.sets import DATA_SETS
from zfkeras.data.split import Split
from zfkeras.errors import UsageError

_log = logging.getLogger(__name__)
_BUILT_IN = ("photographs", "shapes")  # prefixes that need nothing behind them

# Prefix -> the function that reads the rest of the spec, or its name, to be imported.
READERS: dict[str, str | Callable[[str], "Source"]] = {
    "caltech101": "zfkeras.data.sources.caltech:open_caltech101",
    "caltech256": "zfkeras.data.sources.caltech:open_caltech256",
    "folder": "zfkeras.data.sources.folder:open_source",
    "photographs": "zfkeras.data.sources.photographs:open_source",
    "prepared": "zfkeras.data.sources.prepared:open_source",
    "shapes": "zfkeras.data.sources.shapes:open_source",
    "tfds": "zfkeras.data.sources.tfds:open_source",
    "tiny-imagenet": "zfkeras.data.sources.tiny_imagenet:open_source",
    "voc2007": "zfkeras.data.sources.voc:open_voc2007",
    "voc2012": "zfkeras.data.sources.voc:open_voc2012",
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
        """Returns one split."""
        if name not in self.splits:
            raise UsageError(
                f"split must be one of {sorted(self.splits)} for --data {self.spec}. "
                f"Received: split={name!r}."
            )
        return self.splits[name]

    def split_name(self, name: str | None, usual: str = "validation") -> str:
        """Chooses the split asked for, else the usual one, else the only one."""
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
        """Concatenates all splits, for protocols that divide the images anew."""
        parts = {*self.splits}
        if "trainval" in parts:
            halves = {"train", "validation"}
            parts -= {"trainval"} if halves <= parts else halves
        return join([split for name, split in self.splits.items() if name in parts])

    def check_one_class_each(self) -> None:
        """Raises `UsageError` if images show several classes, as VOC's do."""
        if any(split.targets is not None for split in self.splits.values()):
            raise UsageError(
                "--data must give each image one class. Received: "
                f"{self.spec}, whose images show several (transfer.pascal takes it)."
            )

    def first_classes(self, number: int) -> "Source":
        """Keeps the first `number` classes of every split."""
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
    """Opens the source that a spec string names. Reads names and labels, no images."""
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
    reader = READERS[prefix]
    if isinstance(reader, str):
        reader = pkgutil.resolve_name(reader)
    return reader(rest)


def open_split(spec: str, name: str | None = None) -> Split:
    """Opens one split of a source, or (`None`) all of them together."""
    source = open_source(spec)
    return source.whole() if name is None else source.split(name)


def register_source(
    prefix: str, open_source: Callable[[str], Source]
) -> Callable[[str], Source]:
    """Adds a data source, so that `--data PREFIX:REST` opens it everywhere.

    Args:
        prefix: what stands before the colon; a known one is replaced.
        open_source: takes what stands behind the colon and returns a `Source`, whose
            splits are usually `zfkeras.data.split.ListedSplit`.

    Returns:
        The same function.

    Raises:
        UsageError: a prefix with a colon in it, or what is no function.

    Example:
        >>> register_source("digits", open_digits)  # doctest: +SKIP
    """
    if not prefix or ":" in prefix:
        raise UsageError(
            argument="prefix", received=repr(prefix), expected="a word without colons"
        )
    if not callable(open_source):
        raise UsageError(
            argument="open_source", received=open_source, expected="a function"
        )
    READERS[prefix] = open_source
    return open_source
