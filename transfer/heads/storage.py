"""Heads as files of plain arrays: nothing in them can run, and NumPy alone reads them.

Pickle would run what a stranger put into it, and skops needs this project to read a
head; an .npz needs neither. With scikit-learn alone:

    arrays = numpy.load("head.npz", allow_pickle=False)
    machine = sklearn.svm.LinearSVC()  # LogisticRegression() for a softmax
    machine.coef_, machine.intercept_ = arrays["coef"], arrays["intercept"]
    machine.classes_ = arrays["classes"]
    machine.predict(features)
"""

import json
import zipfile
from pathlib import Path

import numpy as np
from sklearn.utils.validation import check_is_fitted

from transfer.heads.base import LinearHead
from transfer.heads.softmax import SoftmaxHead
from transfer.heads.svm import SVMHead
from zfkeras.errors import UsageError
from zfkeras.io.files import raise_system_errors, written_whole

_KINDS = {"svm": SVMHead, "softmax": SoftmaxHead}
_FORMAT = 1
_ARRAYS = {"classes", "coef", "intercept", "card"}
# What NumPy's headers and the archive's directory may add to the arrays themselves.
_OVERHEAD = 64 * 1024


def save_head(head: LinearHead, path: str | Path) -> None:
    """Writes a fitted head to one file, whole or not at all.

    Args:
        head: fitted on features, or on inner products and shown its features by
            `weigh_features`.
        path: ends in ".npz"; an existing file is replaced.

    Raises:
        UsageError: `path` does not end in ".npz", the head has no `coef_`, or its
            labels are neither numbers nor text.
        NotFittedError: the head has not been fitted.
    """
    path = Path(path)
    if path.suffix != ".npz":
        raise UsageError(f"`path` must end in .npz. Received: path='{path}'.")
    check_is_fitted(head, "classes_")
    if not hasattr(head, "coef_"):
        raise UsageError(
            "`head` must have weights of features: call head.weigh_features(features) "
            "after fit_gram."
        )
    card = {
        "format": _FORMAT,
        "kind": _kind(head),
        "C": float(head.C_),
        "scale": float(head.scale_),
        "parameters": head.get_params(),
    }
    with written_whole(path) as file:
        np.savez(
            file,
            allow_pickle=False,
            classes=_plain(head.classes_),
            coef=head.coef_,
            intercept=head.intercept_,
            card=np.array(json.dumps(card, default=_number)),
        )


def load_head(path: str | Path) -> LinearHead:
    """Reads what `save_head` wrote. Never unpickles and never runs code from the file.

    Args:
        path: the file.

    Returns:
        An `SVMHead` or `SoftmaxHead` with the same answers.

    Raises:
        FileNotFoundError: no such file.
        UsageError: another kind of file, a damaged one, or one that is not safe.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"no head at {path}")
    with open(path, "rb") as file:  # what this raises is not the content's fault
        try:
            return _read(file, path.stat().st_size)
        # Hostile or damaged bytes make zipfile, NumPy and json raise nearly everything.
        except Exception as err:
            raise_system_errors(err)
            lines = str(err).strip().splitlines() or [type(err).__name__]
            raise UsageError(
                f"{path} is not a head, is damaged, or is not safe to load "
                f"({lines[0][:200]})."
            ) from err


def _read(file, size: int) -> LinearHead:
    with zipfile.ZipFile(file) as archive:
        if sum(info.file_size for info in archive.infolist()) > size + _OVERHEAD:
            raise ValueError("it claims to be larger than it is")
        if (damaged := archive.testzip()) is not None:
            raise ValueError(f"its member {damaged} has changed")
    file.seek(0)
    with np.load(file, allow_pickle=False) as arrays:
        if set(arrays.files) != _ARRAYS:
            raise ValueError(f"it holds {sorted(arrays.files)[:8]}")
        classes, coef, intercept = (
            arrays[name] for name in ("classes", "coef", "intercept")
        )
        card = json.loads(arrays["card"].item())
    if card["format"] != _FORMAT:
        raise ValueError(f"format {card['format']}, and this version reads {_FORMAT}")
    _check(classes, coef, intercept, card)
    parameters = dict(card["parameters"])
    parameters.pop("loss", None)  # in files of before, "squared_hinge" or "hinge"
    if isinstance(parameters.get("grid"), list):
        parameters["grid"] = tuple(parameters["grid"])
    head = _KINDS[card["kind"]](**parameters)
    head.classes_, head.coef_, head.intercept_ = classes, coef, intercept
    head.C_, head.scale_ = float(card["C"]), float(card["scale"])
    head.n_features_in_ = coef.shape[1]
    return head


def _check(classes, coef, intercept, card) -> None:
    """Refuses parts that only a foreign hand can have put together."""
    if classes.ndim != 1 or len(classes) < 2 or classes.dtype.kind not in "biufU":
        raise ValueError(f"classes {classes.shape} of type {classes.dtype}")
    if len(np.unique(classes)) != len(classes):
        raise ValueError("classes that repeat")
    rows = 1 if len(classes) == 2 else len(classes)
    if coef.dtype != np.float32 or coef.ndim != 2 or len(coef) != rows:
        raise ValueError(
            f"{coef.dtype} weights {coef.shape} for {len(classes)} classes"
        )
    if intercept.dtype != np.float32 or intercept.shape != (rows,):
        raise ValueError(f"an intercept {intercept.shape} for {len(classes)} classes")
    numbers = np.array([card["C"], card["scale"]], np.float64)
    if not (np.isfinite(numbers).all() and (numbers > 0).all()):
        raise ValueError(f"C and scale {numbers.tolist()}")
    if not (np.isfinite(coef).all() and np.isfinite(intercept).all()):
        raise ValueError("weights that are not finite")


def _kind(head) -> str:
    for name, cls in _KINDS.items():
        if type(head) is cls:
            return name
    raise UsageError(
        f"`head` must be an SVMHead or a SoftmaxHead. Received: {type(head).__name__}."
    )


def _number(value):
    """NumPy's numbers and arrays, which may stand for hyper-parameters, as Python's."""
    return np.asarray(value).tolist()


def _plain(classes):
    """Labels as an array that needs no pickle: Python's strings as NumPy's."""
    if classes.dtype.kind == "O" and all(isinstance(name, str) for name in classes):
        classes = classes.astype(str)
    if classes.dtype.kind not in "biufU":
        raise UsageError(
            "`head` must know labels that are numbers or text. Received: "
            f"classes_.dtype={classes.dtype}."
        )
    return classes
