"""Makes all that a report shows; what fails is listed with the reason."""

import argparse
import datetime
import logging
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

from visualize.figures.features.gallery import RECORD, make_gallery
from visualize.filters import model_labels
from visualize.report import sections, tables
from visualize.report.catalogue import FIGURES
from visualize.report.figures import make_once
from visualize.report.findings import percent
from visualize.report.given import look_at_given
from visualize.report.page import Page
from visualize.strongest.scan_state import fingerprint
from zfkeras.cli import command
from zfkeras.data.register import Source, open_source
from zfkeras.data.sources.photographs import photographs
from zfkeras.errors import RunError, UsageError
from zfkeras.graph.layer_tensor import layer_tensor
from zfkeras.graph.paper_layers import usual_layers
from zfkeras.io import provenance
from zfkeras.models.classifier import Classifier
from zfkeras.models.presets import PRESETS, load

_log = logging.getLogger(__name__)


def gather(args: argparse.Namespace) -> tuple[Page, list[str]]:
    """Makes the page, and lists the titles of figures that failed.

    What was not given, or what the network does not allow, is no failure.
    """
    source = open_source(args.data)
    args.split = source.split_name(args.split)
    classifier = load(args.model)
    layers = _layers(args.layers, classifier.model)
    request = argparse.Namespace(
        **{**vars(args), "data": source.spec, "layers": layers}
    )
    inputs = _fingerprint(args.split, source, classifier)
    given = look_at_given(args, classifier.preprocessing)
    if args.run is not None and "train" in source.splits:
        given["training images"] = _fingerprint("train", source, classifier)
    command.make_folder(args.workdir)
    made = _Made()

    def figure_section(figure):
        record = figure.make(request, inputs, given)
        return sections.figure_section(figure, record)

    gallery = made.add(
        sections.GALLERY,
        lambda: sections.gallery(_gallery(request, inputs, source, classifier)),
    )
    makers = {
        "Training": lambda: tables.training(args.run, args.transfer),
        **{figure.title: partial(figure_section, figure) for figure in FIGURES},
        tables.ABLATION: lambda: tables.ablation(args.ablation),
        tables.TRANSFER: lambda: tables.transfer(args.transfer),
    }
    if args.run is None:
        del makers["Training"]
    found = [made.add(title, make) for title, make in makers.items()]
    page = Page(
        title=f"What {_name(args.model, classifier)} sees",
        subtitle=_subtitle(request, source),
        facts=_facts(classifier),
        gallery=gallery,
        sections=tuple(section for section in found if section is not None),
        missing=tuple(made.missing),
        provenance=_provenance(request, classifier),
        credits=photographs() if source.spec.partition(":")[0] == "photographs" else (),
    )
    return page, made.failed


class _Made:
    """What could not be made, and why."""

    def __init__(self):
        self.missing, self.failed = [], []

    def add(self, title: str, make: Callable[[], object]):
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


def _fingerprint(split_name: str, source: Source, classifier: Classifier) -> str:
    split = source.split(split_name)
    return fingerprint(classifier.model, classifier.preprocessing, split, source.spec)


def _layers(given, model) -> tuple[int | str, ...]:
    """The gallery's layers; `layer_tensor` raises for one that is not there."""
    for layer in given or ():
        layer_tensor(model, layer)
    return tuple(given or usual_layers(model))


def _gallery(request, inputs: str, source: Source, classifier: Classifier) -> Path:
    folder = request.workdir / "features"
    settings = {
        "layers": [*request.layers],
        "num_channels": request.channels,
        "max_images": request.max_images,
        "max_bad_fraction": request.max_bad_fraction,
        "seed": request.seed,
    }

    def make():
        make_gallery(
            classifier,
            source,
            request.split,
            folder,
            batch_size=request.batch_size,
            **settings,
        )

    made_with = {**settings, "network and images": inputs}
    return make_once(folder, RECORD, made_with, make, request.overwrite)


def _name(model: str, classifier: Classifier) -> str:
    """The network's variant if its card names it, else its label in Fig. 6."""
    if model in PRESETS:
        return f"{model}-scale ZFNet" if model == "quarter" else model
    config = classifier.made.get("config")
    variant = config.get("model", {}).get("variant") if isinstance(config, dict) else ""
    return str(variant or model_labels([model], None)[0])


def _subtitle(request, source: Source) -> str:
    model = request.model
    network = model if model in PRESETS else Path(model).name
    return (
        f"The network {network}, looked into with a deconvnet as Zeiler and Fergus did "
        f"with theirs: {_images_in_words(request.split, source)}."
    )


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


def _provenance(request, classifier: Classifier):
    environment = provenance.environment()
    made = classifier.made
    rows = [
        ("command", provenance.command_line()),
        ("made on", datetime.date.today().isoformat()),
        ("commit", environment["commit"]),
        ("images", f"{request.data}, {request.split}"),
        ("at most", f"{request.max_images:,} images a figure, seed {request.seed}"),
        (
            "versions",
            ", ".join(
                f"{name} {environment[name]}"
                for name in ("python", "zfkeras", "tensorflow", "keras", "numpy")
            ),
        ),
        ("machine", f"{environment['machine']}, {environment['cpus']} CPUs"),
        ("network", request.model),
        ("trained by", made.get("command")),
    ]
    trained = made.get("environment")
    if isinstance(trained, dict):
        rows.append(("its commit", trained.get("commit")))
    return tuple((name, str(value)) for name, value in rows if value)
