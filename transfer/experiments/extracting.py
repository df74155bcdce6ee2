"""Features of a split for an experiment, and the images that could not be read."""

from collections.abc import Sequence

from transfer.experiments.shared_settings import FeatureSettings
from transfer.features.cache import default_cache
from transfer.features.extraction import Features, extract
from zfkeras.data.files.bad_images import BadImages
from zfkeras.data.split import Split
from zfkeras.models.classifier import Classifier


def extract_features(
    classifier: Classifier,
    split: Split,
    layers: Sequence[int | str],
    settings: FeatureSettings,
    data: str,
) -> tuple[Features, dict]:
    """Returns the features of some layers, and the bad images as JSON values."""
    bad_images = BadImages(split.num_examples, settings.max_bad_fraction)
    features = extract(
        classifier,
        split,
        layers,
        settings.cache or default_cache(),
        data=data,
        batch_size=settings.batch_size,
        dtype=settings.feature_dtype,
        bad_images=bad_images,
    )
    return features, bad_images.to_json()
