"""Features of a split for an experiment, and the images that could not be read."""

import functools
from collections.abc import Sequence

from transfer.experiments.shared_settings import FeatureSettings
from transfer.features.cache import default_cache
from transfer.features.extraction import Features, extract
from transfer.features.known_network import KnownNetwork
from zfkeras.data.files.bad_images import BadImages
from zfkeras.data.register import open_split
from zfkeras.data.split import Split
from zfkeras.passes.dask_engine import make_engine


def extract_features(
    network: KnownNetwork,
    split: Split,
    layers: Sequence[int | str],
    settings: FeatureSettings,
    data: str,
    split_name: str | None = None,
) -> tuple[Features, dict]:
    """Returns the features of some layers, and what a record says of them.

    `split_name`: which split of `data` it is; `None` (default) means all together.
    """
    bad_images = BadImages(split.num_examples, settings.max_bad_fraction)
    features = extract(
        network,
        split,
        layers,
        settings.cache or default_cache(),
        data=data if split_name is None else f"{data} {split_name}",
        batch_size=settings.batch_size,
        dtype=settings.feature_dtype,
        bad_images=bad_images,
        engine=make_engine(settings, functools.partial(open_split, data, split_name)),
    )
    return features, {
        "num_images": len(features.labels),
        "bad_images": bad_images.to_json(),
        "threads": features.threads,
    }
