"""Networks and data sets, each opened once for all that is measured with them."""

from pathlib import Path

from zfkeras.cli.command import make_folder
from zfkeras.data.register import Source, open_source
from zfkeras.models.classifier import Classifier
from zfkeras.models.presets import load


class Context:
    """What a figure or an experiment works with.

    Args:
        workdir: folder of the results. `claim_workdir`, or the first use of `workdir`,
            makes it and keeps other processes out: after the settings are checked,
            before the work. Commands that write no results leave it out.
        cache: folder of features; `None` (default) means the usual one.
    """

    def __init__(self, workdir: Path = Path(), cache: Path | None = None):
        self.cache = cache
        self.folder = Path(workdir)
        self._classifiers: dict[str, Classifier] = {}
        self._sources: dict[str, Source] = {}

    @property
    def workdir(self) -> Path:
        """The folder of the results, made and kept from other processes."""
        self.claim_workdir()
        return self.folder

    def claim_workdir(self) -> None:
        """Makes the folder of the results and keeps other processes out of it."""
        make_folder(self.folder)

    def classifier(self, model: str | Path) -> Classifier:
        """Loads a network, as `zfkeras.load` does, once."""
        if str(model) not in self._classifiers:
            self._classifiers[str(model)] = load(model)
        return self._classifiers[str(model)]

    def source(self, data: str) -> Source:
        """Opens a data set, as `--data` names it, once."""
        if data not in self._sources:
            self._sources[data] = open_source(data)
        return self._sources[data]

    def inside(self, folder: str) -> "Context":
        """Returns a context for a folder in the workdir that shares what is open."""
        inner = Context(self.folder / folder, self.cache)
        inner._classifiers, inner._sources = self._classifiers, self._sources
        return inner
