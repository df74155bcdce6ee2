"""Makes all that a report shows; what fails is listed with the reason."""

import dataclasses
import datetime
import logging
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

from visualize.deconvnet.rule_sets import LABEL, PAPER
from visualize.explore.command import ExploreSettings
from visualize.explore.explorer import Explorer
from visualize.explore.export import export_page
from visualize.figures.catalogue import FIGURES
from visualize.figures.features.figure import FEATURES
from visualize.figures.features.gallery import GALLERY
from visualize.figures.filters.figure import model_labels
from visualize.report import sections, tables
from visualize.report.figures import figure_record
from visualize.report.given import look_at_given
from visualize.report.page import Page, Section
from visualize.report.settings import ReportSettings
from visualize.strongest.kept_scan import fingerprint
from zfkeras.data.register import Source
from zfkeras.data.sources.photographs import photographs
from zfkeras.errors import RunError, UsageError
from zfkeras.graph.layer_graph import LayerGraph
from zfkeras.io import provenance
from zfkeras.io.invocation import command_line
from zfkeras.models.classifier import Classifier
from zfkeras.models.presets import PRESETS
from zfkeras.passes.context import Context
from zfkeras.records.table import percent

LIVE = "explorer.html"
_MOST_WEIGHTS = 12_000_000  # of a network that a browser loads as text: 32 MB
_log = logging.getLogger(__name__)


def gather(settings: ReportSettings) -> tuple[Page, list[str]]:
    """Makes the page, and lists the titles of figures that failed.

    What was not given, or what the network does not allow, is no failure.
    """
    context = Context(settings.workdir)
    source = context.source(settings.data)
    split = source.split_name(settings.split)
    classifier = context.classifier(settings.model, settings)
    request = {
        **vars(settings),
        "data": source.spec,
        "split": split,
        "layers": _layers(settings.layers, classifier.model),
        "models": (settings.model, *settings.compare),
    }
    inputs = {"network and images": _fingerprint(split, source, classifier)}
    given = look_at_given(settings, context, classifier.preprocessing)
    if settings.run is not None and "train" in source.splits:
        given["run"] += _fingerprint("train", source, classifier)
    context.claim_workdir()

    def record_of(figure):
        files = {name: given[name] for name in figure.takes if name in given}
        chosen = figure.settings_in_report(request, settings.quick)
        return figure_record(
            figure, context, chosen, {**inputs, **files}, settings.overwrite
        )

    def section_of(figure):
        return sections.record_section(figure.key, figure.title, *record_of(figure))

    made = _Made()
    gallery = made.add(FEATURES.title, lambda: sections.gallery(*record_of(GALLERY)))
    run, heads = settings.run, settings.transfer
    if run is not None:
        made.add_section("Training", lambda: tables.training(run, heads))
    for figure in FIGURES.values():
        made.add_section(figure.title, partial(section_of, figure))
    made.add_section(tables.ABLATION, lambda: tables.ablation(settings.ablation))
    made.add_section(tables.TRANSFER, lambda: tables.transfer(settings.transfer))
    page = Page(
        title=f"What {_name(settings.model, classifier)} sees",
        subtitle=_subtitle(settings, classifier, split, source),
        facts=_facts(classifier),
        gallery=gallery,
        sections=tuple(made.sections),
        missing=tuple(made.missing),
        provenance=_provenance(request, classifier),
        live=_live(settings, context, classifier),
        credits=photographs() if source.spec.partition(":")[0] == "photographs" else (),
    )
    return page, made.failed


class _Made:
    """The sections that were made; what could not be made, and why."""

    def __init__(self):
        self.sections, self.missing, self.failed = [], [], []

    def add_section(self, title: str, make: Callable[[], Section]) -> None:
        """Keeps the section that `make` returns, or notes why there is none."""
        section = self.add(title, make)
        self.sections += [section] if section is not None else []

    def add(self, title: str, make: Callable[[], Section]) -> Section | None:
        """Calls `make`; returns its result, or `None` and notes the reason."""
        _log.info("%s", title)
        try:
            return make()
        except UsageError as err:  # not given, or this network does not allow it
            reason = str(err)
        except (RunError, OSError) as err:
            self.failed.append(title)
            reason = str(err)
        except Exception as err:
            # A bug in one figure is no reason to lose the others.
            _log.exception("%s", title)
            self.failed.append(title)
            reason = f"failed: {type(err).__name__}: {err}"
        reason = " ".join(reason.split())
        _log.info("  not shown: %s", reason)
        self.missing.append((title, reason))
        return None


