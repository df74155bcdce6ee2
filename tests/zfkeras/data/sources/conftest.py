import pytest

from zfkeras.data.register import open_source
from zfkeras.errors import UsageError


@pytest.fixture
def refused():
    """Asserts that a set at a path is refused in one line that names the path."""

    def refused(prefix, path, match):
        with pytest.raises(UsageError, match=match) as caught:
            open_source(f"{prefix}:{path}")
        assert str(path) in str(caught.value)
        assert "\n" not in str(caught.value)

    return refused
