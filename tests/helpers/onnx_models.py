"""ONNX graphs for the tests: those that the `onnx` package ships, and small ones."""

from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper

SHIPPED = Path(onnx.__file__).parent / "backend" / "test" / "data" / "light"


def with_random_weights(model: onnx.ModelProto, seed: int = 0) -> onnx.ModelProto:
    """Puts random weights in place of a "light" graph's constant ones.

    They are scaled so that signals neither grow nor fade from layer to layer.
    """
    random = np.random.default_rng(seed)
    shapes = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}
    kept = []
    for node in model.graph.node:
        if node.op_type != "ConstantOfShape":
            kept.append(node)
            continue
        shape = shapes[node.input[0]].tolist()
        spread = np.sqrt(2 / np.prod(shape[1:])) if len(shape) > 1 else 0.1
        values = random.standard_normal(shape, np.float32) * np.float32(spread)
        model.graph.initializer.append(numpy_helper.from_array(values, node.output[0]))
    del model.graph.node[:]
    model.graph.node.extend(kept)
    return model


def shipped(name: str) -> onnx.ModelProto:
    """The "light" graph of that name, of constant weights."""
    return onnx.load(SHIPPED / f"{name}.onnx")


def shipped_output(name: str) -> np.ndarray:
    """What the `onnx` package says that graph answers."""
    tensor = onnx.TensorProto()
    tensor.ParseFromString((SHIPPED / f"{name}_output_0.pb").read_bytes())
    return numpy_helper.to_array(tensor)
