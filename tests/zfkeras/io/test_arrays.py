import numpy as np
import pytest

from zfkeras.io.arrays import read_array, read_arrays, write_array


def test_an_array_comes_back_and_numpy_reads_it_too(tmp_path):
    array = np.random.default_rng(0).normal(size=(3, 5, 2)).astype(np.float32)
    write_array(tmp_path / "a.npy", array)
    for read in (read_array, np.load):
        found = read(tmp_path / "a.npy")
        assert found.dtype == np.float32 and np.array_equal(found, array)


def test_no_changed_byte_of_an_array_is_read(tmp_path):
    path = tmp_path / "a.npy"
    write_array(path, np.arange(20, dtype=np.float32))
    whole = path.read_bytes()
    for place in range(len(whole)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 4]) + whole[place + 1 :])
        with pytest.raises(ValueError, match="checksum"):
            read_array(path)
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(ValueError, match="checksum"):
            read_array(path)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"'<f4'", b"'<f2'"),
        (b"(60, 800)", b"(30, 800)"),
        (b"(60, 800)", b"(60, 400)"),
    ],
)
def test_a_header_that_tells_of_less_than_there_is_is_refused(tmp_path, old, new):
    path = tmp_path / "a.npz"
    np.savez(path, x=np.ones((60, 800), np.float32))
    content = path.read_bytes()
    assert content.count(old) == 1
    path.write_bytes(content.replace(old, new))
    with np.load(path) as archive:
        assert archive["x"].nbytes == 96_000  # NumPy does not notice
    with pytest.raises(ValueError, match="x.npy has changed"):
        read_arrays(path)
    path.write_bytes(content)
    assert (read_arrays(path)["x"] == 1).all()


def test_nothing_is_unpickled(tmp_path):
    np.savez(tmp_path / "a.npz", x=np.array([{}], object))
    with pytest.raises(ValueError, match="allow_pickle"):
        read_arrays(tmp_path / "a.npz")
