import io
import json
import pickle
import zipfile

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC

from transfer.heads.softmax import SoftmaxHead
from transfer.heads.solver.gram import gram_matrix
from transfer.heads.storage import load_head, save_head
from transfer.heads.svm import SVMHead
from zfkeras.errors import UsageError

PEERS = {SVMHead: LinearSVC, SoftmaxHead: LogisticRegression}


def problem(n_classes=3, names=("chair", "lamp", "ewer")):
    random = np.random.default_rng(0)
    labels = np.arange(30) % n_classes
    X = random.normal(size=(30, 8)) + 2 * np.eye(8)[labels]
    return X, np.array(names)[labels]


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("Head", PEERS)
def test_a_head_comes_back_as_it_was(Head, n_classes, tmp_path):
    X, y = problem(n_classes)
    head = Head(C=np.float64(3), grid=np.array([1.0, 2]), random_state=np.int64(4))
    head.fit(X, y)
    save_head(head, tmp_path / "head.npz")
    found = load_head(tmp_path / "head.npz")
    assert type(found) is Head
    assert (found.C_, found.scale_, found.n_features_in_) == (3, head.scale_, 8)
    assert found.get_params() == {**head.get_params(), "grid": (1.0, 2.0)}
    np.testing.assert_array_equal(found.decision_function(X), head.decision_function(X))
    np.testing.assert_array_equal(found.predict(X), head.predict(X))
    found.fit(X, y)  # and it can be taught again


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("Head", PEERS)
def test_scikit_learn_alone_can_use_the_file(Head, n_classes, tmp_path):
    X, y = problem(n_classes)
    head = Head(C=1).fit(X, y)
    save_head(head, tmp_path / "head.npz")
    arrays = np.load(tmp_path / "head.npz", allow_pickle=False)
    peer = PEERS[Head]()
    peer.coef_, peer.intercept_ = arrays["coef"], arrays["intercept"]
    peer.classes_ = arrays["classes"]
    np.testing.assert_allclose(
        peer.decision_function(X), head.decision_function(X), rtol=1e-5, atol=1e-5
    )
    np.testing.assert_array_equal(peer.predict(X), head.predict(X))
    if Head is SoftmaxHead:
        np.testing.assert_allclose(
            peer.predict_proba(X), head.predict_proba(X), rtol=1e-5, atol=1e-6
        )


def test_labels_that_are_python_strings_need_no_pickle(tmp_path):
    X, y = problem()
    head = SVMHead(C=1).fit(X, y.astype(object))
    save_head(head, tmp_path / "head.npz")
    found = load_head(tmp_path / "head.npz").predict(X)
    assert found.tolist() == head.predict(X).tolist()


def test_a_head_of_inner_products_must_be_shown_its_features(tmp_path):
    X, y = problem()
    head = SVMHead(C=1).fit_gram(gram_matrix(X), y)
    with pytest.raises(UsageError, match="weigh_features"):
        save_head(head, tmp_path / "head.npz")
    save_head(head.weigh_features(X), tmp_path / "head.npz")
    found = load_head(tmp_path / "head.npz").decision_function(X)
    expected = head.decision_function_gram(gram_matrix(X))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


def test_what_cannot_be_saved_is_refused(tmp_path):
    X, y = problem()
    head = SVMHead(C=1).fit(X, y)
    with pytest.raises(UsageError, match=r"`path` must end in \.npz"):
        save_head(head, tmp_path / "head.pkl")
    with pytest.raises(NotFittedError):
        save_head(SVMHead(), tmp_path / "head.npz")
    head.classes_ = np.array([0, "a", (1, 2)], object)
    with pytest.raises(UsageError, match="numbers or text"):
        save_head(head, tmp_path / "head.npz")
    with pytest.raises(UsageError, match="must be an SVMHead or a SoftmaxHead"):
        save_head(type("Other", (SVMHead,), {})(C=1).fit(X, y), tmp_path / "head.npz")
    assert not list(tmp_path.iterdir())


