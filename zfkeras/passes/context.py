"""Networks and data sets, each opened once for all that is measured with them."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from zfkeras.cli.command import make_folder
from zfkeras.cli.settings import ReadingSettings
from zfkeras.models.classifier import Classifier
from zfkeras.models.custom_objects import import_objects
from zfkeras.models.presets import load, says_by_itself

if TYPE_CHECKING:
    from zfkeras.data.register import Source


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
        self._classifiers: dict[tuple, Classifier] = {}
        self._sources: dict[str, Source] = {}

    @property
    def workdir(self) -> Path:
        """The folder of the results, made and kept from other processes."""
        self.claim_workdir()
        return self.folder

    def claim_workdir(self) -> None:
        """Makes the folder of the results and keeps other processes out of it."""
        make_folder(self.folder)

    def classifier(
        self, model: str | Path, settings: ReadingSettings | None = None
    ) -> Classifier:
        """Loads a network, as `zfkeras.load` does, once.

        `settings` say of a plain Keras file what that does not say itself.
        """
        reading = {} if settings is None else settings.reading
        for module in () if settings is None else settings.imports:
            import_objects(module)
        key = (str(model), *reading.items())
        if key not in self._classifiers:
            self._classifiers[key] = load(model, **reading)
        return self._classifiers[key]

    def classifiers(
        self, models: Sequence[str | Path], settings: ReadingSettings
    ) -> list[Classifier]:
        """Loads several networks; what `settings` say is meant for the plain files."""
        is_plain = [not says_by_itself(model) for model in models]
        if not any(is_plain):  # then what they say is refused, if they say anything
            is_plain = [True] * len(models)
        return [
            self.classifier(model, settings if plain else None)
            for model, plain in zip(models, is_plain, strict=True)
        ]

    def source(self, data: str) -> "Source":
        """Opens a data set, as `--data` names it, once."""
        from zfkeras.data.register import open_source

        if data not in self._sources:
            self._sources[data] = open_source(data)
        return self._sources[data]

    def inside(self, folder: str) -> "Context":
        """Returns a context for a folder in the workdir that shares what is open."""
        inner = Context(self.folder / folder, self.cache)
        inner._classifiers, inner._sources = self._classifiers, self._sources
        return inner
