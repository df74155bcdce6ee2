"""How a run ends: its errors, its model file, results.json and training.png."""

from zfkeras.data.files.bad_images import BadImages
from zfkeras.data.register import Source
from zfkeras.plots.training import draw_training_log
from zfkeras.training.loop import Loop


def report(loop: Loop, source: Source) -> dict:
    """Evaluates a finished run and writes what it leaves.

    All workers evaluate, each its share; the chief writes.
    """
    errors, bad_images = {}, [loop.bad_images]
    validation = source.splits.get("validation")
    if validation is not None and validation.num_examples:
        # Held to the limit by itself: it is much smaller than the training set.
        limit = loop.bad_images.max_fraction
        bad_images.append(BadImages(validation.num_examples, limit))
        errors["validation"] = loop.evaluate(validation, bad_images[-1])
    if loop.held_out is not None:
        errors["held_out"] = loop.evaluate(loop.held_out, loop.bad_images)

    def write():
        workdir, config = loop.workdir, loop.config
        rows = loop.record.rows
        path = workdir.path / "model.keras"
        loop.classifier(errors).save(path)
        results = {
            "epochs": rows[-1]["epoch"] if rows else 0,
            "last_epoch": rows[-1:],
            **errors,
            "bad_images": _together(bad_images),
            "model": path.name,
        }
        workdir.write_results(results)
        if rows:
            title = f"{config.name}: {config.model.variant} on {config.data.source}"
            draw_training_log(rows, workdir.path / "training.png", title)
        return results

    return loop.workers.from_chief(write)


def _together(tallies: list[BadImages]) -> dict:
    parts = [tally.to_json() for tally in tallies]
    images = {id: reason for part in parts for id, reason in part["images"].items()}
    return {"count": sum(part["count"] for part in parts), "images": images}
