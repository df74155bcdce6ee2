import keras
import pytest

from tests.helpers.runs import WITH_DROPOUT, image_folder, tiny_config
from zfkeras.training.run import run_experiment


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    """24 images of two classes."""
    return image_folder(tmp_path_factory.mktemp("images"))


class Weights(keras.callbacks.Callback):
    """Keeps the weights at the end of the first epoch."""

    def on_epoch_end(self, epoch, logs=None):
        if epoch == 0:
            self.weights = self.model.get_weights()


@pytest.fixture(scope="session")
def finished(folder, tmp_path_factory):
    """A run of two epochs that nothing disturbed; to be read only.

    Workdir, results, and the weights after the first epoch.
    """
    workdir, weights = tmp_path_factory.mktemp("finished"), Weights()
    config = tiny_config(folder, WITH_DROPOUT, epochs=2, snapshot_epochs=(1,))
    results = run_experiment(config, workdir, callbacks=[weights])
    return workdir, results, weights.weights
