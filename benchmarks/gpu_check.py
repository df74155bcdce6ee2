"""`python -m benchmarks.gpu_check`: what a machine with a GPU has to show.

The tests marked gpu, answers equal to the CPU's, speed and memory of training, and how
long training from prepared squares waits for its input. Without a GPU it runs the same
on the CPU, with small sizes, and says what it left out.
"""

import dataclasses
import itertools
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from zfkeras.cli import command
from zfkeras.errors import RunError
from zfkeras.io.files import read_json
from zfkeras.passes.experiment import Experiment
from zfkeras.records import Record, Table, setting

PRECISIONS = ("float32", "float16", "bfloat16")
FAILED = "failed"


@dataclasses.dataclass(frozen=True)
class Scale:
    """A network, and how much is measured of it."""

    config: str
    batch_size: int
    steps: int  # of each timing
    images: int  # whose answers are compared
    squares: int  # prepared, to be trained on


@dataclasses.dataclass(frozen=True)
class Sizes:
    """How much is measured; the order is that of `PRECISIONS`."""

    scales: tuple[Scale, ...]
    precisions: tuple[str, ...] = PRECISIONS
    repeats: int = 3


QUARTER, PAPER = "zfnet_quarter_tiny_imagenet", "zfnet_imagenet"
SIZES = {
    "gpu": Sizes((Scale(QUARTER, 128, 20, 64, 16384), Scale(PAPER, 128, 20, 32, 4096))),
    "cpu": Sizes((Scale(QUARTER, 16, 2, 8, 256), Scale(PAPER, 4, 1, 2, 32)), repeats=2),
    "smallest": Sizes((Scale(QUARTER, 2, 1, 2, 8),), ("float32",), repeats=2),
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class GpuCheckSettings:
    """How much is measured."""

    size: str | None = setting(
        None,
        choices=tuple(SIZES),
        help="how much to measure (default: gpu where TensorFlow finds one, else cpu)",
    )


def measure(context, settings: GpuCheckSettings) -> Record:
    """Measures all parts; fails in the end if one has failed."""
    import tensorflow as tf

    # The tests are a process of their own: TensorFlow would take all memory for this.
    os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
    gpus = tf.config.list_physical_devices("GPU")
    sizes = SIZES[settings.size or ("gpu" if gpus else "cpu")]
    context.claim_workdir()
    device, findings, failures = "this CPU", [], []
    if gpus:
        details = tf.config.experimental.get_device_details(gpus[0])
        device = details.get("device_name", "a GPU")
        findings.append(_run_tests())
        failures += [findings[-1]] if FAILED in findings[-1] else []
    else:
        findings.append(
            "TensorFlow finds no GPU. Not run: the tests marked gpu, and all speed, "
            "memory and answers of a GPU. What follows is this CPU, with small sizes."
        )
    rows: dict[str, list] = {"steps": [], "input": [], "answers": []}
    for scale in sizes.scales:
        rows["answers"] += compare_answers(scale)
        rows["steps"] += time_steps(scale, sizes)
        rows["input"].append(train_from_squares(scale, bool(gpus)))
    wrong = [row for row in rows["answers"] if not row["is_equal"]]
    wrong += [row for row in rows["steps"] if FAILED in row]
    failures += [", ".join(f"{key} {row[key]}" for key in row) for row in wrong]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    findings.append(f"The process had {peak:,.0f} MB of memory at its peak.")
    findings += [f"FAILED: {failure}" for failure in failures]
    about = {"device": device, "gpus": len(gpus), "failures": failures}
    return Record(
        {"figure": "none", "claim": "The paper trained on one GTX 580."},
        findings,
        {**about, **rows, "peak_memory_mb": peak},
        [*_tables(rows, device)],
    )


def _run_tests() -> str:
    """Runs the tests marked gpu; returns pytest's closing line."""
    words = ["-m", "pytest", "-q", "-m", "gpu", "tests/test_gpu.py"]
    done = subprocess.run(
        [sys.executable, *words],
        cwd=Path(__file__).parent.parent,
        capture_output=True,
        text=True,
    )
    print(done.stdout, file=sys.stderr)
    state = "passed" if done.returncode == 0 else FAILED
    return f"The tests marked gpu {state}: {done.stdout.strip().splitlines()[-1]}"


def compare_answers(scale: Scale) -> list[dict]:
    """Compares features and projections with the CPU's, with full float32."""
    import numpy as np
    import tensorflow as tf

    from benchmarks import gpu_answers
    from benchmarks.photographs import photograph
    from zfkeras.models.classifier import Classifier

    network = _network(scale, "float32")
    model, side = network.model, network.preprocessing.crop_size
    pictures = [photograph((side, side), number) for number in range(scale.images)]
    images = np.stack([*map(np.asarray, pictures)]).astype(np.float32) - 127.5
    images *= network.preprocessing.input_scale
    tf.config.experimental.enable_tensor_float_32_execution(False)
    try:
        units = gpu_answers.strongest_units(model, images)
        found = gpu_answers.features(model, images)
        found |= gpu_answers.projections(model, images, units)
    finally:
        tf.config.experimental.enable_tensor_float_32_execution(True)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "network.keras")
        names = [str(number) for number in range(model.output_shape[-1])]
        Classifier(model, network.preprocessing, names).save(path)
        request = {"images": images, **units}
        expected = gpu_answers.on_the_cpu(path, request, Path(folder))
    rows = []
    for name, values in found.items():
        difference = gpu_answers.difference(name, values, expected[name])
        tolerance = gpu_answers.TOLERANCES[name.split()[0]]
        row = {"network": scale.config, "answer": name, "difference": difference}
        row |= {"tolerance": tolerance, "is_equal": difference <= tolerance}
        rows.append(row)
    return rows


