"""What a figure is: its settings, and the function that measures it."""

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from visualize.deconvnet.rule_sets import LABEL, PAPER
from zfkeras.cli.settings import ReadingSettings
from zfkeras.passes.experiment import Experiment
from zfkeras.records import Record

if TYPE_CHECKING:
    from zfkeras.passes.context import Context

#: Settings that a report hands to every figure that has them.
COMMON = (
    "model",
    *(field.name for field in dataclasses.fields(ReadingSettings)),
    "data",
    "split",
    "seed",
    "batch_size",
    "max_images",
    "max_bad_fraction",
    "rules",
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Figure(Experiment):
    """A figure of the paper, or your own, that is a command and a part of a report.

    Args:
        key: the name of its command, folder and record: "occlusion".
        description: what `--help` says of it.
        settings: a frozen dataclass whose fields `zfkeras.records.setting` made.
        measure: takes a `zfkeras.passes.context.Context` and the settings, and returns
            a `zfkeras.records.Record`.
        title: its heading in a report: "Fig. 7: occlusion".
        package: the package of its command; "visualize" by default.
        quick: the settings that `visualize.report --quick` changes.
        takes: settings that it also takes from a report, where that has them: "run",
            "layers", "images", "parts", "parts_images", "models".
        shows_objects: whether it wants whole photographs rather than crops of them.
        unprojected: pictures without projections, which no set of rules changes.
    """

    title: str
    package: str = "visualize"
    quick: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    takes: tuple[str, ...] = ()
    shows_objects: bool = False
    unprojected: tuple[str, ...] = ()

    def measure_record(self, context: "Context", settings: Any) -> Record:
        """Measures; labels what was projected by other rules than the paper's."""
        record = super().measure_record(context, settings)
        rules = getattr(settings, "rules", PAPER)
        projected = {*record.pictures} - {*self.unprojected}
        if rules == PAPER or not projected:
            return record
        from visualize.figures.marks import label_rules

        for name in projected:
            if record.pictures[name] is not None:
                label_rules(record.pictures[name], rules)
        said = f"Projected by {LABEL} (docs/methods/generalised.md)."
        return dataclasses.replace(record, findings=[said, *record.findings])

    def settings_in_report(self, request: Mapping[str, Any], is_quick: bool) -> Any:
        """Makes the settings of what a report gives; raises UsageError otherwise."""
        from zfkeras.errors import UsageError

        values = {}
        for field in dataclasses.fields(self.settings):
            name = field.name
            given = request.get(name) if name in (*COMMON, *self.takes) else None
            if given is not None:
                values[name] = given
            elif field.default is dataclasses.MISSING:
                flag = f"--{name.replace('_', '-')}"
                raise UsageError(
                    f"needs {flag}: {field.metadata['argparse']['help']}.",
                    argument=flag,
                )
        if self.shows_objects and values.get("data") == "photographs":
            values |= {"data": "photographs:whole", "split": None}
        return self.settings(**{**values, **(self.quick if is_quick else {})})
