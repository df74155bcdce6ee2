"""`python -m zfkeras.train`: trains a network, or resumes a run that was stopped."""

import argparse
import shlex
import sys
from pathlib import Path

from zfkeras.cli import arguments, command, settings

DEFAULT_CONFIG = "zfnet_shapes"


def build_parser() -> argparse.ArgumentParser:
    """Builds the parser of the command's arguments."""
    parser = arguments.make_parser(
        "zfkeras.train",
        "Train ZFNet or one of its variants. Without arguments it trains on built-in "
        "images. The same command resumes a run that was stopped; at most one "
        "checkpoint interval is lost.",
    )
    parser.add_argument(
        "--config",
        default=DEFAULT_CONFIG,
        metavar="NAME",
        help="experiment in zfkeras/configs, such as zfnet_imagenet",
    )
    settings.add(
        parser,
        data=settings.some_data(None, "the configuration's own"),
        workdir=settings.a_workdir(None, "runs/CONFIG"),
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        dest="assignments",
        help="change a setting, such as optimizer.learning_rate=0.02; may be repeated; "
        "an unknown key lists them all",
    )
    parser.add_argument(
        "--weights",
        metavar="MODEL",
        help="start from a trained network, a preset (quarter) or the path of a .keras "
        "file: to train it further or, with a new softmax, for other classes; random: "
        "start from random weights (default: the configuration's: quarter for "
        f"{DEFAULT_CONFIG}, random for the others)",
    )
    _add_shorthands(parser)
    _add_execution(parser)
    return parser


# Flags that stand for a --set, so that every command has them by the same name.
_SHORTHANDS = {
    "epochs": ("epochs", arguments.positive_int, "passes over the training images"),
    "batch_size": ("batch_size", arguments.positive_int, "images in a step"),
    "seed": ("seed", int, "seed of weights, order, crops and dropout"),
    "max_bad_fraction": (
        "data.max_bad_fraction",
        arguments.fraction,
        "share of unreadable images (0-1) past which the run stops",
    ),
}


def _add_shorthands(parser):
    for name, (key, kind, text) in _SHORTHANDS.items():
        parser.add_argument(
            "--" + name.replace("_", "-"),
            type=kind,
            default=argparse.SUPPRESS,
            metavar="N",
            help=f"{text}, as --set {key}=N does (default: the configuration's)",
        )
    parser.add_argument(
        "--mixed-precision",
        choices=("float16", "bfloat16"),
        default=argparse.SUPPRESS,
        help="compute in half precision, keep weights in float32 (default: float32)",
    )


def _add_execution(parser):
    parser.add_argument(
        "--strategy",
        choices=("single", "mirrored", "multi-worker"),
        default="single",
        help="one device, all GPUs of this machine, or those of all machines that "
        "the environment variable TF_CONFIG names (docs/distributed.md)",
    )
    parser.add_argument(
        "--join-seconds",
        type=arguments.positive_int,
        default=600,
        metavar="N",
        help="multi-worker: how many seconds to wait for the other workers",
    )
    parser.add_argument("--jit", action="store_true", help="compile the step with XLA")
    parser.add_argument(
        "--deterministic",
        action="store_true",
        help="repeatable to the bit, some operations slower",
    )
    parser.add_argument(
        "--overwrite", action="store_true", help="forget what the workdir holds"
    )
    parser.add_argument(
        "--accept-other-images",
        action="store_true",
        help="resume although the images have changed since the run began: images that "
        "are held out now may have been learnt from",
    )
    parser.add_argument(
        "--dry-run",
        action="store_true",
        help="build everything, do one step, write nothing",
    )


def main(argv=None) -> int:
    """Runs the command; returns its exit code."""
    return command.run(build_parser(), _train, argv)


def _train(args):
    from zfkeras.errors import RunError
    from zfkeras.io.invocation import command_line
    from zfkeras.training.run import Execution, dry_run, run_experiment

    config = _configured(args)
    workdir = args.workdir = args.workdir or Path("runs") / args.config
    execution = Execution(
        args.strategy,
        args.jit,
        args.deterministic,
        args.overwrite,
        args.accept_other_images,
        args.join_seconds,
    )
    if args.dry_run:
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
    print(f"  python -m visualize.project PHOTO --model {model}")
    print(f"  python -m visualize.report --model {model} --run {run} --data {data}")


def _configured(args):
    from zfkeras import configs
    from zfkeras.training.config import with_overrides

    config = with_overrides(configs.get_config(args.config), args.assignments)
    flags = {name: key for name, (key, *_) in _SHORTHANDS.items()}
    flags |= {
        "data": "data.source",
        "mixed_precision": "mixed_precision",
        "weights": "model.weights",
    }
    given = {
        key: getattr(args, name)
        for name, key in flags.items()
        if getattr(args, name, None) is not None
    }
    if args.weights == "random":
        given["model.weights"] = None
    return with_overrides(config, [f"{key}={value}" for key, value in given.items()])


if __name__ == "__main__":
    sys.exit(main())
