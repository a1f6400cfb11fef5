"""The one base class of every failure that a user can cause."""


class CnnRnnError(Exception):
    """A failure told in one line.

    Args:
        message: what is wrong, with the value that was received.
        hint: what to do about it; may be empty.
    """

    exit_code = 1

    def __init__(self, message: str, hint: str = ""):
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} ({self.hint})" if self.hint else self.message


class UsageError(CnnRnnError):
    """An option or argument that cannot be meant: exit code 2."""

    exit_code = 2
