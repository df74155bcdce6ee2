"""`python -m transfer.folder PATH`: a classifier out of anybody's photographs."""

import sys
from pathlib import Path

from transfer.experiments.folder import FOLDER
from zfkeras.cli import command
from zfkeras.errors import UsageError
from zfkeras.io.terminal import one_line

_ANSWERS = 3  # classes that are named of each photograph

build_parser = FOLDER.build_parser


def main(argv=None) -> int:
    """Runs the command; returns its exit code."""
    return command.run(build_parser(), _folder, argv)


def _folder(args):
    for file in args.predict:
        if not file.is_file():
            raise FileNotFoundError(f"--predict: no such photograph: {file}")
    model = args.workdir / "model.keras"
    if args.path is not None:
        FOLDER.run(args)
    elif not args.predict or not model.is_file():
        raise UsageError(
            "PATH must be given, unless there is something to --predict and a model "
            f"in --workdir. Received: no PATH, --workdir {args.workdir}.",
            argument="PATH",
        )
    if args.predict:
        _predict(args.predict, model, args.batch_size)


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