def time_steps(scale: Scale, sizes: Sizes) -> Iterator[dict]:
    """Times steps of training in each precision, with XLA and without."""
    import keras
    import tensorflow as tf

    from benchmarks.timing import interleaved

    for precision, jit in itertools.product(sizes.precisions, (False, True)):
        keras.utils.clear_session()
        row: dict[str, Any] = {"network": scale.config, "batch_size": scale.batch_size}
        row |= {"precision": precision, "jit": jit}
        try:
            _reset_memory()
            steps = _steps(_network(scale, precision, jit), scale)
            time = interleaved({"steps": steps}, sizes.repeats, warmup=1)["steps"]
            images = scale.steps * scale.batch_size
            row |= {"images_per_second": images / time.median}
            row |= {"seconds": dataclasses.asdict(time), "peak_memory": _peak_memory()}
        except tf.errors.OpError as err:  # is named, and the rest goes on
            row[FAILED] = f"{type(err).__name__}: {str(err)[:300]}"
        yield row


def _steps(network, scale):
    """Makes what runs some steps, and waits for the loss of the last."""
    import numpy as np
    import tensorflow as tf

    preprocessing, count = network.preprocessing, scale.batch_size
    random = np.random.default_rng(0)
    shape = (count, *preprocessing.image_shape)
    windows = [preprocessing.training_window((0, 0, n)) for n in range(count)]
    windows = np.array(windows, np.float32)
    batch = {
        "image": tf.constant(random.integers(0, 256, shape, np.uint8)),
        "window": tf.constant(windows),
        "label": tf.range(count, dtype=tf.int64) % network.model.output_shape[-1],
    }
    size = tf.constant(count, tf.float32)

    def steps():
        for _ in range(scale.steps):
            loss, *_ = network.train_step(network.training_inputs(batch), size)
        return float(loss)

    return steps


def train_from_squares(scale: Scale, has_gpu: bool) -> dict:
    """Trains three epochs on prepared squares; tells how the last one went."""
    import json

    from benchmarks.photographs import write_photographs
    from zfkeras.data.register import open_source
    from zfkeras.data.sources.prepared.preparing import prepare
    from zfkeras.training.run import Execution, run_experiment

    config = _config(scale, "bfloat16" if has_gpu else "float32")
    side = _network(scale, "float32").preprocessing.image_size
    with tempfile.TemporaryDirectory() as folder:
        files, squares = Path(folder, "files"), Path(folder, "squares")
        write_photographs(files / "train", scale.squares, (side, side))
        prepare(open_source(f"folder:{files}"), squares, side)
        data = dataclasses.replace(
            config.data, source=f"prepared:{squares}", validation_fraction=0.0
        )
        changes = {"epochs": 3, "snapshot_epochs": (), "checkpoint_steps": 10**6}
        config = dataclasses.replace(config, data=data, **changes)
        run = Path(folder, "run")
        run_experiment(config, run, Execution(jit_compile=has_gpu))
        *_, last = (run / "metrics.jsonl").read_text().splitlines()
    row = {"network": scale.config, "squares": scale.squares, "jit": has_gpu}
    row |= {"precision": config.mixed_precision or "float32"}
    shown = ("images_per_second", "input_share")
    return row | {key: json.loads(last)[key] for key in shown}


