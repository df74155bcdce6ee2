"""`tfds:NAME`: a data set of TensorFlow Datasets, ImageNet-2012 among them.

It finds the set, or has TFDS prepare it; tfds_split.py streams it. Sets without an
image and its label or labels an example, such as tfds:coco, are not for this reader.
"""

import difflib
import os
import tarfile
from pathlib import Path

import tensorflow as tf

from zfkeras.data.register import Source
from zfkeras.data.sources.tfds_split import TfdsMultiLabelSplit, TfdsSplit
from zfkeras.data.wnids import english_names, in_english
from zfkeras.errors import RunError, UsageError

IMAGENET_ARCHIVES = ("ILSVRC2012_img_train.tar", "ILSVRC2012_img_val.tar")
# Their labels are not public.
UNLABELLED = {("imagenet2012", "test"), ("voc/2012", "test")}
CATALOG = "https://www.tensorflow.org/datasets/catalog"


def open_source(rest: str) -> Source:
    """Opens a set that TFDS has prepared, or has it prepared now."""
    builder = _builder(rest)
    label, kind = _label_feature(builder, rest)
    if not builder.is_prepared():
        _prepare(builder, rest)
    splits = {
        str(name): kind(builder, str(name), ((0, info.num_examples),))
        for name, info in builder.info.splits.items()
        if (_full_name(builder), str(name)) not in UNLABELLED
    }
    return Source(f"tfds:{rest}", in_english(label.names), splits)


def is_prepared(name: str) -> bool:
    """Tells whether TFDS has prepared a set, in the version that it reads."""
    return _builder(name).is_prepared()


def imagenet_class_names() -> tuple[str, ...]:
    """Returns the 1,000 class names ("n01440764 tench") in the order of the labels."""
    return tuple(f"{wnid} {name}" for wnid, name in english_names().items())


def _builder(name: str):
    import tensorflow_datasets as tfds

    # Read now: TFDS itself looks at the variable only when it is first imported.
    data_dir = os.environ.get("TFDS_DATA_DIR") or None
    try:
        return tfds.builder(name, data_dir=data_dir)
    except (ValueError, AssertionError) as err:
        raise UsageError(
            f"tfds:{name} is no data set of TensorFlow Datasets{_nearest(name)}; "
            f"they are listed at {CATALOG}."
        ) from err


def _nearest(name: str) -> str:
    import tensorflow_datasets as tfds

    known = tfds.list_builders(with_community_datasets=False)
    base = name.split("/")[0].split(":")[0]
    if base in known:
        configs = list(tfds.builder_cls(base).builder_configs)
        return f", but {base} is" + (f" (configurations: {configs})" if configs else "")
    near = difflib.get_close_matches(base, known, n=3)
    return f" (did you mean {' or '.join(near)}?)" if near else ""


def _full_name(builder) -> str:
    config = builder.builder_config
    return f"{builder.name}/{config.name}" if config else builder.name


def _label_feature(builder, name: str):
    """Returns the feature that names the classes, and the kind of split it makes."""
    import tensorflow_datasets as tfds

    features = builder.info.features
    known = dict(features) if isinstance(features, tfds.features.FeaturesDict) else {}
    if isinstance(known.get("image"), tfds.features.Image):
        label, labels = known.get("label"), known.get("labels")
        if isinstance(label, tfds.features.ClassLabel):
            return label, TfdsSplit
        label = getattr(labels, "feature", None)
        if isinstance(label, tfds.features.ClassLabel):
            return label, TfdsMultiLabelSplit
    raise UsageError(
        f"tfds:{name} must have an image and a class label or several an example "
        f"('image', 'label' or 'labels'). Received: {sorted(known)}."
    )


def _prepare(builder, name: str) -> None:
    manual = Path(builder.data_dir_root) / "downloads" / "manual"
    lacking = [file for file in IMAGENET_ARCHIVES if not (manual / file).is_file()]
    if builder.name == "imagenet2012" and lacking:
        raise UsageError(
            f"tfds:{name} needs {' and '.join(lacking)} in the folder {manual} "
            "(TFDS_DATA_DIR/downloads/manual); docs/imagenet.md says how to get them."
        )
    try:
        builder.download_and_prepare()
    except AssertionError as err:  # so does TFDS ask for files to fetch by hand
        reason = " ".join(str(err).split())
        raise UsageError(f"tfds:{name} cannot be prepared: {reason}") from err
    except (OSError, tarfile.TarError, ImportError, *_tfds_failures()) as err:
        reason = " ".join(f"{type(err).__name__}: {err}".split())
        raise RunError(
            f"tfds:{name} could not be downloaded and prepared in "
            f"{builder.data_dir_root}: {reason}"
        ) from err


def _tfds_failures():
    from tensorflow_datasets.core.download import download_manager, extractor, util

    return (
        download_manager.NonMatchingChecksumError,
        extractor.ExtractError,
        util.DownloadError,
        tf.errors.OpError,
    )
