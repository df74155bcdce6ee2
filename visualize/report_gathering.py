"""Makes all that a report shows and gathers it in a `Page`.

What cannot be made is listed with the reason, and the rest goes on.
"""

import argparse
import datetime
import logging
import os
from collections.abc import Callable
from pathlib import Path

from visualize import report_sections as sections
from visualize import report_tables as tables
from visualize.filters import model_labels
from visualize.gallery import RECORD, make_gallery
from visualize.page import Credit, Page
from visualize.paper_layers import usual_layers
from visualize.report_catalogue import FIGURES
from visualize.report_figures import Request, Unavailable, make_once
from visualize.report_given import look_at_given
from visualize.report_training import training
from visualize.report_words import percent
from visualize.scan_state import fingerprint
from zfkeras import commandline, provenance
from zfkeras.data.photographs import photographs
from zfkeras.data.sources import Source, open_source
from zfkeras.errors import RunError, UsageError
from zfkeras.models.classifier import Classifier
from zfkeras.models.layer_tensor import layer_tensor
from zfkeras.models.presets import PRESETS, load

_log = logging.getLogger(__name__)


def gather(args: argparse.Namespace) -> tuple[Page, list[str]]:
    """Makes every figure that can be made, and the page of them.

    Args:
        args: as `visualize.report.build_parser` reads them.

    Returns:
        The page, and the titles of figures that failed (not those for which something
        was not given or which the network does not allow).

    Raises:
        UsageError, FileNotFoundError: the network, the images, the workdir or what else
            was given is not there or is no such thing.
    """
    source = open_source(args.data)
    args.split = source.split_name(args.split)
    classifier = load(args.model)
    request = _request(args, source, classifier)
    commandline.make_folder(args.workdir)
    made = _Made()
    gallery = made.add(
        "Fig. 2: what excites each feature map",
        lambda: sections.gallery(_gallery(request, source, classifier)),
    )
    if args.run is not None:
        made.add(
            "Training",
            lambda: made.sections.append(training(args.run, args.transfer)),
        )
    for figure in FIGURES:
        made.add(
            figure.title,
            lambda figure=figure: made.sections.append(
                sections.figure_section(figure, figure.make(request))
            ),
        )
    for title, read, folder in (
        ("Table 3: what each part contributes", tables.ablation, args.ablation),
        ("Tables 4 to 7: transfer to other data sets", tables.transfer, args.transfer),
    ):
        made.add(
            title,
            lambda title=title, read=read, folder=folder: made.sections.append(
                read(title, folder)
            ),
        )
    page = Page(
        title=f"What {_name(args.model, classifier)} sees",
        subtitle=_subtitle(args.model, request, source),
        facts=_facts(classifier),
        gallery=gallery,
        sections=tuple(made.sections),
        missing=tuple(made.missing),
        provenance=_provenance(request, classifier),
        credits=_credits(source),
    )
    return page, made.failed


class _Made:
    """What has come about so far, and what has not."""

    def __init__(self):
        self.sections, self.missing, self.failed = [], [], []

    def add(self, title: str, make: Callable[[], object]):
        """Calls `make`; returns what it does, or `None` and knows the reason."""
        _log.info("%s", title)
        try:
            return make()
        except Unavailable as err:
            self._miss(title, err)
        except UsageError as err:  # this network or these images do not allow it
            self._miss(title, err)
        except (sections.Damaged, RunError, OSError) as err:
            self.failed.append(title)
            self._miss(title, err)
        except Exception as err:
            # A bug in one figure is no reason to lose the others.
            _log.exception("%s", title)
            self.failed.append(title)
            self._miss(title, f"failed: {type(err).__name__}: {err}")
        return None

    def _miss(self, title, reason):
        line = " ".join(str(reason).split())
        _log.info("  not shown: %s", line)
        self.missing.append((title, line))


def _request(args, source: Source, classifier: Classifier) -> Request:
    def digest(split_name):
        network = classifier.model, classifier.preprocessing
        return fingerprint(*network, source.split(split_name), source.spec)

    made_with = digest(args.split)
    given = look_at_given(args, classifier.preprocessing)
    if args.run is not None and "train" in source.splits:
        given["training images"] = digest("train")
    return Request(
        model=args.model,
        fingerprint=made_with,
        data=source.spec,
        split=args.split,
        workdir=args.workdir,
        layers=_layers(args.layers, classifier.model),
        channels=args.channels,
        max_images=args.max_images,
        batch_size=args.batch_size,
        seed=args.seed,
        run=args.run,
        compare=tuple(args.compare),
        images_given=tuple(args.images),
        parts=args.parts,
        parts_images=args.parts_images,
        given=given,
        max_bad_fraction=args.max_bad_fraction,
        quick=args.quick,
        overwrite=args.overwrite,
    )


def _layers(given, model) -> tuple[int | str, ...]:
    """Those of the gallery. Named ones must be there; whether they project is seen."""
    for layer in given or ():
        layer_tensor(model, layer)
    return tuple(given or usual_layers(model))


def _gallery(request: Request, source: Source, classifier: Classifier) -> Path:
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

    made_with = {**settings, "network and images": request.fingerprint}
    return make_once(folder, RECORD, made_with, make, request.overwrite)


def _name(model: str, classifier: Classifier) -> str:
    """The network's variant if the card knows it, else as Fig. 6 calls it."""
    if model in PRESETS:
        return f"{model}-scale ZFNet" if model == "quarter" else model
    config = classifier.made.get("config")
    variant = config.get("model", {}).get("variant") if isinstance(config, dict) else ""
    return str(variant or model_labels([model], None)[0])


def _subtitle(model: str, request: Request, source: Source) -> str:
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


def _credits(source: Source) -> tuple[Credit, ...]:
    """Credits of the built-in photographs, if the page shows them."""
    if source.spec.partition(":")[0] != "photographs":
        return ()
    return tuple(
        Credit(
            photo.title, photo.author, photo.licence, photo.source, photo.licence_url
        )
        for photo in photographs()
    )


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


def _provenance(request: Request, classifier: Classifier):
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
