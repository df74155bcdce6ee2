"""The settings of a report."""

import dataclasses
from pathlib import Path

from visualize.figures.shared_settings import LAYERS_HELP, RuleSettings
from zfkeras.cli import settings
from zfkeras.records import setting

CHANNELS, QUICK_CHANNELS = 16, 6
MAX_IMAGES, QUICK_MAX_IMAGES = 2_000, 300


@dataclasses.dataclass(frozen=True, kw_only=True)
class ReportSettings(RuleSettings, settings.ModelSettings):
    """What is shown of which network, on which images."""

    data: str = settings.some_data(
        "photographs", "photographs; images like those it was trained on show more"
    )
    split: str | None = settings.a_split()
    run: Path | None = settings.a_folder(
        "workdir of the network's training, for the evolution of features"
    )
    compare: tuple[str, ...] | None = setting(
        None,
        action="append",
        metavar="MODEL",
        help="another network whose first-layer filters stand beside; may be repeated",
    )
    images: tuple[Path, ...] = setting(
        (),
        nargs="+",
        type=Path,
        metavar="FILE",
        help="photographs, or folders of them, for invariance and occlusion; without "
        "it, images of --data",
    )
    parts: Path | None = settings.a_file(
        "JSON with the places of parts in images, for correspondence (default: "
        "spikes of built-in stars)"
    )
    parts_images: Path | None = settings.a_folder(
        "folder or zip with those images (default: the folder of --parts)"
    )
    transfer: Path | None = settings.a_folder(
        "folder with the tables of transfer to other data sets"
    )
    ablation: Path | None = settings.a_folder("workdir of python -m zfkeras.ablation")
    layers: tuple[int | str, ...] | None = settings.some_layers(LAYERS_HELP)
    channels: int | None = settings.a_count(
        None,
        "channels of each layer in the gallery, drawn at random among the active ones "
        f"(default: {CHANNELS}; with --quick {QUICK_CHANNELS})",
    )
    max_images: int | None = settings.a_count(
        None,
        "look at no more images than this for a figure, drawn at random (default: "
        f"{MAX_IMAGES}; with --quick {QUICK_MAX_IMAGES})",
    )
    quick: bool = setting(False, help="small figures, in a minute or two")
    overwrite: bool = setting(False, help="make again what was made before")
    batch_size: int = settings.batch_size(128)
    seed: int = settings.a_seed()
    max_bad_fraction: float = settings.max_bad_fraction()
    workdir: Path = settings.a_workdir("runs/report")

    def completed(self) -> "ReportSettings":
        """Fills in what was not given, and the numbers that --quick decides."""
        quick = self.quick
        return dataclasses.replace(
            self,
            compare=self.compare or (),
            channels=self.channels or (QUICK_CHANNELS if quick else CHANNELS),
            max_images=self.max_images or (QUICK_MAX_IMAGES if quick else MAX_IMAGES),
        )
