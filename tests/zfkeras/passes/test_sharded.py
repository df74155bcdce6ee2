import numpy as np
import pytest

from zfkeras.data.files.bad_images import BadImages
from zfkeras.errors import RunError
from zfkeras.passes.sharded import (
    read_about,
    read_shard,
    run_pass,
    shard_path,
    shards,
)


@pytest.mark.parametrize("number", [1, 7, 8, 63, 64, 65, 71, 72, 1000])
@pytest.mark.parametrize(("shard_size", "batch_size"), [(1, 8), (16, 8), (60, 8)])
def test_shards_are_whole_batches_that_cover_the_split(number, shard_size, batch_size):
    plan = shards(number, shard_size, batch_size)
    places = [place for shard in plan for place in range(shard.first, shard.end)]
    assert places == [*range(number)]
    assert all(shard.first % batch_size == 0 for shard in plan)
    assert all((s.end - s.first) % batch_size == 0 for s in plan[:-1])
    assert all(s.end - s.first >= shard_size for s in plan[:-1])
    # A batch that is padded or traced anew would round otherwise.
    assert plan[-1].end - plan[-1].first >= min(batch_size, number)


class Computation:
    """Computes squares in batches of two; dies or finds a bad image where told."""

    def __init__(self, dies_at=None, bad=None):
        self.dies_at, self.bad, self.computed = dies_at, bad, []

    def __call__(self, shard, bad_images):
        for first in range(shard.first, shard.end, 2):
            if first == self.dies_at:
                raise KeyboardInterrupt
            positions = np.arange(first, min(first + 2, shard.end))
            if self.bad in positions:
                bad_images.add("ü.png", "broken")
                positions = positions[positions != self.bad]
            self.computed.append(first)
            yield {
                "squares": np.float16(positions)[:, None] ** 2,
                "positions": positions,
            }


PLAN = shards(10, 4, 2)


def run(folder, compute, names=("squares", "positions"), max_fraction=0.5):
    bad_images = BadImages(10, max_fraction)
    paths = run_pass(folder / "pass", PLAN, names, compute, bad_images)
    batches = [batch for path in paths for batch in read_shard(path, names)]
    arrays = [np.concatenate(parts) for parts in zip(*batches, strict=True)]
    return arrays, bad_images.reasons()


def test_shards_hold_what_was_computed(tmp_path):
    (squares, positions), bad = run(tmp_path, Computation(bad=5))
    assert positions.tolist() == [0, 1, 2, 3, 4, 6, 7, 8, 9]
    assert squares.dtype == np.float16
    assert squares[:, 0].tolist() == [place**2 for place in positions]
    assert bad == {"ü.png": "broken"}
    path = shard_path(tmp_path / "pass", PLAN[1])
    assert read_about(path) == {"batches": 2, "bad_images": bad}


@pytest.mark.parametrize(("dies_at", "kept"), [(0, 0), (2, 0), (4, 4), (8, 8)])
def test_a_pass_that_died_goes_on_behind_the_last_whole_shard(tmp_path, dies_at, kept):
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, Computation(dies_at=dies_at, bad=1))
    assert [path.suffix for path in (tmp_path / "pass").iterdir()] == [".zip"] * (
        kept // 4
    )
    compute = Computation(bad=1)
    (squares, _), bad = run(tmp_path, compute)
    assert compute.computed == [*range(kept, 10, 2)]
    assert len(squares) == 9 and bad == {"ü.png": "broken"}
    compute = Computation()
    run(tmp_path, compute)
    assert compute.computed == []


@pytest.mark.parametrize("damage", ["flipped", "cut", "empty", "other arrays"])
def test_a_shard_that_cannot_serve_is_computed_again(tmp_path, damage):
    (expected, _), _ = run(tmp_path, Computation())
    path = tmp_path / "pass" / shard_path(".", PLAN[1])
    content = bytearray(path.read_bytes())
    if damage == "other arrays":
        other = tmp_path / "pass" / shard_path(".", PLAN[0])
        content = other.read_bytes().replace(b"squares", b"circles")
    elif damage == "flipped":
        content[content.find(np.float16(25).tobytes())] ^= 1
    else:
        content = content[: len(content) // 2 if damage == "cut" else 0]
    path.write_bytes(content)
    compute = Computation()
    (found, _), _ = run(tmp_path, compute)
    assert compute.computed == [4, 6]
    np.testing.assert_array_equal(found, expected)


def test_too_many_bad_images_stop_the_pass_and_remove_its_shards(tmp_path):
    with pytest.raises(RunError, match="1 of 10 images cannot be read"):
        run(tmp_path, Computation(bad=5), max_fraction=0.05)
    assert not (tmp_path / "pass").exists()
