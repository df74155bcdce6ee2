"""ONNX graphs for the tests: those that the `onnx` package ships, and small ones.

`python -m tests.helpers.onnx_models light_zfnet512 FILE` writes a shipped graph with
random weights.
"""

import sys
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

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


class Graph:
    """Builds a chain of nodes, of random weights, one call a node."""

    def __init__(self, size: int, seed: int = 0, batch: int | str = 1):
        self.random = np.random.default_rng(seed)
        self.input = helper.make_tensor_value_info(
            "images", TensorProto.FLOAT, [batch, 3, size, size]
        )
        self.nodes, self.weights = [], []
        self.tensor = "images"

    def add(self, kind, *arrays, name=None, **attributes) -> "Graph":
        """Adds a node behind the last; arrays are its further inputs."""
        name = name or f"n{len(self.nodes)}"
        inputs = [self.tensor]
        for number, array in enumerate(arrays):
            inputs.append(f"{name}_{number}")
            self.weights.append(numpy_helper.from_array(array, inputs[-1]))
        output = f"{name}_out"
        self.nodes.append(helper.make_node(kind, inputs, [output], name, **attributes))
        self.tensor = output
        return self

    def conv(self, channels, filters, size, *, group=1, name=None, **attributes):
        shape = (filters, channels // group, size, size)
        return self.add(
            "Conv",
            self.normal(shape, np.sqrt(2 / np.prod(shape[1:]))),
            self.normal((filters,), 0.1),
            group=group,
            name=name,
            **attributes,
        )

    def dense(self, inputs, units, name=None):
        kernel = self.normal((units, inputs), np.sqrt(2 / inputs))
        bias = self.normal((units,), 0.1)
        return self.add("Gemm", kernel, bias, transB=1, name=name)

    def normal(self, shape, spread):
        return self.random.normal(0, spread, shape).astype(np.float32)

    def model(self, opset: int = 13) -> onnx.ModelProto:
        output = helper.make_tensor_value_info(self.tensor, TensorProto.FLOAT, None)
        graph = helper.make_graph(
            self.nodes, "graph", [self.input], [output], self.weights
        )
        return helper.make_model(
            graph, ir_version=8, opset_imports=[helper.make_opsetid("", opset)]
        )

    def save(self, path: Path) -> Path:
        onnx.save(self.model(), path)
        return path


def tiny(size: int = 30) -> Graph:
    """A small network in all of ZFNet's kinds of layers, up to fc6's ReLU."""
    return (
        Graph(size)
        .conv(3, 8, 5, strides=[2, 2])
        .add("Relu")
        .add("MaxPool", kernel_shape=[3, 3], strides=[2, 2])
        .add("LRN", size=5, alpha=0.01, beta=0.75, bias=2.0)
        .conv(8, 6, 3, pads=[1, 1, 1, 1])
        .add("Relu")
        .add("Flatten", axis=1)
        .dense(6 * 6 * 6, 10)
        .add("Relu")
    )


def answers(model: onnx.ModelProto, images: np.ndarray, tensor: str) -> np.ndarray:
    """A tensor of a graph for images (n, 3, height, width), by onnxruntime."""
    import onnxruntime

    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    if tensor not in {output.name for output in copy.graph.output}:
        copy.graph.output.add(name=tensor)
    session = onnxruntime.InferenceSession(
        copy.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    name = next(i.name for i in session.get_inputs() if len(i.shape) == 4)
    return np.concatenate(
        [session.run([tensor], {name: image[None]})[0] for image in images]
    )


if __name__ == "__main__":
    onnx.save(with_random_weights(shipped(sys.argv[1])), sys.argv[2])
