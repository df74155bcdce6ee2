"""`caltech101:PATH` and `caltech256:PATH`: one folder of JPEGs a category, one split.

Labels follow the sorted folder names, capitals first, as for `folder:PATH`. It draws no
training and test images: the papers do that anew for each repetition.
"""

import dataclasses
import re
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from zfkeras.data.files.archives import open_files
from zfkeras.data.files.folder_files import Files, existing
from zfkeras.data.register import Source
from zfkeras.errors import UsageError

# Images of nothing in particular, in both sets and as TFDS calls the first one's.
BACKGROUNDS = ("BACKGROUND_Google", "background_google", "257.clutter")


@dataclasses.dataclass(frozen=True)
class _Layout:
    """How a set is published."""

    prefix: str
    folder: str
    archives: tuple[str, ...]
    category: re.Pattern
    key: int
    whole: frozenset[str]
    text: str


CATEGORIES = tuple(
    """Faces Faces_easy Leopards Motorbikes accordion airplanes anchor ant barrel bass
    beaver binocular bonsai brain brontosaurus buddha butterfly camera cannon car_side
    ceiling_fan cellphone chair chandelier cougar_body cougar_face crab crayfish
    crocodile crocodile_head cup dalmatian dollar_bill dolphin dragonfly electric_guitar
    elephant emu euphonium ewer ferry flamingo flamingo_head garfield gerenuk gramophone
    grand_piano hawksbill headphone hedgehog helicopter ibis inline_skate joshua_tree
    kangaroo ketch lamp laptop llama lobster lotus mandolin mayfly menorah metronome
    minaret nautilus octopus okapi pagoda panda pigeon pizza platypus pyramid revolver
    rhino rooster saxophone schooner scissors scorpion sea_horse snoopy soccer_ball
    stapler starfish stegosaurus stop_sign strawberry sunflower tick trilobite umbrella
    watch water_lilly wheelchair wild_cat windsor_chair wrench yin_yang""".split()
)

_LAYOUT_101 = _Layout(
    prefix="caltech101",
    folder="101_ObjectCategories",
    archives=(
        "caltech-101/101_ObjectCategories",
        "caltech101/101_ObjectCategories",
        "101_ObjectCategories.tar.gz",
        "caltech-101/101_ObjectCategories.tar.gz",
        "caltech-101.zip",
    ),
    category=re.compile("|".join(["BACKGROUND_Google", *CATEGORIES])),
    key=0,
    whole=frozenset(CATEGORIES),
    text=(
        "caltech-101.zip, which python -m zfkeras.download caltech101 gets, the "
        "101_ObjectCategories.tar.gz inside it, or its folder 101_ObjectCategories "
        "with CATEGORY/image_0001.jpg"
    ),
)

_LAYOUT_256 = _Layout(
    prefix="caltech256",
    folder="256_ObjectCategories",
    archives=(
        "caltech-256/256_ObjectCategories",
        "caltech256/256_ObjectCategories",
        "256_ObjectCategories.tar",
        "caltech-256/256_ObjectCategories.tar",
    ),
    category=re.compile(r"(\d{3})\.[^/]+"),
    key=1,
    whole=frozenset(f"{number:03d}" for number in range(1, 257)),
    text=(
        "256_ObjectCategories.tar, which python -m zfkeras.download caltech256 gets, "
        "or its folder 256_ObjectCategories with 001.ak47/001_0001.jpg"
    ),
)


def open_caltech101(rest: str) -> Source:
    """Opens Caltech-101, 9,144 photographs in 101 categories and a background."""
    return _open_source(rest, _LAYOUT_101)


def open_caltech256(rest: str) -> Source:
    """Opens Caltech-256, 30,607 photographs in 256 categories and a clutter."""
    return _open_source(rest, _LAYOUT_256)


def background_label(class_names: Sequence[str]) -> int | None:
    """Finds the class that is no category: BACKGROUND_Google or 257.clutter."""
    found = [i for i, name in enumerate(class_names) if name in BACKGROUNDS]
    return found[0] if found else None


