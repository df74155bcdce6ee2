"""Keras's `export` of networks with our layers, where the backend at hand has one."""

import keras
import numpy as np
import pytest

import zfkeras
from tests.backends.write_files import small_images, small_network

BACKEND = keras.backend.backend()


@pytest.fixture
def network():
    """A network with all our layers, its images and its answers."""
    model = small_network()
    return model, small_images(), model.predict_on_batch(small_images())


def assert_close(found, expected):
    np.testing.assert_allclose(np.asarray(found), expected, atol=1e-5)


@pytest.mark.skipif(BACKEND != "tensorflow", reason="TensorFlow's format")
def test_to_saved_model(network, tmp_path):
    import tensorflow as tf

    model, images, expected = network
    model.export(tmp_path / "saved", format="tf_saved_model", verbose=False)
    loaded = tf.saved_model.load(str(tmp_path / "saved"))
    assert_close(loaded.serve(images), expected)
    assert_close(loaded.serve(images[:1]), expected[:1])


@pytest.mark.skipif(BACKEND != "tensorflow", reason="needs TensorFlow's converter")
@pytest.mark.filterwarnings("ignore:.*tf.lite.Interpreter is deprecated")
def test_to_litert(tmp_path):
    import tensorflow as tf

    model = zfkeras.ZFNet(10, variant="zfnet_quarter")
    path = str(tmp_path / "model.tflite")
    model.export(path, format="litert", verbose=False)
    images = np.random.default_rng(0).normal(0, 50, (1, 56, 56, 3)).astype("float32")
    interpreter = tf.lite.Interpreter(path)
    runner = interpreter.get_signature_runner()
    (name,) = runner.get_input_details()
    (found,) = runner(**{name: images}).values()
    assert_close(found, model.predict_on_batch(images))


@pytest.mark.skipif(BACKEND != "torch", reason="PyTorch's format")
def test_to_pytorchs_program(network, tmp_path):
    import torch

    model, images, expected = network
    path = str(tmp_path / "model.pt2")
    batch = [{0: torch.export.Dim("batch")}]
    model.export(path, format="torch", verbose=False, dynamic_shapes=batch)
    program = torch.export.load(path).module()
    assert_close(program(torch.tensor(images)).detach(), expected)


@pytest.mark.skipif(BACKEND != "torch", reason="zfkeras.convert writes ONNX elsewhere")
@pytest.mark.filterwarnings("ignore")  # of PyTorch's exporter, by the dozen
def test_to_onnx(network, tmp_path):
    runtime = pytest.importorskip("onnxruntime")
    model, images, expected = network
    path = str(tmp_path / "model.onnx")
    model.export(path, format="onnx", verbose=False)
    session = runtime.InferenceSession(path)
    (name,) = [one.name for one in session.get_inputs()]
    assert_close(session.run(None, {name: images})[0], expected)


@pytest.mark.skipif(BACKEND != "torch", reason="PyTorch's compiler")
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_pytorch_compiles_it(network):
    import torch

    model, images, expected = network
    found = torch.compile(model)(torch.tensor(images))
    assert_close(found.detach(), expected)


@pytest.mark.skipif(BACKEND != "jax", reason="JAX")
@pytest.mark.parametrize("kind", ["tf_saved_model", "litert"])
def test_what_jax_cannot_export_is_refused_by_name(kind, network, tmp_path):
    model, *_ = network
    path = tmp_path / ("model.tflite" if kind == "litert" else "saved")
    with pytest.raises((ImportError, ValueError), match="(?i)tensorflow"):
        model.export(path, format=kind, verbose=False)
