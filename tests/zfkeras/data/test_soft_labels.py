import re

import numpy as np
import pytest

from tests.zfkeras.data.test_pipeline import NUMBER, SPLIT, joined, training
from tests.zfkeras.data.test_sharding import share
from zfkeras.data.soft_labels import with_soft_labels
from zfkeras.errors import UsageError

IDS = np.array(list(SPLIT.stream_ids().as_numpy_iterator()))
# The first column is the image's place in the split.
ROWS = np.stack([np.arange(NUMBER), np.ones(NUMBER)], axis=1).astype(np.float16)


@pytest.fixture
def path(tmp_path):
    """A file in another order than the split; it also has an image of another set."""
    order = np.random.default_rng(0).permutation(NUMBER)
    ids = np.append(IDS[order], b"another")
    rows = np.append(ROWS[order], [[99, 0]], axis=0)
    np.savez(tmp_path / "soft.npz", ids=ids, probabilities=rows)
    return tmp_path / "soft.npz"


@pytest.mark.parametrize("start", [0, 8])
def test_each_image_of_a_batch_has_its_own_row(path, start):
    plain = training(start=start)
    batches = training(with_soft_labels(SPLIT, str(path), 2), start=start)
    np.testing.assert_array_equal(joined(batches, "image"), joined(plain, "image"))
    found = joined(batches, "soft_label")
    assert found.dtype == np.float32
    order = list(SPLIT.stream(shuffle_seed=(1, 2)).as_numpy_iterator())
    places = [list(IDS).index(row["id"]) for row in order]
    np.testing.assert_array_equal(found[:, 0], places[start : start + len(found)])


def test_a_share_has_soft_labels_and_so_has_what_fills_it(path):
    split = with_soft_labels(SPLIT, str(path), 2)
    parts = [joined(share(index, 2, split), "soft_label") for index in (0, 1)]
    whole = joined(training(split), "soft_label")
    np.testing.assert_array_equal(
        np.sort(np.concatenate(parts)[:, 0]), np.sort(whole[:, 0])
    )
    (filled,) = share(1, 2, split, batch_size=2 * NUMBER)
    assert not filled["soft_label"][~filled["good"]].any()
    assert (filled["soft_label"][filled["good"], 1] == 1).all()


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"ids": IDS}, "received: 'probabilities is not a file in the archive'"),
        ({"ids": IDS, "probabilities": ROWS[:, :1]}, "(23, 2)"),
        ({"ids": IDS[1:], "probabilities": ROWS[1:]}, "none for 1 of 23, such as"),
        ({"ids": IDS.astype(str), "probabilities": ROWS}, "<U"),
        ({"ids": IDS.astype(object), "probabilities": ROWS}, "allow_pickle=False"),
    ],
)
def test_other_files_are_refused(tmp_path, arrays, message):
    path = tmp_path / "soft.npz"
    np.savez(path, **arrays)
    with pytest.raises(UsageError, match=f"(?i){re.escape(message)}"):
        with_soft_labels(SPLIT, str(path), 2)


def test_what_is_no_npz_file_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="which is none"):
        with_soft_labels(SPLIT, str(tmp_path / "none"), 2)
    np.savez(tmp_path / "whole.npz", ids=IDS, probabilities=ROWS)
    cut = (tmp_path / "whole.npz").read_bytes()[:-30]
    np.save(tmp_path / "one.npy", IDS)
    (tmp_path / "text").write_text("no array")
    (tmp_path / "cut").write_bytes(cut)
    for name in ("text", "cut", "one.npy"):
        with pytest.raises(UsageError, match=r"ids and probabilities in a \.npz file"):
            with_soft_labels(SPLIT, str(tmp_path / name), 2)