def _live(settings, context, classifier) -> str | None:
    """Writes the explorer beside the page, if a browser can run the network."""
    if classifier.model.count_params() > _MOST_WEIGHTS:
        return None
    names = [field.name for field in dataclasses.fields(ExploreSettings)]
    shared = {name: vars(settings)[name] for name in names if hasattr(settings, name)}
    explorer = Explorer(classifier, context, ExploreSettings(**shared))
    try:
        return export_page(explorer, settings.workdir / LIVE).name
    except UsageError as err:
        _log.info("the explorer is left out: %s", err)
        return None


def _fingerprint(split_name: str, source: Source, classifier: Classifier) -> str:
    split = source.split(split_name)
    return fingerprint(classifier.model, classifier.preprocessing, split, source.spec)


def _layers(given, model) -> tuple[int | str, ...]:
    """Returns the gallery's layers; raises for one that is not there."""
    graph = LayerGraph(model)
    for layer in given or ():
        graph.tensor(layer)
    return tuple(given or graph.usual_layers())


def _name(model: str, classifier: Classifier) -> str:
    """Names the network by its variant if its card tells it, else as in Fig. 6."""
    if model in PRESETS:
        return f"{model}-scale ZFNet" if model == "quarter" else model
    config = classifier.made.get("config")
    variant = config.get("model", {}).get("variant") if isinstance(config, dict) else ""
    return str(variant or model_labels([model], None)[0])


def _subtitle(
    settings: ReportSettings, classifier: Classifier, split: str, source: Source
) -> str:
    model = settings.model
    network = model if model in PRESETS else Path(model).name
    subtitle = (
        f"The network {network}, looked into with a deconvnet as Zeiler and Fergus did "
        f"with theirs: {_images_in_words(split, source)}."
    )
    if settings.rules != PAPER:
        subtitle += f" Projected by {LABEL}."
    if LayerGraph(classifier.model).endpoints:
        return subtitle
    return f"{subtitle} What the paper says is about ZFNet, which this network is not."


def _images_in_words(split: str, source: Source) -> str:
    kind, _, rest = source.spec.partition(":")
    images = source.split(split).num_examples
    if kind == "photographs":
        count = f"{len(photographs())} photographs"
        return count if rest else f"{images:,} crops of {count}"
    name = kind if kind == "shapes" else os.path.basename(os.path.abspath(rest))
    which = f"{split} " if len(source.splits) > 1 else ""
    classes = len(source.class_names)
    return f"{images:,} {which}images of {name}, in {classes:,} classes"


def _facts(classifier: Classifier) -> tuple[tuple[str, str, str], ...]:
    height, width = classifier.model.input_shape[1:3]
    facts = [
        ("parameters", f"{classifier.model.count_params():,}", ""),
        ("classes", f"{len(classifier.class_names):,}", ""),
        ("input", f"{height} x {width}", "pixels"),
    ]
    try:
        measured = classifier.made["errors"]["validation"]
        rates = measured["centre_crop"]
        note = f"on {measured['num_images']:,} images"
        facts[:0] = [
            ("top-1 error", percent(rates["top1_error"]), note),
            ("top-5 error", percent(rates["top5_error"]), note),
        ]
    except (KeyError, TypeError, ValueError):
        pass  # a network that nobody has measured, or another's card
    return tuple(facts)


def _provenance(request, classifier: Classifier) -> tuple[tuple[str, str], ...]:
    environment, made = provenance.environment(), classifier.made
    packages = ("python", "zfkeras", "tensorflow", "keras", "numpy")
    trained = made.get("environment")
    at_most = f"{request['max_images']:,} images a figure, seed {request['seed']}"
    rows = [
        ("command", command_line()),
        ("made on", datetime.date.today().isoformat()),
        ("commit", environment["commit"]),
        ("images", f"{request['data']}, {request['split']}"),
        ("at most", at_most),
        ("versions", ", ".join(f"{name} {environment[name]}" for name in packages)),
        ("machine", f"{environment['machine']}, {environment['cpus']} CPUs"),
        ("network", request["model"]),
        ("trained by", made.get("command")),
        ("its commit", trained.get("commit") if isinstance(trained, dict) else None),
    ]
    return tuple((name, str(value)) for name, value in rows if value)
