"""The images in which a figure looks for strong activations."""

import dataclasses
from pathlib import Path

from visualize.images.sample import draw_sample
from visualize.strongest.top_activations import Strongest, TopActivations
from zfkeras.data.files.bad_images import BadImages
from zfkeras.data.register import Source
from zfkeras.data.split import Split

#: The folder in a workdir that keeps what passes over images have found.
SCANS = "top_activations"


@dataclasses.dataclass(frozen=True, eq=False)
class SearchedImages:
    """A split of a data set, or a sample of one, and its unreadable images."""

    source: Source
    split_name: str
    split: Split
    name: str  # tells these images from others; visualize.beam_features agrees on it
    bad_images: BadImages

    def scan(
        self, finder: TopActivations, workdir: Path, batch_size: int
    ) -> dict[int | str, Strongest]:
        """Finds the strongest activations, or reads those kept in a workdir."""
        return finder.scan(
            self.split,
            batch_size=batch_size,
            folder=workdir / SCANS,
            data=self.name,
            bad_images=self.bad_images,
            show_progress=True,
        )

    def to_json(self) -> dict:
        """Returns what a record says of the images, as JSON values."""
        return {
            "data": self.source.spec,
            "split": self.split_name,
            "bad_images": self.bad_images.to_json(),
        }


def searched_images(context, settings, usual: str = "validation") -> SearchedImages:
    """Opens the images of a figure's settings: data, split, max_images, seed."""
    source = context.source(settings.data)
    split_name = source.split_name(settings.split, usual)
    split = draw_sample(source.split(split_name), settings.max_images, settings.seed)
    name = f"{source.spec} {split_name}"
    if settings.max_images is not None:
        name += f" {settings.max_images} {settings.seed}"
    bad_images = BadImages(split.num_examples, settings.max_bad_fraction)
    return SearchedImages(source, split_name, split, name, bad_images)
