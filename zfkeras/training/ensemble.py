"""The errors of one trained network or of several averaged."""

from collections.abc import Sequence

import numpy as np
import tensorflow as tf
from tqdm import tqdm

from zfkeras.data.files.bad_images import BadImages
from zfkeras.data.pipeline import evaluation_batches
from zfkeras.data.register import Source
from zfkeras.data.split import Split
from zfkeras.data.wnids import wnid_of
from zfkeras.errors import RunError, UsageError
from zfkeras.models.classifier import Classifier, predict_crops
from zfkeras.training.evaluation import error_rates

# Where `ten_crop` puts the centre crop, so that one pass answers both ways.
_CENTRE = 4


def evaluate(
    classifiers: Sequence[Classifier],
    source: Source,
    split: Split,
    *,
    batch_size: int,
    ten_crop: bool,
    bad_images: BadImages,
) -> dict:
    """Measures top-1 and top-5 error of the classifiers' averaged probabilities."""
    to_output = _outputs_of_labels(classifiers, source)
    pipelines = [
        evaluation_batches(
            split,
            classifier.preprocessing,
            batch_size,
            ten_crop=ten_crop,
            bad_images=bad_images,
        )
        for classifier in classifiers
    ]

    def batches():
        for batch in tf.data.Dataset.zip(*pipelines).as_numpy_iterator():
            parts = batch if len(pipelines) > 1 else (batch,)
            bad_images.check()
            _check_same_images(parts)
            yield {
                "images": [part["image"] for part in parts],
                "label": to_output[parts[0]["label"]],
            }

    def predict(batch):
        answers = np.mean(
            [
                predict_crops(classifier.model, images)
                for classifier, images in zip(classifiers, batch["images"], strict=True)
            ],
            axis=0,
        )
        if not ten_crop:
            return {"centre_crop": answers}
        return {"centre_crop": answers[:, _CENTRE], "ten_crop": answers.mean(axis=1)}

    with tqdm(total=split.num_examples, desc="evaluating", unit=" images") as bar:
        rates = error_rates(predict, batches(), bar.update)
    bad_images.check()
    return {
        **rates,
        "networks": [classifier.model.name for classifier in classifiers],
        "bad_images": bad_images.to_json(),
    }


def _check_same_images(parts) -> None:
    """Stops where an image was bad for one network alone, so that the rest shifted."""
    positions = [part["position"] for part in parts]
    if not all(np.array_equal(positions[0], other) for other in positions[1:]):
        raise RunError(
            "an image could be read for one network and not for another, near the "
            f"{positions[0][0] + 1}th; mend or remove it."
        )


def _outputs_of_labels(classifiers, source) -> np.ndarray:
    """Returns the network's output for each label of the source, matched by class name.

    ImageNet's classes match by wnid, however the rest of the name is written.
    """
    names = classifiers[0].class_names
    for classifier in classifiers[1:]:
        if classifier.class_names != names:
            raise UsageError(
                argument="--model",
                received=f"{len(names)} classes and {len(classifier.class_names)}",
                expected="networks of the same classes in the same order",
            )
    output_of = {name: number for number, name in enumerate(names)}
    by_wnid = {wnid_of(name): number for name, number in output_of.items()}
    by_wnid.pop(None, None)
    wanted = source.class_names
    found = [output_of.get(name, by_wnid.get(wnid_of(name))) for name in wanted]
    pairs = zip(wanted, found, strict=True)
    unknown = [name for name, output in pairs if output is None]
    if unknown:
        raise UsageError(
            argument="--data",
            received=f"{source.spec} with {len(unknown)} of {len(wanted)} classes that "
            f"the network does not know, such as {unknown[0]!r}",
            expected=f"images of the network's {len(names)} classes, such as "
            f"{names[0]!r}",
        )
    return np.array(found)
