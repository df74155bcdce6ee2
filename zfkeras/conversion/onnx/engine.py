"""onnxruntime, the independent engine that conversions are compared with."""

import numpy as np
import onnx
import onnxruntime

from zfkeras.errors import RunError


class Engine:
    """Runs a graph in onnxruntime, one image at a time: many graphs take only one."""

    def __init__(self, model: onnx.ModelProto, images: str, outputs: list[str]):
        copy = onnx.ModelProto()
        copy.CopyFrom(model)
        present = {output.name for output in copy.graph.output}
        for name in outputs:
            if name not in present and name != images:
                copy.graph.output.add(name=name)
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        # Its threads otherwise burn the processor while TensorFlow's have their turn.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        try:
            self._session = onnxruntime.InferenceSession(
                copy.SerializeToString(), options, providers=["CPUExecutionProvider"]
            )
        except Exception as err:  # onnxruntime has a dozen kinds, none documented
            line = str(err).strip().splitlines()[0][:200]
            raise RunError(f"onnxruntime does not take the graph: {line}") from err
        self._images, self._outputs = images, outputs

    def run(self, images: np.ndarray) -> list[np.ndarray]:
        """Maps images (n, channels, height, width) to one array (n, ...) per output."""
        wanted = [name for name in self._outputs if name != self._images]
        answers = {name: [] for name in wanted}
        for image in images:
            found = self._session.run(wanted, {self._images: image[None]})
            for name, value in zip(wanted, found, strict=True):
                answers[name].append(value[0])
        answers[self._images] = images
        return [np.asarray(answers[name]) for name in self._outputs]
