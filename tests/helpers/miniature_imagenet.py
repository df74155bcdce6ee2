"""A miniature of ImageNet-2012 in its official archives, out of a few real photographs.

TFDS cannot tell it from the whole: a training archive of one archive a wnid, and a
validation archive whose labels TFDS knows by the place of a file name in the order of
names. So the real path, from archives to batches, runs without the 144 GB.

    python -m tests.helpers.miniature_imagenet --photographs ZIP --manual-dir DIR
"""

import argparse
import io
import tarfile
import zipfile
from pathlib import Path

from PIL import Image, ImageOps

NUM_VALIDATION = 200


def build(photographs: Path, manual_dir: Path) -> dict[str, str]:
    """Writes ILSVRC2012_img_train.tar and ILSVRC2012_img_val.tar."""
    photograph_of = _read(photographs)
    manual_dir.mkdir(parents=True, exist_ok=True)
    shown = _write_train(manual_dir / "ILSVRC2012_img_train.tar", photograph_of)
    return shown | _write_validation(
        manual_dir / "ILSVRC2012_img_val.tar", photograph_of
    )


def _read(photographs: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(photographs) as archive:
        names = [name for name in archive.namelist() if name.endswith(".JPEG")]
        return {Path(n).name.split("_")[0]: archive.read(n) for n in sorted(names)}


def _write_train(path: Path, photograph_of: dict[str, bytes]) -> dict[str, str]:
    shown = {}
    with tarfile.open(path, "w") as outer:
        for wnid, photograph in photograph_of.items():
            inner_file = io.BytesIO()
            with tarfile.open(fileobj=inner_file, mode="w") as inner:
                _add(inner, f"{wnid}_1.JPEG", photograph)
            _add(outer, f"{wnid}.tar", inner_file.getvalue())
            shown[f"{wnid}_1.JPEG"] = wnid
    return shown


def _write_validation(path: Path, photograph_of: dict[str, bytes]) -> dict[str, str]:
    others = [*photograph_of.values()]
    shown = {}
    with tarfile.open(path, "w") as archive:
        for index, wnid in enumerate(validation_wnids()[:NUM_VALIDATION]):
            name = f"ILSVRC2012_val_{index + 1:08d}.JPEG"
            if wnid in photograph_of:
                # Mirrored, so that no validation image is a training image.
                _add(archive, name, _mirrored(photograph_of[wnid]))
                shown[name] = wnid
            else:
                _add(archive, name, others[index % len(others)])
    return shown


def validation_wnids() -> list[str]:
    """The class of each of the 50,000 validation images, by the list TFDS ships."""
    import tensorflow_datasets as tfds

    path = tfds.core.tfds_path("datasets/imagenet2012/validation_labels.txt")
    return path.read_text().split()


def _mirrored(photograph: bytes) -> bytes:
    file = io.BytesIO()
    with Image.open(io.BytesIO(photograph)) as image:
        ImageOps.mirror(image.convert("RGB")).save(file, "JPEG", quality=90)
    return file.getvalue()


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    archive.addfile(member, io.BytesIO(content))


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photographs", type=Path, required=True, metavar="ZIP")
    parser.add_argument("--manual-dir", type=Path, required=True, metavar="DIR")
    args = parser.parse_args(argv)
    shown = build(args.photographs, args.manual_dir)
    trained = sum(not name.startswith("ILSVRC") for name in shown)
    print(
        f"{args.manual_dir}: {trained} training images, {NUM_VALIDATION} validation "
        f"images, {len(shown) - trained} of them showing the class they are labelled by"
    )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
