"""`python -m zfkeras.summary`: layers, sizes, parameters and receptive fields."""

import dataclasses
import sys

from zfkeras.cli import settings
from zfkeras.cli.command import Command
from zfkeras.errors import UsageError
from zfkeras.records import Table, setting


@dataclasses.dataclass(frozen=True, kw_only=True)
class SummarySettings(settings.ModelSettings):
    """A network that is built, or one that is loaded."""

    model: str | None = setting(
        None, metavar="MODEL", help="preset or .keras file, in place of --variant"
    )
    variant: str | None = setting(
        None,
        metavar="NAME",
        help="zfnet, alexnet, zfnet_quarter, alexnet_quarter or a row of Table 3 such "
        "as zfnet_b; `list` prints all of them (default: zfnet)",
    )
    num_classes: int | None = settings.a_count(
        None, "classes of the softmax, with --variant (default: 1000)"
    )


def summarize(settings: SummarySettings) -> None:
    """Prints the table of a network, or the names of the variants."""
    import keras

    from zfkeras.models.variants import VARIANTS
    from zfkeras.models.zfnet import ZFNet
    from zfkeras.passes.context import Context

    if settings.model is not None:
        for name in ("variant", "num_classes"):
            if getattr(settings, name) is not None:
                raise UsageError(
                    argument=f"--{name.replace('_', '-')}",
                    received=f"--model {settings.model}",
                    expected="given without --model",
                )
        print(summary(Context().classifier(settings.model, settings).model).to_text())
    elif settings.variant == "list":
        print("\n".join(VARIANTS))
    else:
        # In this scope variables have shapes, but take no memory.
        with keras.StatelessScope(initialize_variables=False):
            model = ZFNet(
                settings.num_classes or 1000, variant=settings.variant or "zfnet"
            )
        print(summary(model).to_text())


def summary(model) -> Table:
    """Makes a table of a model's layers."""
    from zfkeras.graph.layer_graph import LayerGraph

    graph = LayerGraph(model)
    ends = graph.endpoints.values()
    numbers = {end.layer_name: str(end.number) for end in ends}
    rows = []
    for call in graph.calls:
        if not call.runs and (call.around or not call.is_input):
            continue  # of nested models the layers are shown
        layer, output = call.operation, call.tensor
        rows.append(
            [
                call.path,
                numbers.get(call.path, ""),
                "x".join(map(str, output.shape[1:-1])),
                str(output.shape[-1]),
                f"{layer.count_params():,}" if getattr(layer, "weights", ()) else "",
                *_field_cells(graph, call),
            ]
        )
    return Table(
        f"{model.name}: {model.count_params():,} parameters; receptive field and "
        "stride in input pixels",
        "name, layer, output, channels, parameters, field, stride".split(", "),
        rows,
    )


def _field_cells(graph, call) -> tuple[str, str]:
    """Returns size and stride of a layer's receptive field, "?" if not known."""
    if len(call.tensor.shape) != 4:
        return "image", ""
    try:
        field = graph.field(call.path if call.around else call.tensor)
    except UsageError:
        return "?", ""
    return "x".join(map(str, field.size)), str(field.stride[0])


SUMMARY = Command(
    module="zfkeras.summary",
    description="Print a network's layers, sizes, parameters and receptive fields.",
    settings=SummarySettings,
    work=summarize,
    any_backend=True,
)
build_parser, main = SUMMARY.build_parser, SUMMARY.main

if __name__ == "__main__":
    sys.exit(main())