def _open_source(rest: str, layout: _Layout) -> Source:
    """Opens a set laid out as `layout` says; its one split is "train"."""
    files, root = _open(existing(rest, layout.text), layout)
    by_category = _by_category(files, root, layout)
    _check_whole(files, by_category, layout)
    class_names = sorted(by_category)
    names, labels = [], []
    for label, name in enumerate(class_names):
        names += by_category[name]
        labels += [label] * len(by_category[name])
    ids = [name.removeprefix(root) for name in names]
    spec = f"{layout.prefix}:{rest}"
    split = files.split(names, labels, ids)
    return Source(spec, tuple(class_names), {"train": split})


def _open(path: Path, layout: _Layout) -> tuple[Files, str]:
    """Lists the files; also returns what the names of the categories begin with."""
    if path.is_dir():
        # Looked for before listing: a wrong path may be a home folder.
        for below in ("", layout.folder, *layout.archives):
            place = path / below
            if place.is_dir() and _has_categories(place, layout):
                return Files(place), ""
            if below and place.is_file():
                return _open(place, layout)
        raise _wrong_folder(path, layout)
    files = open_files(path, layout.text)
    found = {_root(name, layout) for name in files.names} - {None}
    if not found:
        raise _wrong(path, layout, f"no folder {layout.folder} of categories")
    # A stray copy of some categories lies deeper than the set itself.
    return files, min(found, key=lambda root: (root.count("/"), root))


def _root(name: str, layout: _Layout) -> str | None:
    """Returns what stands before CATEGORY/IMAGE in a name."""
    *above, category, image = ["", *name.split("/")]
    if not (above and layout.category.fullmatch(category) and _is_image(image)):
        return None
    return "".join(f"{part}/" for part in above[1:])


def _has_categories(folder: Path, layout: _Layout) -> bool:
    return any(
        layout.category.fullmatch(entry.name) and entry.is_dir()
        for entry in folder.iterdir()
    )


def _is_image(name: str) -> bool:
    return name.lower().endswith((".jpg", ".jpeg"))


def _by_category(files: Files, root: str, layout: _Layout) -> dict[str, list[str]]:
    """Maps each category to its images; an empty folder to an empty list."""
    found = defaultdict(list)
    for entry in (files.folder / root).iterdir():
        if layout.category.fullmatch(entry.name) and entry.is_dir():
            found[entry.name] = []
    for name in files.names:
        category, slash, image = name.removeprefix(root).partition("/")
        if name.startswith(root) and slash and layout.category.fullmatch(category):
            found[category] += [name] if _is_image(image) and "/" not in image else []
    return found


def _check_whole(files: Files, by_category: dict, layout: _Layout) -> None:
    empty = sorted(name for name, images in by_category.items() if not images)
    if empty:
        raise _wrong(files.path, layout, f"no images in {_listed(empty)}")
    keys = {layout.category.fullmatch(name)[layout.key] for name in by_category}
    missing = sorted(layout.whole - keys)
    if 0 < len(missing) < len(layout.whole) / 2:
        raise _wrong(files.path, layout, f"no folder for {_listed(missing)}")
    if len(by_category) < 2:
        raise _wrong(files.path, layout, "fewer than two categories")


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    kind = "category" if len(names) == 1 else "categories"
    return f"{kind} {', '.join(names[:5])}{more}"


def _wrong(path: Path, layout: _Layout, what: str) -> UsageError:
    return UsageError(
        f"{path} is not {layout.prefix}, or not all of it: {what}; expected "
        f"{layout.text}."
    )


def _wrong_folder(path: Path, layout: _Layout) -> UsageError:
    if layout.category.fullmatch(path.absolute().name):
        return _wrong(path, layout, "this is one category; name the folder above it")
    return _wrong(path, layout, f"no folder {layout.folder} of categories")
