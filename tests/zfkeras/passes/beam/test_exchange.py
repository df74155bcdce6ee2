import numpy as np
import pytest

pytest.importorskip("apache_beam", reason="needs requirements-beam.txt")


from zfkeras.passes.beam.exchange import (
    DamagedShard,
    ShardReader,
    ShardWriter,
    copy_in,
    copy_out,
    existing,
    remove,
)

BATCHES = [
    {
        "layer7": np.arange(6, dtype=np.float16).reshape(2, 3),
        "labels": np.array([1, 2]),
    },
    {"layer7": np.zeros((1, 3), np.float16), "labels": np.array([7])},
]


def written(folder, name="0.zip"):
    path = f"{folder}/{name}"
    with ShardWriter(path) as writer:
        for batch in BATCHES:
            writer.add(batch)
        writer.finish({"bad_images": {"ü": "broken"}})
    return path


def test_batches_come_back_as_they_were(tmp_path):
    with ShardReader(written(tmp_path / "a" / "b")) as reader:
        assert reader.about["bad_images"] == {"ü": "broken"}
        found = [*reader.batches(["labels", "layer7"])]
    for batch, wanted in zip(found, BATCHES, strict=True):
        for name, array in wanted.items():
            assert batch[name].dtype == array.dtype
            assert np.array_equal(batch[name], array)


def test_a_file_has_no_name_before_it_is_complete(tmp_path):
    class Stop(Exception):
        pass

    with pytest.raises(Stop), ShardWriter(f"{tmp_path}/0.zip") as writer:
        writer.add(BATCHES[0])
        assert existing(str(tmp_path)) == set()
        raise Stop
    assert [*tmp_path.iterdir()] == []
    path = written(tmp_path)
    assert existing(str(tmp_path)) == {path}
    remove([path, f"{tmp_path}/never.zip"])
    assert existing(str(tmp_path)) == existing(str(tmp_path / "nowhere")) == set()


@pytest.mark.parametrize("kind", ["flipped", "cut", "empty"])
def test_a_damaged_file_is_named(tmp_path, kind):
    path = written(tmp_path)
    with open(path, "rb") as file:
        content = bytearray(file.read())
    if kind == "flipped":
        content[content.find(np.float16(5).tobytes())] ^= 1
    content = content[: {"cut": len(content) // 2, "empty": 0}.get(kind)]
    with open(path, "wb") as file:
        file.write(content)
    with pytest.raises(DamagedShard, match=r"0\.zip is damaged"):
        ShardReader(path)


def test_a_file_is_copied_there_and_back(tmp_path):
    (tmp_path / "here").write_bytes(b"bytes")
    for _ in range(2):
        copy_out(tmp_path / "here", f"{tmp_path}/far/away")
    assert copy_in(f"{tmp_path}/far/away", tmp_path / "back").read_bytes() == b"bytes"
    assert [path.name for path in (tmp_path / "far").iterdir()] == ["away"]
