import os
import pickle
import zipfile

import numpy as np
import pytest
import skops.io
from sklearn.exceptions import NotFittedError
from sklearn.svm import LinearSVC

from transfer.heads.softmax import SoftmaxHead
from transfer.heads.solver.gram import gram_matrix
from transfer.heads.storage import load_head, save_head
from transfer.heads.svm import SVMHead
from zfkeras.errors import UsageError


def problem(n_classes=3):
    random = np.random.default_rng(0)
    labels = np.arange(30) % n_classes
    X = random.normal(size=(30, 8)) + 2 * np.eye(8)[labels]
    return X, np.array(["chair", "lamp", "ewer"])[labels]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "head.skops"


@pytest.fixture
def whole(path):
    save_head(SVMHead(C=1).fit(*problem()), path)
    return path.read_bytes()


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("Head", [SVMHead, SoftmaxHead])
@pytest.mark.parametrize("kind", [str, object])
def test_a_head_comes_back_as_it_was(Head, n_classes, kind, path):
    X, y = problem(n_classes)
    head = Head(C=np.float64(3), grid=np.array([1.0, 2]), random_state=np.int64(4))
    head.fit(X, y.astype(kind))
    save_head(head, path)
    found = load_head(path)
    assert type(found) is Head
    assert found.get_params().keys() == head.get_params().keys()
    assert vars(found).keys() == vars(head).keys()
    for name, value in vars(head).items():
        np.testing.assert_array_equal(vars(found)[name], value)
    np.testing.assert_array_equal(found.predict(X), head.predict(X))
    found.fit(X, y)


def test_a_head_of_inner_products_must_be_shown_its_features(path):
    X, y = problem()
    head = SVMHead(C=1).fit_gram(gram_matrix(X), y)
    with pytest.raises(UsageError, match="weigh_features"):
        save_head(head, path)
    save_head(head.weigh_features(X), path)
    found = load_head(path).decision_function(X)
    expected = head.decision_function_gram(gram_matrix(X))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


def test_save_head_refuses_other_objects_and_names(tmp_path, path):
    head = SVMHead(C=1).fit(*problem())
    for one, where, argument in [
        (head, tmp_path / "head.npz", "`path`"),
        (LinearSVC().fit(*problem()), path, "`head`"),
        (type("Other", (SVMHead,), {})(C=1).fit(*problem()), path, "`head`"),
    ]:
        with pytest.raises(UsageError) as caught:
            save_head(one, where)
        assert caught.value.argument == argument
    with pytest.raises(NotFittedError):
        save_head(SVMHead(), path)
    assert not list(tmp_path.iterdir())


class Hostile:
    def __reduce__(self):
        return (pytest.fail, ("a file from a stranger was unpickled",))


def npz(path):
    with open(path, "wb") as file:
        np.savez(file, coef=np.array([Hostile()], object), allow_pickle=True)


def compressed(path):
    with open(path, "wb") as file:
        head = SVMHead(C=1).fit(*problem())
        skops.io.dump(head, file, compression=zipfile.ZIP_DEFLATED)


FOREIGN = {
    "no archive": lambda path: path.write_bytes(b"words"),
    "a pickle": lambda path: path.write_bytes(pickle.dumps(Hostile())),
    "an npz, as earlier versions wrote": npz,
    "a compressed file": compressed,
    "a function": lambda path: skops.io.dump(os.system, path),
    "a head with a function": lambda path: skops.io.dump(SVMHead(grid=os.system), path),
    "another estimator": lambda path: skops.io.dump(LinearSVC().fit(*problem()), path),
    "a head without weights": lambda path: skops.io.dump(SVMHead(), path),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_a_foreign_file_is_refused_and_not_run(name, path):
    FOREIGN[name](path)
    with pytest.raises(UsageError) as caught:
        load_head(path)
    assert caught.value.argument == str(path)
    assert "again" in str(caught.value) and len(str(caught.value).splitlines()) == 1


def test_a_damaged_file_is_refused(path, whole):
    half = len(whole) // 2
    flipped = whole[:half] + bytes([whole[half] ^ 1]) + whole[half + 1 :]
    for content in (whole[:half], b"", flipped):
        path.write_bytes(content)
        with pytest.raises(UsageError) as caught:
            load_head(path)
        assert caught.value.argument == str(path)
    with pytest.raises(FileNotFoundError, match="no head at"):
        load_head(path.with_name("none.skops"))
