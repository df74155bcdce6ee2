"""Which figures a report gathers, in the paper's order, and what each is called with.

It only lists; `visualize.report_figures` runs.
"""

from visualize.report_figures import Figure, Request, Unavailable


def _evolution(request: Request) -> list[str]:
    if request.run is None:
        raise Unavailable(
            "needs snapshots of a training: give its workdir, or a folder of files "
            "epoch-001.keras, ..., by --run."
        )
    channels = ["--channels=3", "--probes=8"] if request.quick else []
    return [
        f"--run={request.run}",
        f"--data={request.data}",
        f"--layers={','.join(map(str, request.layers))}",
        *request.one_pass(),
        *channels,
        *request.common(),
    ]


def _filters(request: Request) -> list[str]:
    models = [f"--model={name}" for name in (request.model, *request.compare)]
    channels = ["--channels=8"] if request.quick else []
    return [
        *models,
        *request.images(),
        *request.one_pass(),
        *channels,
        *request.common(),
    ]


def _invariance(request: Request) -> list[str]:
    return [
        f"--model={request.model}",
        *request.whole_images(),
        *request.photographs(),
        f"--count={3 if request.quick else 5}",
        *request.common(),
    ]


def _occlusion(request: Request) -> list[str]:
    return [
        f"--model={request.model}",
        *request.whole_images(),
        *request.photographs(),
        f"--count={2 if request.quick else 4}",
        *request.one_pass(),
        *request.common(),
    ]


def _correspondence(request: Request) -> list[str]:
    parts = [] if request.parts is None else [f"--parts={request.parts}"]
    if request.parts_images is not None:
        parts.append(f"--images={request.parts_images}")
    trials = ["--random=20"] if request.quick else []
    return [f"--model={request.model}", *parts, *trials, *request.common()]


FIGURES = (
    Figure(
        "evolution",
        "Fig. 4: how features evolve during training",
        "visualize.evolution",
        "evolution.json",
        ("evolution.png",),
        _evolution,
        ("run", "training images"),
    ),
    Figure(
        "invariance",
        "Fig. 5: invariance to shifts, scale and rotation",
        "visualize.invariance",
        "invariance.json",
        ("invariance.png",),
        _invariance,
        ("images",),
    ),
    Figure(
        "filters",
        "Fig. 6: filters of the first layer",
        "visualize.filters",
        "filters.json",
        ("filters.png", "layer2.png"),
        _filters,
        ("compare",),
    ),
    Figure(
        "occlusion",
        "Fig. 7: occlusion, or what the answer depends on",
        "visualize.occlusion",
        "occlusion.json",
        ("occlusion.png",),
        _occlusion,
        ("images",),
    ),
    Figure(
        "correspondence",
        "Table 1 and Fig. 8: correspondence of parts",
        "visualize.correspondence",
        "correspondence.json",
        ("correspondence.png",),
        _correspondence,
        ("parts",),
    ),
)
