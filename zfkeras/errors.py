"""The ways a request can fail that are not bugs.

Everything else that is raised is a bug and keeps its traceback.
"""


class UsageError(ValueError):
    """The request cannot be carried out as given: a command exits with code 2.

    The message is one line that names the input and says what to do.
    """


class RunError(RuntimeError):
    """The request was sound but the run failed: a command exits with code 1.

    The message is one line that says what happened, where, and what to do.
    """


class DiskFull(RunError):
    """There was no room to write a file; what it was to replace is untouched."""
