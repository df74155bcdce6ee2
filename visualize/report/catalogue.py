"""The figures a report gathers, in the paper's order, and the arguments of each.

It only lists; `visualize.report.figures` makes.
"""

from visualize.report.figures import Figure
from zfkeras.errors import UsageError


def _common(request) -> list[str]:
    return [f"--seed={request.seed}", f"--batch-size={request.batch_size}"]


def _images(request) -> list[str]:
    return [f"--data={request.data}", f"--split={request.split}"]


def _one_pass(request) -> list[str]:
    """The arguments of a pass over the images."""
    return [
        f"--max-bad-fraction={request.max_bad_fraction}",
        f"--max-images={request.max_images}",
    ]


def _whole_objects(request) -> list[str]:
    """Network and images that show whole objects, for Fig. 5 and 7."""
    built_in = request.data == "photographs"
    images = ["--data=photographs:whole"] if built_in else _images(request)
    given = ["--images", *map(str, request.images)] if request.images else []
    return [f"--model={request.model}", *images, *given]


def _evolution(request) -> list[str]:
    if request.run is None:
        raise UsageError(
            "needs snapshots of a training: give its workdir, or a folder of files "
            "epoch-001.keras, ..., by --run."
        )
    channels = ["--channels=3", "--probes=8"] if request.quick else []
    return [
        f"--run={request.run}",
        f"--data={request.data}",
        f"--layers={','.join(map(str, request.layers))}",
        *_one_pass(request),
        *channels,
        *_common(request),
    ]


def _filters(request) -> list[str]:
    models = [f"--model={name}" for name in (request.model, *request.compare)]
    channels = ["--channels=8"] if request.quick else []
    return [
        *models,
        *_images(request),
        *_one_pass(request),
        *channels,
        *_common(request),
    ]


def _invariance(request) -> list[str]:
    count = f"--count={3 if request.quick else 5}"
    return [*_whole_objects(request), count, *_common(request)]


def _occlusion(request) -> list[str]:
    count = f"--count={2 if request.quick else 4}"
    return [*_whole_objects(request), count, *_one_pass(request), *_common(request)]


def _correspondence(request) -> list[str]:
    parts = [] if request.parts is None else [f"--parts={request.parts}"]
    if request.parts_images is not None:
        parts.append(f"--images={request.parts_images}")
    trials = ["--random=20"] if request.quick else []
    return [f"--model={request.model}", *parts, *trials, *_common(request)]


FIGURES = (
    Figure(
        "evolution",
        "Fig. 4: how features evolve during training",
        _evolution,
        ("run", "training images"),
        ("evolution.png",),
    ),
    Figure(
        "invariance",
        "Fig. 5: invariance to shifts, scale and rotation",
        _invariance,
        ("images",),
        ("invariance.png",),
    ),
    Figure(
        "filters",
        "Fig. 6: filters of the first layer",
        _filters,
        ("compare",),
        ("filters.png", "layer2.png"),
    ),
    Figure(
        "occlusion",
        "Fig. 7: occlusion, or what the answer depends on",
        _occlusion,
        ("images",),
        ("occlusion.png",),
    ),
    Figure(
        "correspondence",
        "Table 1 and Fig. 8: correspondence of parts",
        _correspondence,
        ("parts",),
        ("correspondence.png",),
    ),
)
