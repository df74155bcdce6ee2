"""The command `python -m visualize.explore`: opens the explorer in the browser."""

import contextlib
import dataclasses
import webbrowser
from pathlib import Path

from visualize.figures.shared_settings import RuleSettings
from zfkeras.cli import arguments, settings
from zfkeras.cli.command import Command
from zfkeras.errors import UsageError
from zfkeras.records import setting


def _port(text: str) -> int:
    """Reads a port for argparse."""
    return arguments.number(text, int, 0, 65535, "a whole number from 0 to 65535")


@dataclasses.dataclass(frozen=True, kw_only=True)
class ExploreSettings(RuleSettings, settings.ModelSettings):
    """Which network is looked into, and which images are at hand."""

    beside: str | None = setting(
        None,
        metavar="MODEL",
        help="a second network, shown beside the first: before and after fine-tuning, "
        "or two epochs of a run",
    )
    data: str = settings.some_data(
        "photographs", "photographs; images like those it was trained on show more"
    )
    split: str | None = settings.a_split()
    max_images: int | None = settings.a_count(
        2_000,
        "search no more images than this for strong activations, drawn at random",
    )
    port: int = setting(
        0, type=_port, metavar="N", help="port of the page; 0 for any that is free"
    )
    no_browser: bool = setting(
        False, help="only print the address of the page, do not open a browser"
    )
    export: Path | None = setting(
        None,
        type=Path,
        metavar="FILE",
        help="write the page and the network into one HTML file that needs no server, "
        "in place of serving it; for chains of convolutions, max pools, LRN and "
        "dense layers, such as ZFNet",
    )
    batch_size: int = settings.batch_size(128)
    seed: int = settings.a_seed()
    max_bad_fraction: float = settings.max_bad_fraction()

    def __post_init__(self):
        if self.export is not None and self.beside is not None:
            raise UsageError("--export writes one network: leave out --beside.")


def explore(settings: ExploreSettings) -> None:
    """Opens the explorer and serves it until Ctrl-C, or writes it into a file."""
    from visualize.explore.explorer import Explorer
    from visualize.explore.export import export_page
    from visualize.explore.server import Server
    from zfkeras.passes.context import Context

    context = Context()
    models = [settings.model, *filter(None, [settings.beside])]
    classifiers = context.classifiers(models, settings)
    explorer, *others = (
        Explorer(classifier, context, dataclasses.replace(settings, model=model))
        for classifier, model in zip(classifiers, models, strict=True)
    )
    if settings.export is not None:
        path = export_page(explorer, settings.export)
        print(f"explorer in {path}, {path.stat().st_size / 1e6:.1f} MB")
        return
    server = Server(explorer, settings.port, *others)
    print(f"explorer at {server.address} (Ctrl-C ends it)", flush=True)
    if not settings.no_browser:
        webbrowser.open(server.address)
    with contextlib.suppress(KeyboardInterrupt):  # the way to end it
        server.serve()


EXPLORE = Command(
    module="visualize.explore",
    description="Look into a network in the browser. Drop a photograph and see the "
    "maps of each layer; click a unit for its projections, its strongest images, what "
    "feeds it and what occlusion does. The page is for this machine only.",
    settings=ExploreSettings,
    work=explore,
)
build_parser, main = EXPLORE.build_parser, EXPLORE.main
