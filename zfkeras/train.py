"""`python -m zfkeras.train`: trains a network, or resumes a run that was stopped."""

import dataclasses
import shlex
import sys
from pathlib import Path

from zfkeras.cli import arguments, settings
from zfkeras.cli.command import Command
from zfkeras.records import setting

DEFAULT_CONFIG = "zfnet_shapes"
# Settings that stand for a --set, so that every command has them by the same name.
_KEYS = {
    "data": "data.source",
    "weights": "model.weights",
    "epochs": "epochs",
    "batch_size": "batch_size",
    "seed": "seed",
    "max_bad_fraction": "data.max_bad_fraction",
    "mixed_precision": "mixed_precision",
}
_ELSE = "(default: the configuration's)"


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainSettings:
    """Which experiment is run, what is changed of it, and on which machines."""

    config: str = setting(
        DEFAULT_CONFIG,
        metavar="NAME",
        help="experiment in zfkeras/configs, such as zfnet_imagenet",
    )
    data: str | None = settings.some_data(None, "the configuration's own")
    workdir: Path | None = settings.a_workdir(None, "runs/CONFIG")
    assignments: tuple[str, ...] = settings.assignments(
        "change a setting, such as optimizer.learning_rate=0.02; may be repeated; an "
        "unknown key lists them all"
    )
    weights: str | None = setting(
        None,
        metavar="MODEL",
        help="start from a trained network, a preset (quarter) or the path of a .keras "
        "file: to train it further or, with a new softmax, for other classes; random: "
        "start from random weights (default: the configuration's: quarter for "
        f"{DEFAULT_CONFIG}, random for the others)",
    )
    epochs: int | None = settings.a_count(
        None, f"passes over the training images {_ELSE}"
    )
    batch_size: int | None = settings.a_count(None, f"images in a step {_ELSE}")
    seed: int | None = setting(
        None,
        type=arguments.seed,
        metavar="N",
        help=f"random seed of weights, order, crops and dropout, at least 0 {_ELSE}",
    )
    max_bad_fraction: float | None = setting(
        None,
        type=arguments.fraction,
        metavar="N",
        help=f"share of unreadable images (0-1) past which the run stops {_ELSE}",
    )
    mixed_precision: str | None = settings.mixed_precision()
    strategy: str = setting(
        "single",
        choices=("single", "mirrored", "multi-worker"),
        help="one device, all GPUs of this machine, or those of all machines that "
        "the environment variable TF_CONFIG names (docs/distributed.md)",
    )
    join_seconds: int = settings.a_count(
        600, "multi-worker: how many seconds to wait for the other workers"
    )
    jit: bool = setting(False, help="compile the step with XLA")
    deterministic: bool = setting(
        False,
        help="repeatable to the bit, some operations slower",
    )
    overwrite: bool = setting(False, help="forget what the workdir holds")
    accept_other_images: bool = setting(
        False,
        help="resume although the images have changed since the run began: images that "
        "are held out now may have been learnt from",
    )
    dry_run: bool = setting(
        False,
        help="build everything, do one step, write nothing",
    )


def train(settings: TrainSettings) -> None:
    """Trains a network and prints its errors and what to do next."""
    from zfkeras.errors import RunError
    from zfkeras.io.invocation import command_line
    from zfkeras.training.run import Execution, dry_run, run_experiment

    config = _configured(settings)
    workdir = settings.workdir or Path("runs") / settings.config
    execution = Execution(
        settings.strategy,
        settings.jit,
        settings.deterministic,
        settings.overwrite,
        settings.accept_other_images,
        settings.join_seconds,
    )
    if settings.dry_run:
        loss = dry_run(config, execution)
        print(f"dry run: one step of {config.name}, loss {loss:.4f}; nothing written")
        return
    try:
        results = run_experiment(config, workdir, execution)
    except KeyboardInterrupt as err:
        again = command_line(leave_out="--overwrite")
        raise RunError(f"interrupted; resume with: {again}") from err
    _print_results(results, workdir)
    _print_next_steps(workdir / results["model"], workdir, config.data.source)


def _configured(settings):
    from zfkeras import configs
    from zfkeras.training.config import with_overrides, with_values

    config = with_overrides(configs.get_config(settings.config), settings.assignments)
    given = {key: getattr(settings, name) for name, key in _KEYS.items()}
    if settings.weights == "random":
        given["model.weights"] = "none"
    return with_values(config, given)


def _print_results(results, workdir):
    for split in ("held_out", "validation"):
        if split in results:
            rates = results[split]["centre_crop"]
            print(
                f"{split.replace('_', ' ')}: top-1 error "
                f"{100 * rates['top1_error']:.1f} %, top-5 error "
                f"{100 * rates['top5_error']:.1f} % "
                f"({results[split]['num_images']} images, centre crop)"
            )
    print(f"results in {workdir}/results.json and training.png")
    print(f"model in {workdir}/{results['model']}")


def _print_next_steps(model, run, data):
    """Prints the commands that use the new model, as one would type them."""
    model, run, data = (shlex.quote(str(word)) for word in (model, run, data))
    print("what to do next:")
    print(f"  python -m zfkeras.predict PHOTO --model {model}")
    print(f"  python -m visualize.explore --model {model}")
    print(f"  python -m visualize.report --model {model} --run {run} --data {data}")


TRAIN = Command(
    module="zfkeras.train",
    description="Train ZFNet or one of its variants. Without arguments it trains on "
    "built-in images. The same command resumes a run that was stopped; at most one "
    "checkpoint interval is lost.",
    settings=TrainSettings,
    work=train,
)
build_parser, main = TRAIN.build_parser, TRAIN.main

if __name__ == "__main__":
    sys.exit(main())
