"""`caltech101:PATH`: Caltech-101, 9,144 photographs in 101 categories and a background.

Labels follow the sorted folder names, capitals first, as for `folder:PATH`.
"""

import re

from zfkeras.data.register import Source
from zfkeras.data.sources.caltech import Layout, open_caltech

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

LAYOUT = Layout(
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


def open_source(rest: str) -> Source:
    """Opens Caltech-101; its one split is "train"."""
    return open_caltech(rest, LAYOUT)
