import sys

import pytest

from zfkeras.data.wnids import in_english, without_wnid, wnid_of


@pytest.mark.parametrize(
    ("name", "wnid", "words"),
    [
        ("n02124075 Egyptian cat", "n02124075", "Egyptian cat"),
        ("n02124075 ", "n02124075", "n02124075 "),
        ("n02124075_1.jpg", "n02124075", "n02124075_1.jpg"),
        ("n0212407512 x", None, "n0212407512 x"),
        ("N02124075 x", None, "N02124075 x"),
        ("n\u0660\u0660000000 x", None, "n\u0660\u0660000000 x"),
        ("", None, ""),
    ],
)
def test_a_wnid_is_read_off_the_front_of_a_name(name, wnid, words):
    assert wnid_of(name) == wnid
    assert without_wnid(name) == words


def test_a_bare_wnid_gets_its_english_name(monkeypatch):
    pytest.importorskip("tensorflow_datasets")
    names = ["n02087394", "n02124075 my cat", "n99999999", "dog"]
    english = ("n02087394 Rhodesian ridgeback", *names[1:])
    assert in_english(names) == english
    monkeypatch.setitem(sys.modules, "tensorflow_datasets", None)
    assert in_english(names) == tuple(names)
