"""`python -m visualize.project`: what excites a layer's units in one's photographs."""

import argparse
import sys
from pathlib import Path

from visualize.figures.arguments import layer
from zfkeras.cli import arguments, command


def build_parser() -> argparse.ArgumentParser:
    """The command's arguments."""
    parser = arguments.make_parser(
        "visualize.project",
        "Project the strongest units of a layer to the pixels of photographs (sec. "
        "2.1). Prints the predicted classes and writes project.json and one picture "
        "for each photograph: the units' receptive fields, feature maps and "
        "projections by the deconvnet, guided backpropagation and the gradient.",
    )
    parser.add_argument(
        "images",
        nargs="+",
        metavar="IMAGE",
        help="photographs, or folders whose files are taken",
    )
    arguments.add_model(parser)
    parser.add_argument(
        "--layer",
        type=layer,
        metavar="LAYER",
        help="the paper's number, 1 to 7, or a layer's name (default: 5, or the last "
        "maps of networks that ZFNet does not make)",
    )
    parser.add_argument(
        "--channel",
        type=_whole_numbers,
        metavar="N[,N...]",
        help="which channels, from 0 (default: the strongest of each photograph)",
    )
    parser.add_argument(
        "--position",
        type=_position,
        metavar="Y,X",
        help="row and column in the layer's map, from 0 (default: where each channel "
        "is strongest)",
    )
    parser.add_argument(
        "--units",
        type=arguments.positive_int,
        default=6,
        metavar="N",
        help="how many of the strongest channels, at most 32; without effect where "
        "--channel is given",
    )
    parser.add_argument(
        "--workdir",
        type=Path,
        default=Path("runs/project"),
        metavar="DIR",
        help="folder for the pictures and project.json; a rerun overwrites them",
    )
    return parser


def main(argv=None) -> int:
    """Runs the command; returns its exit code."""
    return command.run(build_parser(), _project, argv)


def _whole_numbers(text: str) -> list[int]:
    """Reads 3 or 3,17 for argparse."""
    words = text.split(",")
    if not all(word.strip().isdecimal() for word in words):
        raise argparse.ArgumentTypeError(
            f"must be whole numbers from 0 with commas between. Received: {text}"
        )
    return [int(word) for word in words]


def _position(text: str) -> list[int]:
    """Reads 3,4 for argparse."""
    numbers = _whole_numbers(text)
    if len(numbers) != 2:
        raise argparse.ArgumentTypeError(
            f"must be a row and a column, such as 3,4. Received: {text}"
        )
    return numbers


def _project(args):
    from visualize.figures.project.photograph_projection import (
        PhotographProjector,
        ProjectionSettings,
    )
    from visualize.images.photographs import read_photographs
    from zfkeras.data.files.image_paths import image_paths
    from zfkeras.errors import RunError
    from zfkeras.io.provenance import write_results
    from zfkeras.models.presets import load

    files = [*dict.fromkeys(image_paths(args.images))]
    settings = ProjectionSettings(args.layer, args.channel, args.position, args.units)
    classifier = load(args.model)
    projector = PhotographProjector(classifier, settings)
    command.make_folder(args.workdir)
    records, left_out = [], {}
    photographs = read_photographs(files, classifier.preprocessing, left_out)
    for photograph in photographs:
        projected = projector.project(photograph.square)
        _draw(photograph, projected, projector, classifier, args.workdir)
        records.append(_record(photograph, projected, classifier))
    if not records:
        raise RunError("none of the files could be read as an image")
    record = {
        "paper": "sec. 2.1",
        "model": str(args.model),
        **projector.to_json(),
        "photographs": records,
        "left_out": left_out,
    }
    write_results(args.workdir, "project", record)
    _print(records, left_out, args.workdir)


def _draw(photograph, projected, projector, classifier, workdir):
    """Writes the picture of one photograph."""
    from visualize.plots.project import draw_projections
    from zfkeras.plots import save_figure

    figure = draw_projections(
        projected,
        photograph.view,
        photograph.file.name,
        projector.title,
        classifier.class_names,
        units_are_classes=projector.is_output,
    )
    save_figure(figure, workdir / photograph.picture_name)


def _record(photograph, projected, classifier) -> dict:
    return {
        "file": str(photograph.file),
        "picture": photograph.picture_name,
        **projected.to_json(classifier.class_names),
    }


def _print(records, left_out, workdir):
    from zfkeras.cli.terminal import one_line

    for record in records:
        print(one_line(record["file"]))
        for one in record["predictions"]:
            print(f"  {100 * one['probability']:5.1f} %  {one_line(one['name'])}")
    if left_out:
        total = len(records) + len(left_out)
        print(f"left out: {len(left_out)} of {total} files that cannot be read")
    pictures = records[0]["picture"]
    if len(records) > 1:
        pictures = f"{len(records)} pictures, project-*.png,"
    print(f"results in {workdir}: {pictures} and project.json")


if __name__ == "__main__":
    sys.exit(main())
