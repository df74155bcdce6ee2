"""`python -m transfer.folder PATH`: a classifier out of anybody's photographs."""

import argparse
import logging
import sys
from pathlib import Path

from transfer.experiments.arguments import add_features, layer
from zfkeras.cli import arguments, command
from zfkeras.cli.terminal import one_line

logger = logging.getLogger(__name__)

_ANSWERS = 3
_CONFUSIONS = 5


def build_parser() -> argparse.ArgumentParser:
    """The command's arguments."""
    parser = arguments.make_parser(
        "transfer.folder",
        "Train a classifier for the photographs in a folder and test it. The folder "
        "has one sub-folder per class; a linear head is trained on a layer of a "
        "trained network and tested on images it has not seen. The workdir holds "
        "model.keras, which zfkeras.load and every --model take, the results and a "
        "picture of which classes are confused.",
    )
    parser.add_argument(
        "path",
        nargs="?",
        metavar="PATH",
        help="folder (or zip) of PATH/CLASS/*.jpg, or PATH/train/CLASS/*.jpg beside "
        "PATH/val/CLASS/*.jpg; may be left out with --predict once there is a model",
    )
    arguments.add_model(parser)
    parser.add_argument(
        "--layer",
        type=_layer,
        default="best",
        metavar="N|NAME",
        help="the paper's layer, 1 to 7, or any network's by name, that of a nested "
        "model as base.block1_pool; or best: the one with the highest accuracy on "
        "training images held out for it, of a network without the paper's layers "
        "among the ends of its stages",
    )
    parser.add_argument(
        "--head",
        choices=("softmax", "svm"),
        default="softmax",
        help="what is trained on the layer; an svm's probabilities are no more than "
        "an order of the classes",
    )
    parser.add_argument(
        "--test-fraction",
        type=arguments.fraction,
        default=0.2,
        metavar="F",
        help="share of each class's images to test on (0-1), where the folder is not "
        "divided into train and val",
    )
    parser.add_argument(
        "--predict",
        nargs="+",
        default=[],
        type=Path,
        metavar="FILE",
        help="then name what these photographs show",
    )
    arguments.add_batch_size(parser, default=128)
    arguments.add_seed(parser)
    add_features(parser)
    arguments.add_workdir(parser, default="runs/folder")
    return parser


def _layer(text: str) -> int | str | None:
    """Reads 7, block1_pool, or best (`None`), for argparse."""
    return None if text == "best" else layer(text)


def main(argv=None) -> int:
    """Runs the command; returns its exit code."""
    return command.run(build_parser(), _folder, argv)


def _folder(args):
    from zfkeras.errors import UsageError

    for file in args.predict:
        if not file.is_file():
            raise FileNotFoundError(f"--predict: no such photograph: {file}")
    model = args.workdir / "model.keras"
    if args.path is not None:
        _train(args, model)
    elif not args.predict or not model.is_file():
        raise UsageError(
            "PATH must be given, unless there is something to --predict and a model "
            f"in --workdir. Received: no PATH, --workdir {args.workdir}."
        )
    if args.predict:
        _predict(args.predict, model, args.batch_size)


def _train(args, model: Path) -> None:
    from transfer.experiments.folder import FolderExperiment
    from transfer.features.cache import default_cache
    from transfer.plots.confusion import draw_confusion
    from zfkeras.io.files import crc32
    from zfkeras.io.provenance import write_results

    experiment = FolderExperiment(
        data=f"folder:{args.path}",
        model=args.model,
        layer=args.layer,
        head=args.head,
        test_fraction=args.test_fraction,
        seed=args.seed,
        batch_size=args.batch_size,
        cache=args.cache or default_cache(),
        dtype=args.feature_dtype,
        max_bad_fraction=args.max_bad_fraction,
    )
    prepared = experiment.prepare()
    command.make_folder(args.workdir)
    record, picture = args.workdir / "folder.json", args.workdir / "confusion.png"
    key = prepared.key()
    results = _known(record, key, model)
    if results is None:
        classifier, results = prepared.run()
        # They would stand beside another's model.
        record.unlink(missing_ok=True)
        if not (args.workdir / "config.json").exists():  # results of a training stay
            (args.workdir / "results.json").unlink(missing_ok=True)
        classifier.save(model)
        results = {**results, "key": key, "model_crc32": crc32(model)}
        write_results(args.workdir, "folder", results)
    draw_confusion(
        results["confusion"],
        results["class_names"],
        picture,
        f"{args.path}: {100 * results['accuracy']:.1f} % of {results['num_test']} "
        "test images right",
    )
    print(_summary(results))
    print(f"results in {record}, {picture} and {model}")


def _known(record: Path, key: str, model: Path) -> dict | None:
    """The results of a former run of the same experiment, if its model is whole."""
    from zfkeras.io.files import crc32, read_json_again, warn_of_damage

    otherwise = "training the head anew"
    results = read_json_again(record, otherwise)
    try:
        if results["key"] != key:
            logger.info(
                "replacing what %s holds, of %s on %s; another --workdir keeps it",
                record.parent,
                results["model"],
                results["data"],
            )
            return None
        if not model.is_file():
            return None
        if results["model_crc32"] != crc32(model):
            warn_of_damage(model, "it has changed", otherwise)
            return None
        return results
    except (KeyError, TypeError):
        return None


def _summary(results: dict) -> str:
    """What was chosen, how good it is, and what is confused most often."""
    lines = [
        f"layer {one_line(str(name))}: {100 * share:.1f} % on training images held out"
        for name, share in results["layers"].items()
    ]
    lines.append(
        f"{results['head']} on layer {one_line(str(results['layer']))}, "
        f"C = {results['C']:g}, learnt from {results['num_train']} images: "
        f"{100 * results['accuracy']:.1f} % of {results['num_test']} test images "
        f"right, mean over classes {100 * results['mean_per_class_accuracy']:.1f} %"
    )
    names = [one_line(name) for name in results["class_names"]]
    pairs = [
        (count, names[true], names[answer])
        for true, row in enumerate(results["confusion"])
        for answer, count in enumerate(row)
        if count and true != answer
    ]
    for count, true, answer in sorted(pairs, reverse=True)[:_CONFUSIONS]:
        lines.append(f"  {count} of {true} taken for {answer}")
    if results["copies_of_test_images"]["count"]:
        count = results["copies_of_test_images"]["count"]
        lines.append(f"left out: {count} training images that are test images, too")
    if results["bad_images"]["count"]:
        lines.append(f"left out: {results['bad_images']['count']} unreadable images")
    return "\n".join(lines)


def _predict(files: list[Path], model: Path, batch_size: int) -> None:
    """Prints the most probable classes of each photograph."""
    import numpy as np

    from zfkeras.data.files.bad_images import BadImage
    from zfkeras.errors import RunError
    from zfkeras.models.presets import load

    classifier = load(model)
    try:
        probabilities = classifier.predict(files, batch_size=batch_size)
    except BadImage as err:
        raise RunError(f"--predict: {err}") from err
    for file, row in zip(files, probabilities, strict=True):
        print(one_line(str(file)))
        for label in np.argsort(-row, kind="stable")[:_ANSWERS]:
            name = one_line(classifier.class_names[label])
            print(f"  {100 * row[label]:5.1f} %  {name}")


if __name__ == "__main__":
    sys.exit(main())