def members(path):
    with np.load(path, allow_pickle=False) as arrays:
        return dict(arrays)


def with_card(arrays, **changes):
    card = {**json.loads(arrays["card"].item()), **changes}
    return {**arrays, "card": np.array(json.dumps(card))}


FORGERIES = {
    "another member": lambda a: {**a, "code": np.zeros(3)},
    "a member less": lambda a: {k: v for k, v in a.items() if k != "coef"},
    "weights of another shape": lambda a: {**a, "coef": a["coef"][:2]},
    "weights that are whole": lambda a: {**a, "coef": a["coef"].astype(int)},
    "weights without end": lambda a: {**a, "coef": a["coef"] * np.float32(np.inf)},
    "an intercept too long": lambda a: {**a, "intercept": np.zeros(9, np.float32)},
    "classes that repeat": lambda a: {**a, "classes": np.array(["a", "a", "b"])},
    "no card": lambda a: {**a, "card": np.array("none")},
    "a later format": lambda a: with_card(a, format=2),
    "an unknown kind": lambda a: with_card(a, kind="os.system"),
    "an unknown parameter": lambda a: with_card(a, parameters={"shell": "true"}),
    "no C": lambda a: with_card(a, C=None),
    "a negative C": lambda a: with_card(a, C=-1),
    "a scale of nothing": lambda a: with_card(a, scale=0),
}


@pytest.mark.parametrize("name", FORGERIES)
def test_a_forged_file_is_refused(name, tmp_path):
    save_head(SVMHead(C=1).fit(*problem()), tmp_path / "head.npz")
    np.savez(tmp_path / "forged.npz", **FORGERIES[name](members(tmp_path / "head.npz")))
    with pytest.raises(UsageError, match="is not a head, is damaged, or is not safe"):
        load_head(tmp_path / "forged.npz")


class Hostile:
    def __reduce__(self):
        return (pytest.fail, ("a file from a stranger was unpickled",))


def test_pickles_are_never_opened(tmp_path):
    save_head(SVMHead(C=1).fit(*problem()), tmp_path / "head.npz")
    arrays = members(tmp_path / "head.npz")
    arrays["classes"] = np.array([Hostile()] * 3, object)
    np.savez(tmp_path / "objects.npz", allow_pickle=True, **arrays)
    (tmp_path / "pickle.npz").write_bytes(pickle.dumps(Hostile()))
    for name in ("objects.npz", "pickle.npz"):
        with pytest.raises(UsageError, match="not safe to load"):
            load_head(tmp_path / name)


def test_a_small_file_that_unpacks_to_a_large_one_is_refused(tmp_path):
    zeros = io.BytesIO()
    np.save(zeros, np.zeros(1_000_000))
    with zipfile.ZipFile(tmp_path / "a.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("classes", "coef", "intercept", "card"):
            archive.writestr(f"{name}.npy", zeros.getvalue())
    with pytest.raises(UsageError, match="larger than it is"):
        load_head(tmp_path / "a.npz")


def test_damage_and_absence_are_named(tmp_path):
    path = tmp_path / "head.npz"
    save_head(SVMHead(C=1).fit(*problem()), path)
    whole = path.read_bytes()
    for damaged in (whole[: len(whole) // 2], b"", b"words"):
        path.write_bytes(damaged)
        with pytest.raises(UsageError, match=r"head\.npz is not a head"):
            load_head(path)
    place = whole.index(b"chair".decode().encode("utf-32-le"))
    path.write_bytes(whole[:place] + b"k" + whole[place + 1 :])
    with pytest.raises(UsageError, match=r"member classes\.npy has changed|[Bb]ad CRC"):
        load_head(path)
    with pytest.raises(FileNotFoundError, match="no head at"):
        load_head(tmp_path / "none.npz")
