"""Which figures a report gathers, in the paper's order, and what each is called with.

It only lists; `visualize.report_figures` runs.
"""

from visualize.report_figures import Figure, Request, Unavailable


def _evolution(request: Request) -> list[str]:
    if request.run is None:
        raise Unavailable(
            "needs the snapshots of a training: give its workdir by --run."
        )
    channels = ["--channels=3", "--probes=8"] if request.quick else []
    return [
        f"--run={request.run}",
        f"--data={request.data}",
        *request.at_most(),
        *channels,
        *request.common(),
    ]


def _filters(request: Request) -> list[str]:
    models = [f"--model={name}" for name in (request.model, *request.compare)]
    channels = ["--channels=8"] if request.quick else []
    return [
        *models,
        *request.images(),
        *request.at_most(),
        *channels,
        *request.common(),
    ]


FIGURES = (
    Figure(
        "evolution",
        "Fig. 4: how features evolve during training",
        "visualize.evolution",
        "evolution.json",
        ("evolution.png",),
        _evolution,
    ),
    Figure(
        "filters",
        "Fig. 6: filters of the first layer",
        "visualize.filters",
        "filters.json",
        ("filters.png", "layer2.png"),
        _filters,
    ),
)
