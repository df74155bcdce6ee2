"""Features and projections of a network, on this device and on the plain CPU.

`python -m benchmarks.gpu_answers NETWORK REQUEST OUT` computes the CPU's, in a process
that sees no GPU and takes TensorFlow's own kernels, without oneDNN.
"""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import keras
import numpy as np

#: Layers of which one activation is projected down to the pixels.
PROJECTED = (2, 5)
#: Largest difference to the CPU's answers: of features, as a share of the largest
#: feature of the layer; of projections, as a share of their length as a vector. Sums in
#: another order differ by 1e-6; now and then a maximum of nearly equal values is
#: another one, and its pixels move.
TOLERANCES = {"features": 1e-4, "projection": 1e-2}


def features(model: keras.Model, images: np.ndarray) -> dict[str, np.ndarray]:
    """Computes the features of the paper's layers that a network has."""
    from transfer.features.layers import all_layers, layer_tensors
    from zfkeras.graph.layer_outputs import compile_outputs

    tensors = layer_tensors(model, all_layers(model))
    maps = compile_outputs(model, tensors.values())(images)
    return {
        f"features of layer {layer}": values.numpy()
        for layer, values in zip(tensors, maps, strict=True)
    }


def projections(
    model: keras.Model, images: np.ndarray, units: Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """Projects one activation of each image; `units` says which, by layer."""
    from visualize.deconvnet.deconvnet import Deconvnet

    deconvnet = Deconvnet(model)
    return {
        f"projection of layer {layer}": deconvnet.project(
            images, layer, units[f"channels {layer}"], units[f"positions {layer}"]
        )
        for layer in PROJECTED
    }


def strongest_units(model: keras.Model, images: np.ndarray) -> dict[str, np.ndarray]:
    """Finds the strongest activation of each image, for `projections`."""
    from visualize.deconvnet.deconvnet import Deconvnet

    deconvnet, units = Deconvnet(model), {}
    for layer in PROJECTED:
        found = deconvnet.project_units(images, layer)
        units[f"channels {layer}"] = found.channels
        units[f"positions {layer}"] = found.positions
    return units


def on_the_cpu(
    network: Path, request: Mapping[str, np.ndarray], folder: Path
) -> dict[str, np.ndarray]:
    """Computes the answers in a process without GPUs."""
    np.savez(folder / "request.npz", **request)
    words = [network, folder / "request.npz", folder / "answers.npz"]
    hidden = dict.fromkeys(("CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES"), "-1")
    subprocess.run(
        [sys.executable, "-m", "benchmarks.gpu_answers", *map(str, words)],
        env=os.environ | hidden | {"TF_ENABLE_ONEDNN_OPTS": "0"},
        check=True,
    )
    with np.load(folder / "answers.npz") as answers:
        return dict(answers)


def difference(name: str, found: np.ndarray, expected: np.ndarray) -> float:
    """Measures how far an answer is from the CPU's, as `TOLERANCES` counts it."""
    found, expected = (np.asarray(one, np.float64) for one in (found, expected))
    if name.startswith("projection"):
        return float(np.linalg.norm(found - expected) / np.linalg.norm(expected))
    return float(np.abs(found - expected).max() / np.abs(expected).max())


def main(network: str, request: str, out: str) -> None:
    """Computes and writes the answers to a request."""
    import zfkeras

    model = zfkeras.load(network).model
    with np.load(request) as arrays:
        images = arrays["images"]
        answers = features(model, images) | projections(model, images, arrays)
    np.savez(out, **answers)


if __name__ == "__main__":
    main(*sys.argv[1:])
