import pytest

pytest.importorskip("apache_beam", reason="needs the extra beam")

from zfkeras.passes.beam.exchange import copy_in, copy_out, existing, remove


def test_a_file_is_copied_there_and_back(tmp_path):
    (tmp_path / "here").write_bytes(b"bytes")
    path = f"{tmp_path}/far/away.zip"
    for _ in range(2):
        copy_out(tmp_path / "here", path)
    assert copy_in(path, tmp_path / "back").read_bytes() == b"bytes"
    assert existing(f"{tmp_path}/far") == {path}
    remove([path, f"{tmp_path}/never.zip"])
    assert existing(f"{tmp_path}/far") == existing(f"{tmp_path}/nowhere") == set()
