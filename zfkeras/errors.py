"""Errors that are no bugs, such as wrong input.

Any other exception is a bug, and its traceback is shown.
"""


class _Explained(Exception):
    """An error that says what was given and what was expected, in fields and words.

    Args:
        message: the whole line, where the usual form does not fit. Empty (default): it
            is made of the fields: "ARGUMENT must be EXPECTED. Received: RECEIVED."
            and then `remedy`.
        argument: what is wrong, as the user knows it: a flag ("--data"), a setting
            ("data.num_classes"), an argument ("layer") or the path of a file.
        received: its value.
        expected: what it must be, as the end of "must be ...".
        remedy: a sentence that says what to do.
    """

    def __init__(
        self,
        message: str = "",
        *,
        argument: str | None = None,
        received: object = None,
        expected: str | None = None,
        remedy: str = "",
    ):
        if not message:
            message = f"{argument} must be {expected}. Received: {received}. {remedy}"
        super().__init__(message.strip())
        self.argument = argument
        self.received = received
        self.expected = expected


class UsageError(_Explained, ValueError):
    """The request cannot be carried out as given: a command exits with code 2.

    The message is one line that names the input and says what to do.
    """


class RunError(_Explained, RuntimeError):
    """The request was sound but the run failed: a command exits with code 1.

    The message is one line that says what happened, where, and what to do.
    """
