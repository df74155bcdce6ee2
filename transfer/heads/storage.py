"""Heads as files of skops, which unlike pickle runs no code from the file."""

import zipfile
from pathlib import Path

from sklearn.utils.validation import check_is_fitted

from transfer.heads.base import LinearHead
from transfer.heads.softmax import SoftmaxHead
from transfer.heads.svm import SVMHead
from zfkeras.errors import UsageError
from zfkeras.io.files import raise_system_errors, written_whole

_HEADS = (SVMHead, SoftmaxHead)


def save_head(head: LinearHead, path: str | Path) -> None:
    """Writes a fitted head to one file, whole or not at all.

    Args:
        head: fitted on features, or on inner products and shown its features by
            `weigh_features`.
        path: ends in ".skops"; an existing file is replaced.

    Raises:
        UsageError: `path` does not end in ".skops", or `head` is no `SVMHead` or
            `SoftmaxHead`, or it has no `coef_`.
        NotFittedError: the head has not been fitted.
    """
    import skops.io

    path = Path(path)
    if path.suffix != ".skops":
        raise UsageError(
            argument="`path`", received=f"path='{path}'", expected="one of .skops"
        )
    if type(head) not in _HEADS:
        raise UsageError(
            argument="`head`",
            received=type(head).__name__,
            expected="an SVMHead or a SoftmaxHead",
        )
    check_is_fitted(head, "classes_")
    if not hasattr(head, "coef_"):
        raise UsageError(
            argument="`head`",
            received="one of fit_gram",
            expected="a head with weights of features",
            remedy="Call head.weigh_features(features) after fit_gram.",
        )
    with written_whole(path) as file:
        skops.io.dump(head, file)


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
    import skops.io

    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"no head at {path}")
    with open(path, "rb") as file:  # an error here is not due to the content
        try:
            # skops stores what it writes; a compressed member could fill the memory.
            with zipfile.ZipFile(file) as archive:
                if any(info.compress_type for info in archive.infolist()):
                    raise ValueError("it is compressed")
            head = skops.io.load(file, trusted=[*_HEADS])
            if type(head) not in _HEADS:
                raise ValueError(f"it holds a {type(head).__name__}")
            check_is_fitted(head, "coef_")
            return head
        # Hostile or damaged bytes make zipfile, NumPy and skops raise nearly anything.
        except Exception as err:
            raise_system_errors(err)
            lines = str(err).strip().splitlines() or [type(err).__name__]
            raise UsageError(
                argument=str(path),
                received=lines[0][:200],
                expected="a whole and safe file of save_head",
                remedy="Fit and save the heads of earlier versions (.npz) again.",
            ) from err
