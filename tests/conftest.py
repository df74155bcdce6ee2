"""Options, markers and the clean slate every test starts from."""

import gc
import os
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")  # as the commands do
os.environ.setdefault("MPLBACKEND", "Agg")
# It lies in the cache, too, and takes seconds to make again.
os.environ.setdefault("MPLCONFIGDIR", str(Path.home() / ".cache" / "matplotlib"))

import pytest


def pytest_addoption(parser):
    parser.addoption("--run-slow", action="store_true", help="also run slow tests")


def pytest_collection_modifyitems(config, items):
    for_gpus = [item for item in items if "gpu" in item.keywords]
    if for_gpus and not has_gpu():
        for item in for_gpus:
            item.add_marker(pytest.mark.skip(reason="needs a GPU (make gpu-check)"))
    if config.getoption("--run-slow"):
        return
    skip = pytest.mark.skip(reason="slow: opened by --run-slow (make test-slow)")
    for item in items:
        if "slow" in item.keywords:
            item.add_marker(skip)


def has_gpu() -> bool:
    import tensorflow as tf

    return bool(tf.config.list_physical_devices("GPU"))


def pytest_collection_finish():
    # What was imported stays: looking through it again and again takes a tenth of all
    # the time.
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


@pytest.fixture(autouse=True)
def cache(request, monkeypatch, tmp_path_factory):
    """The folder of caches: the user's only for real archives, which unpack slowly."""
    if "data" not in request.keywords:
        folder = tmp_path_factory.getbasetemp() / "cache"
        monkeypatch.setenv("XDG_CACHE_HOME", str(folder))


@pytest.fixture(autouse=True)
def clean_slate():
    import keras

    keras.utils.clear_session(free_memory=False)  # collecting costs 0.2 s a test
    keras.config.set_floatx("float32")
    keras.config.set_dtype_policy("float32")
    keras.utils.set_random_seed(0)


@pytest.fixture(scope="session")
def photographs() -> Path:
    """The folder of real photographs, or a skip that says how to get one."""
    folder = os.environ.get("ZFKERAS_DATA")
    if not folder or not Path(folder).is_dir():
        pytest.skip("set ZFKERAS_DATA to the folder of real photographs to run this")
    return Path(folder)


@pytest.fixture(scope="session")
def dask_address():
    """Address of a scheduler whose workers are threads of this process."""
    pytest.importorskip("distributed", reason="needs the extra dask")
    from tests.helpers.clusters import local_cluster

    with local_cluster(processes=False) as cluster:
        yield cluster.scheduler_address


@pytest.fixture(scope="session")
def model_file(tmp_path_factory) -> Path:
    """The file of a small untrained network of four classes; to be read only."""
    from tests.helpers.networks import make_classifier

    class_names = ("n02124075 Egyptian cat", "größer, 猫 \U0001f408", "bee", "dog")
    path = tmp_path_factory.mktemp("model") / "model.keras"
    make_classifier(1, class_names).save(path)
    return path
