"""Trains and measures the rows of Table 3, each a run in a folder of its own."""

import dataclasses
import logging
from collections.abc import Sequence
from pathlib import Path

import keras

from zfkeras.data.files.bad_images import BadImages
from zfkeras.errors import UsageError
from zfkeras.io.files import read_json_again, write_json
from zfkeras.models.classifier import Classifier
from zfkeras.passes.context import Context
from zfkeras.training.config import TrainConfig
from zfkeras.training.ensemble import evaluate
from zfkeras.training.run import run_experiment
from zfkeras.training.run_data import carved, open_data

logger = logging.getLogger(__name__)

# Training images on which a finished network's training error is measured, at most.
TRAIN_ERROR_IMAGES = 5000
_ROW = "row.json"


def train_rows(
    config: TrainConfig, variants: Sequence[str], context: Context
) -> list[dict]:
    """Trains and measures each variant under one recipe; resumes if it can."""
    _check_validation(config)
    rows = []
    for number, variant in enumerate(variants):
        logger.info("row %d of %d: %s", number + 1, len(variants), variant)
        model = dataclasses.replace(config.model, variant=variant)
        row_config = dataclasses.replace(config, model=model)
        rows.append(_row(row_config, context.workdir / variant))
    return rows


def _check_validation(config: TrainConfig) -> None:
    """Refuses a wrong validation set before any network is trained."""
    validation = open_data(config).splits.get("validation")
    if validation is None or not validation.num_examples:
        raise UsageError(
            argument="--data",
            received=config.data.source,
            expected="a data set with validation images, on which rows are compared",
        )


def _row(config: TrainConfig, folder: Path) -> dict:
    """Measures one variant, or reads what was measured under the same settings."""
    record = folder / _ROW
    settings = config.to_json()
    known = read_json_again(record, "measuring its row anew")
    if isinstance(known, dict) and known.get("config") == settings and "row" in known:
        return known["row"]
    results = run_experiment(config, folder)
    classifier = Classifier.load(folder / results["model"])
    rates = results["validation"]["centre_crop"]
    row = {
        "variant": config.model.variant,
        "parameters": classifier.model.count_params(),
        "train_top1_error": _train_error(config, classifier),
        "top1_error": rates["top1_error"],
        "top5_error": rates["top5_error"],
        "num_images": results["validation"]["num_images"],
    }
    write_json(record, {"config": settings, "row": row})
    keras.utils.clear_session()  # the next row would start beside this one's graphs
    return row


def _train_error(config: TrainConfig, classifier: Classifier) -> float:
    """Measures the top-1 error on centre crops of training images, without dropout."""
    source = open_data(config)
    train, _ = carved(config, source)
    share = min(1.0, TRAIN_ERROR_IMAGES / max(train.num_examples, 1))
    _, sample = train.carve(share, config.seed)
    results = evaluate(
        [classifier],
        source,
        sample,
        batch_size=config.batch_size,
        ten_crop=False,
        bad_images=BadImages(sample.num_examples, config.data.max_bad_fraction),
    )
    return results["centre_crop"]["top1_error"]
