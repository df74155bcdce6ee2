"""Opens the explorer beside a notebook, without waiting for it."""

from pathlib import Path

from visualize.deconvnet.rule_sets import PAPER
from visualize.explore.command import ExploreSettings
from visualize.explore.explorer import LIVE, Explorer
from visualize.explore.server import Server
from zfkeras.models.classifier import Classifier
from zfkeras.passes.context import Context


def open_explorer(
    model: str | Path | Classifier = "quarter",
    data: str = "photographs",
    *,
    beside: str | Path | Classifier | None = None,
    rules: str = PAPER,
    max_images: int = 2_000,
) -> Server:
    """Serves the explorer's page from a thread, on this machine only.

    As the last expression of a notebook's cell it is shown there; elsewhere open its
    `address` in a browser. It ends with the kernel. A notebook that runs on another
    machine than the browser cannot show it.

    Args:
        model: a `Classifier`, or what `zfkeras.load` takes.
        data: the photographs, as `--data` names them: "folder:PATH", say.
        beside: a second network, for a page that shows both, side by side. `None`
            (default): the page shows one, and can show it twice.
        rules: "paper" (default) or "generalised", as `Deconvnet` takes them.
        max_images: search no more images than this for strong activations, drawn at
            random.

    Returns:
        The server, with its `address` and `stop()`, which ends it.

    Raises:
        UsageError: a network or data that cannot be opened.
        ModuleNotFoundError: the extra `explore` is not installed.

    Example:
        >>> import visualize
        >>> explorer = visualize.open_explorer("quarter")
        >>> explorer.address.startswith("http://127.0.0.1:")
        True
        >>> explorer.stop()
    """
    context = Context()

    def explorer(model):
        is_live = isinstance(model, Classifier)
        classifier = model if is_live else context.classifier(model)
        settings = ExploreSettings(
            model=LIVE if is_live else str(model),
            data=data,
            rules=rules,
            max_images=max_images,
        )
        return Explorer(classifier, context, settings)

    other = None if beside is None else explorer(beside)
    server = Server(explorer(model), beside=other)
    server.start()
    return server
