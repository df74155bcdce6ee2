"""Splits as the figures search them for strong activations."""

from visualize.strongest.searched_images import SearchedImages
from zfkeras.data.files.bad_images import BadImages
from zfkeras.data.register import Source


def search(split, spec: str = "noise") -> SearchedImages:
    """A split of any images, of a data set whose one class has no name."""
    source = Source(spec, ("",), {"validation": split})
    bad_images = BadImages(max(1, split.num_examples))
    return SearchedImages(source, "validation", split, spec, bad_images)
