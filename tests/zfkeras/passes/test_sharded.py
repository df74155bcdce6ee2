import numpy as np
import pytest

from tests.helpers.splits import noise, png, split_of
from zfkeras.data.files.bad_images import BadImages
from zfkeras.data.preprocessing import Preprocessing
from zfkeras.errors import RunError
from zfkeras.passes.sharded import (
    Pass,
    read_bad_images,
    read_shard,
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
    """Computes squares of the images' places; dies where told."""

    def __init__(self, dies_at=None):
        self.dies_at, self.computed = dies_at, []

    def __call__(self, batches):
        for batch in batches:
            positions = batch["position"].numpy()
            if self.dies_at in positions:
                raise KeyboardInterrupt
            self.computed.append(int(positions[0]))
            yield {
                "squares": np.float16(positions)[:, None] ** 2,
                "positions": positions,
            }


PLAN = shards(10, 4, 2)
PLAIN = Preprocessing(np.zeros((8, 8, 3), np.float32), 8)


def run(folder, compute, names=("squares", "positions"), bad=(), max_fraction=0.5):
    files = [png(noise(place, 8, 8)) for place in range(10)]
    for place in bad:
        files[place] = b"no image"
    bad_images = BadImages(10, max_fraction)
    images = Pass(split_of(files), PLAIN, 2, bad_images)
    paths = images.run(folder / "pass", names, compute, 4)
    batches = [batch for path in paths for batch in read_shard(path, names)]
    arrays = [np.concatenate(parts) for parts in zip(*batches, strict=True)]
    return arrays, [*bad_images.reasons()]


def test_shards_hold_what_was_computed(tmp_path):
    (squares, positions), bad = run(tmp_path, Computation(), bad=[5])
    assert positions.tolist() == [0, 1, 2, 3, 4, 6, 7, 8, 9]
    assert squares.dtype == np.float16
    assert squares[:, 0].tolist() == [place**2 for place in positions]
    assert bad == ["image-5"]
    paths = [shard_path(tmp_path / "pass", shard) for shard in PLAN]
    # A shard may name it that was computed while it was read ahead, but only one.
    assert [name for path in paths for name in read_bad_images(path)] == bad
    assert [len(batch[0]) for batch in read_shard(paths[1], ["positions"])] == [1, 2]


@pytest.mark.parametrize("bad", [(0, 1), (2, 3), (6, 7), (4, 5, 6, 7)])
def test_a_batch_without_an_image_moves_no_other(tmp_path, bad):
    compute = Computation()
    (_, positions), _ = run(tmp_path, compute, bad=bad)
    assert positions.tolist() == [place for place in range(10) if place not in bad]
    assert compute.computed == [p for p in range(0, 10, 2) if p not in bad]
    for shard in PLAN:
        for (places,) in read_shard(
            shard_path(tmp_path / "pass", shard), ["positions"]
        ):
            assert shard.first <= places.min() and places.max() < shard.end


@pytest.mark.parametrize(("dies_at", "kept"), [(0, 0), (2, 0), (4, 4), (8, 8)])
def test_a_pass_that_died_goes_on_behind_the_last_whole_shard(tmp_path, dies_at, kept):
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, Computation(dies_at), bad=[1])
    assert [path.suffix for path in (tmp_path / "pass").iterdir()] == [".zip"] * (
        kept // 4
    )
    compute = Computation()
    (squares, _), bad = run(tmp_path, compute, bad=[1])
    assert compute.computed == [*range(kept, 10, 2)]
    assert len(squares) == 9 and bad == ["image-1"]
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
        run(tmp_path, Computation(), bad=[5], max_fraction=0.05)
    assert not (tmp_path / "pass").exists()
