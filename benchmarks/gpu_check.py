"""`python -m benchmarks.gpu_check`: what a machine with a GPU has to show.

The tests marked gpu, answers equal to the CPU's, speed and memory of training, and how
long training from prepared squares waits for its input. Without a GPU it runs the same
on the CPU, with small sizes, and says what it left out.
"""

import dataclasses
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from zfkeras.cli import command
from zfkeras.errors import RunError
from zfkeras.io.files import read_json
from zfkeras.passes.experiment import Experiment
from zfkeras.records import Record, Table, setting

FAILED = "failed"


@dataclasses.dataclass(frozen=True, kw_only=True)
class GpuCheckSettings:
    """How much is measured."""

    size: str | None = setting(
        None,
        choices=("gpu", "cpu", "smallest"),
        help="how much to measure (default: gpu where TensorFlow finds one, else cpu)",
    )


def measure(context, settings: GpuCheckSettings) -> Record:
    """Measures all parts; fails in the end if one has failed."""
    import tensorflow as tf

    # The tests are a process of their own: TensorFlow would take all memory for this.
    os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
    gpus = tf.config.list_physical_devices("GPU")
    # Imported only now, as it starts TensorFlow.
    from benchmarks import gpu_training

    sizes = gpu_training.SIZES[settings.size or ("gpu" if gpus else "cpu")]
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
        rows["steps"] += gpu_training.time_steps(scale, sizes)
        rows["input"].append(gpu_training.train_from_squares(scale, bool(gpus)))
    wrong = [row for row in rows["answers"] if not row["is_equal"]]
    wrong += [row for row in rows["steps"] if FAILED in row]
    failures += [", ".join(f"{key} {row[key]}" for key in row) for row in wrong]
    findings += [f"FAILED: {failure}" for failure in failures]
    about = {"device": device, "gpus": len(gpus), "failures": failures}
    return Record(
        {"figure": "none", "claim": "The paper trained on one GTX 580."},
        findings,
        {**about, **rows},
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


def compare_answers(scale) -> list[dict]:
    """Compares features and projections with the CPU's, with full float32."""
    import numpy as np
    import tensorflow as tf

    from benchmarks import gpu_answers, gpu_training
    from benchmarks.photographs import photograph
    from zfkeras.models.classifier import Classifier

    network = gpu_training.build(scale, "float32")
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


def _tables(rows: Mapping, device: str) -> Iterator[Table]:
    """Makes the tables that people read."""
    yield Table(
        f"Steps of training on {device}",
        ["network", "batch", "precision", "XLA", "images/s", "memory at the peak"],
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