def _config(scale, precision):
    from zfkeras.configs import get_config

    config = get_config(scale.config)
    return dataclasses.replace(
        config,
        batch_size=scale.batch_size,
        mixed_precision=None if precision == "float32" else precision,
        # Too small to diverge: what is learnt is of no interest.
        optimizer=dataclasses.replace(config.optimizer, learning_rate=1e-4),
        model=dataclasses.replace(config.model, kernel_initializer="he_normal"),
    )


def _network(scale, precision, jit=False):
    """Builds the network as `zfkeras.train` does, with random weights."""
    import keras
    import numpy as np
    import tensorflow as tf

    from zfkeras.data.preprocessing import Preprocessing
    from zfkeras.models.variants import find_variant
    from zfkeras.training.network import build_network

    keras.utils.set_random_seed(0)
    config = _config(scale, precision)
    variant = find_variant(config.model.variant)
    mean = np.full((variant.image_size, variant.image_size, 3), 127.5, np.float32)
    preprocessing = Preprocessing(
        mean, variant.crop_size, config.data.input_scale, config.data.min_crop_area
    )
    classes = 200 if scale.config == QUARTER else 1000
    strategy = tf.distribute.get_strategy()
    network = build_network(config, classes, preprocessing, strategy, jit_compile=jit)
    network.set_rate(1e-4)
    return network


def _reset_memory():
    import tensorflow as tf

    if tf.config.list_physical_devices("GPU"):
        tf.config.experimental.reset_memory_stats("GPU:0")


def _peak_memory() -> int | None:
    """Returns the bytes of the first GPU's memory in use at the peak."""
    import tensorflow as tf

    if not tf.config.list_physical_devices("GPU"):
        return None
    return tf.config.experimental.get_memory_info("GPU:0")["peak"]


def _tables(rows: Mapping, device: str) -> Iterator[Table]:
    """Makes the tables that people read."""
    yield Table(
        f"Steps of training on {device}",
        ["network", "batch", "precision", "XLA", "images/s", "GPU memory"],
        [
            [
                row["network"],
                str(row["batch_size"]),
                row["precision"],
                "yes" if row["jit"] else "no",
                row.get(FAILED) or f"{row['images_per_second']:,.4g}",
                _megabytes(row.get("peak_memory")),
            ]
            for row in rows["steps"]
        ],
    )
    yield Table(
        f"Training from prepared squares on {device}, the last of three epochs",
        ["network", "squares", "precision", "images/s", "waiting for input"],
        [
            [
                row["network"],
                f"{row['squares']:,}",
                row["precision"],
                f"{row['images_per_second']:,.4g}",
                f"{row['input_share']:.1%}",
            ]
            for row in rows["input"]
        ],
    )
    yield Table(
        f"Answers of {device} beside those of TensorFlow's own CPU kernels, float32",
        ["network", "answer", "difference", "tolerance"],
        [
            [
                row["network"],
                row["answer"],
                f"{row['difference']:.1e}",
                f"{row['tolerance']:.0e}",
            ]
            for row in rows["answers"]
        ],
    )


def _megabytes(size):
    return "–" if size is None else f"{size / 2**20:,.0f} MB"


GPU_CHECK = Experiment(
    key="gpu_check",
    package="benchmarks",
    description="Check and time a GPU: tests, answers beside the CPU's, speed, memory, "
    "input. Takes less than ten minutes; without a GPU, a few on the CPU.",
    settings=GpuCheckSettings,
    measure=measure,
)


def main(argv=None) -> int:
    """Runs the command; returns its exit code, 1 if something failed on this device."""
    return command.run(GPU_CHECK.build_parser(), _run, argv)


def _run(args):
    GPU_CHECK.run(args)
    if failures := read_json(args.workdir / "gpu_check.json")["failures"]:
        raise RunError(f"{len(failures)} checks failed: {'; '.join(failures)}")


if __name__ == "__main__":
    sys.exit(main())
