import os

import pytest

from zfkeras.cli.tensorflow_start import import_tensorflow_quietly


@pytest.mark.parametrize(("before", "after"), [(None, "1"), ("0", "0")])
def test_onednn_is_on_unless_the_user_says_otherwise(before, after, monkeypatch):
    monkeypatch.delenv("TF_ENABLE_ONEDNN_OPTS", raising=False)
    if before is not None:
        monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", before)
    import_tensorflow_quietly()
    assert os.environ["TF_ENABLE_ONEDNN_OPTS"] == after
