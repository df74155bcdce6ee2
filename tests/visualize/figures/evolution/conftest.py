"""Snapshots of trainings that never were."""

import pytest

from tests.helpers.networks import make_classifier


@pytest.fixture(scope="session")
def snapshots(tmp_path_factory):
    """Makes the workdir of a training: epoch -> seed of the weights it ended with."""

    def make(epochs):
        run = tmp_path_factory.mktemp("run")
        preprocessing = make_classifier(9, "ab").preprocessing
        for epoch, seed in epochs.items():
            made = make_classifier(seed, "ab")
            made = type(made)(made.model, preprocessing, ("a", "b"), {})
            made.save(run / "snapshots" / f"epoch-{epoch:03d}.keras")
        return run

    return make
