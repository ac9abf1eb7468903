"""The few general ways in which the world is not as we would like.

Every `ExpectedError` has a stable `code` that programs may rely on and a sentence that says what
to do. Each boundary (OCPP, REST, pages, command line, outbox) translates them once. Whatever is
not an `ExpectedError` is our own mistake and is caught only at those boundaries.
"""

from typing import ClassVar


class ExpectedError(Exception):
    """Something foreseen went wrong; `str(error)` is meant for the person who asked."""

    code: ClassVar[str] = "expected_error"


class InvalidInput(ExpectedError):
    """Whoever asked must ask differently; `field` is the path of what is wrong, if one thing is."""

    code = "invalid_input"

    def __init__(self, message: str, *, field: str | None = None) -> None:
        self.field = field
        super().__init__(message)


class NotFound(ExpectedError):
    """There is no such thing, or none that the asker may know of."""

    code = "not_found"

    def __init__(self, what: str, key: object) -> None:
        self.what = what
        self.key = key
        super().__init__(f"There is no {what} {key!r}.")


class NotPermitted(ExpectedError):
    """The asker lacks a right; the message names it."""

    code = "not_permitted"


class Conflict(ExpectedError):
    """Someone was faster, or the state does not allow it now; asking again may help."""

    code = "conflict"


class Unavailable(ExpectedError):
    """A neighbour (database, mail server, partner) is down; trying later will help."""

    code = "unavailable"


def errors_in(group: BaseExceptionGroup[BaseException]) -> list[BaseException]:
    """Return the errors of a group of tasks, which may hold groups; the earliest first."""
    found: list[BaseException] = []
    for each in group.exceptions:
        found += errors_in(each) if isinstance(each, BaseExceptionGroup) else [each]
    return found
