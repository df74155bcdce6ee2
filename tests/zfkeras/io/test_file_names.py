from urllib.parse import unquote

import numpy as np
import pytest

from zfkeras.io.file_names import file_name_of, layer_stem

NAMES = (
    "conv1",
    "inner/conv1",
    "inner_conv1",
    "inner%2Fconv1",
    "../../x",
    "C:\\x",
    "a\0\n|<b>",
    "größe",
    "猫" * 30,
    "",
    ".",
    "x=0123456789abcdef",
    "\udcff",
    "1",
    "features",
    "Conv1",
    "CONV1",
    "Größe",
)


@pytest.mark.parametrize("name", NAMES)
def test_any_name_is_a_file_beside_others(name, tmp_path):
    path = tmp_path / f"{layer_stem(name)}-0001-left.png"
    path.write_bytes(b"pixels")
    assert [*tmp_path.iterdir()] == [path]
    if "=" not in file_name_of(name):
        assert unquote(file_name_of(name), errors="surrogatepass") == name


def test_no_two_names_have_the_same_file():
    names = {*NAMES, *("x" * count for count in range(1, 300))}
    names |= {"x" * 250 + letter for letter in "abc"}
    names |= {file_name_of(name) for name in names}
    # Nor on a disk that takes capitals for small letters, where Conv1 was conv1.
    assert len({file_name_of(name).lower() for name in names}) == len(names)
    assert max(len(file_name_of(name)) for name in names) == 97
    assert file_name_of("x" * 97) == "x" * 97


def test_numbers_and_names_are_told_apart():
    assert layer_stem(1) == layer_stem(np.int64(1)) == "layer1"
    assert layer_stem("1") == "layer-1"
